//! Every Rust snippet of the READMEs compiles in a new package that has the dependencies listed above it and no others.
//!
//! The versions are those of this repository's lock file, and its own crates come from the working tree.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tracehound_test_support::within;

include!(concat!(env!("OUT_DIR"), "/listed.rs"));

/// For one snippet. The first compiles the crates that it needs.
const LIMIT: Duration = Duration::from_secs(900);

/// Where the READMEs say that this repository is.
const REPOSITORY: &str = concat!("git = \"", env!("CARGO_PKG_REPOSITORY"), "\"");

/// The crates that are here, and where.
const OWN: [(&str, &str); 4] = [
    ("tracehound", ""),
    ("tracehound-opentelemetry", "compat/opentelemetry"),
    ("tracehound-opentracing", "compat/opentracing"),
    ("opentracing-rs", "compat/opentracing-rs"),
];

#[test]
fn each_snippet_builds_with_the_dependencies_above_it() {
    for (name, dependencies, program) in LISTED {
        within(LIMIT, || check(name, &manifest(name, dependencies), program));
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn check(name: &str, manifest: &str, program: &str) {
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readmes");
    let package = packages.join(name);
    // An example, because those have the dependencies of tests as well.
    fs::create_dir_all(package.join("examples")).unwrap();
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("examples/snippet.rs"), program).unwrap();
    fs::copy(repository().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let cargo = |more: &[&str]| -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["check", "--quiet", "--example", "snippet"]).args(more).current_dir(&package);
        cargo.env("CARGO_TARGET_DIR", packages.join("target")).env("CARGO_INCREMENTAL", "0");
        cargo.output().unwrap()
    };
    // Crates for other sets of features may not be on this machine yet.
    if cargo(&["--offline"]).status.success() {
        return;
    }
    let checked = cargo(&[]);
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{name}, with\n{manifest}\n{said}");
}

/// A manifest with what some TOML blocks list; of two entries for one crate the later counts.
fn manifest(name: &str, blocks: &[&str]) -> String {
    let mut sections = BTreeMap::<String, BTreeMap<String, String>>::new();
    for block in blocks {
        let mut section = "[dependencies]".to_owned();
        for line in block.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.split_once('=') {
                None if line.starts_with('[') => section = line.to_owned(),
                None => assert_eq!(line, "", "{name}"),
                Some((package, source)) => {
                    let (package, source) = (package.trim(), with_path(package.trim(), source));
                    sections.entry(section.clone()).or_default().insert(package.to_owned(), source);
                }
            }
        }
    }
    // A workspace of its own.
    let mut manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautolib = false\n[workspace]\n"
    );
    for (section, entries) in sections {
        manifest += &format!("{section}\n");
        for (package, source) in entries {
            manifest += &format!("{package} = {source}\n");
        }
    }
    manifest
}

/// The source of a dependency, with the path here in the place of this repository's address.
fn with_path(package: &str, source: &str) -> String {
    let Some((_, folder)) = OWN.iter().find(|(own, _)| *own == package) else {
        return source.trim().to_owned();
    };
    assert!(source.contains(REPOSITORY), "{package} is to be taken from the repository: {source}");
    let path = repository().join(folder);
    source.trim().replace(REPOSITORY, &format!("path = {:?}", path.to_str().unwrap()))
}
