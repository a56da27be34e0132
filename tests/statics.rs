//! No static of the library holds what a forked child could wait for: `docs/architecture.md`, "Fork".

#![allow(clippy::unwrap_used)]

#[path = "common/sources.rs"]
mod sources;

use std::fs;
use std::path::Path;

use sources::{files_below, without_comments};

/// Types that wait for a thread, which in a child may not exist.
const WAITING: [&str; 7] =
    ["Mutex<", "ShortLock<", "RwLock<", "OnceLock<", "LazyLock<", "Once ", "Condvar "];
/// Gives each process a value of its own, and so may hold any of them.
const SAFE: &str = "PerProcess<";

/// The statics of a source that a child could wait for.
fn unsafe_to_fork(source: &str) -> Vec<&str> {
    let library = source.split("#[cfg(test)]").next().unwrap();
    let places = library.match_indices("static ").map(|(at, _)| library.split_at(at));
    let statics = places.filter(|(before, _)| !before.ends_with('\''));
    let statics = statics.filter_map(|(_, rest)| Some(rest.split_once('=')?.0));
    let waits = |declared: &&str| WAITING.iter().any(|waiting| declared.contains(waiting));
    statics.filter(|declared| waits(declared) && !declared.contains(SAFE)).collect()
}

#[test]
fn statics_can_be_forked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = files_below(&root.join("src"));
    for bridge in ["compat/opentelemetry/src", "compat/opentracing/src"] {
        files.extend(files_below(&root.join(bridge)));
    }
    let is_test = |path: &Path| path.file_name().is_some_and(|name| name == "tests.rs");
    let mut wrong = Vec::new();
    for file in files.iter().filter(|path| !is_test(path)) {
        let source = without_comments(&fs::read_to_string(file).unwrap());
        for declared in unsafe_to_fork(&source) {
            wrong.push(format!("{}: {declared}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "put it into `PerProcess`, or use `WriteOnce`: {wrong:#?}");
}

#[test]
fn the_reader_of_statics_sees_every_form() {
    let bad = [
        "static A: Mutex<u8> = Mutex::new(0);",
        "    static NAME: std::sync::OnceLock<Vec<&'static str>> =\n        x();",
        "pub(crate) static B: [Shard<RwLock<u8>>; 4] = x();",
    ];
    for source in bad {
        assert_eq!(unsafe_to_fork(source).len(), 1, "{source}");
    }
    let good = [
        "static A: PerProcess<Mutex<u8>> = PerProcess::new();",
        "static A: AtomicU8 = AtomicU8::new(0);",
        "fn f(a: &'static Mutex<u8>, b: u8) { let c = 1; }",
        "#[cfg(test)]\nmod tests { static A: Mutex<u8> = x(); }",
    ];
    for source in good {
        assert_eq!(unsafe_to_fork(source), [""; 0], "{source}");
    }
}
