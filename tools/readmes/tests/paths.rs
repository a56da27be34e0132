//! What the documents name is there: the targets of their links, and the paths of files and folders.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/filters.md",
    "docs/guide.md",
    "docs/integrations.md",
    "docs/migrating.md",
    "docs/reliability.md",
    "docs/source-code.md",
    "docs/writers.md",
    "examples/README.md",
    "compat/build/README.md",
    "compat/opentelemetry/README.md",
    "compat/opentracing/README.md",
    "compat/opentracing-rs/README.md",
];

/// Paths of the repository begin with one of these; others may be of the reader's machine.
const FOLDERS: [&str; 7] = ["src/", "tests/", "compat/", "tools/", "benches/", "fuzz/", "docs/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn what_the_documents_name_is_there() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap();
        let links = links(&text);
        let links = links.iter().filter(|link| !is_there(folder, link));
        let paths = paths(&text);
        // Beside a README `tests/..` is a file of its crate, and the architecture leaves out `src/`.
        let roots = [root(), folder.to_owned(), root().join("src")];
        let paths = paths.iter().filter(|path| !roots.iter().any(|root| is_there(root, path)));
        missing.extend(links.chain(paths).map(|name| format!("{document}: {name}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A module is a folder, or a file.
fn is_there(folder: &Path, path: &str) -> bool {
    let path = folder.join(path);
    path.exists() || path.with_extension("rs").exists()
}

/// The targets of links within the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':')).collect()
}

/// What stands between backticks and is a path of the repository.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_path = |quoted: &&str| {
        let is_file = quoted.contains('/') && quoted.ends_with(".rs");
        let is_of_repository = FOLDERS.iter().any(|folder| quoted.starts_with(folder));
        (is_file || is_of_repository) && !quoted.contains([' ', '*', '<'])
    };
    quoted.filter(is_path).collect()
}

#[test]
fn links_and_paths_are_found() {
    let text =
        "See [a](docs/a.md#b), [c](#d), [e](https://f.g) `src/h`, `i/j.rs`; `cargo test` is none.";
    assert_eq!(links(text), ["docs/a.md"]);
    assert_eq!(paths(text), ["src/h", "i/j.rs"]);
}
