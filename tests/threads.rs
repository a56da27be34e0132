//! Every thread of the library blocks the program's signals: none is started but by `spawn_background`.

#![allow(clippy::unwrap_used)]

#[path = "common/sources.rs"]
mod sources;

use std::fs;
use std::path::Path;

use sources::{files_below, without_comments};

/// How a thread can be started, also by others.
const STARTS: [&str; 7] = [
    "thread::spawn",
    "thread::scope",
    "thread::Builder",
    "thread::{",
    "spawn_blocking",
    "Builder::new().name(",
    "runtime::Builder",
];
/// What may be imported together with others.
const HARMLESS: [&str; 6] = ["self", "sleep", "yield_now", "JoinHandle", "Thread", "LocalKey"];

/// Where a source starts a thread by itself.
fn starts(source: &str) -> Vec<&str> {
    let tests = ["#[cfg(test)]", "#[cfg(all(test,"];
    let library = tests.iter().fold(source, |rest, mark| rest.split(mark).next().unwrap());
    let places = STARTS.iter().flat_map(|start| library.match_indices(start));
    let places = places.map(|(at, _)| library.split_at(at).1.lines().next().unwrap());
    let is_import = |line: &&str| {
        let names = line.strip_prefix("thread::{").and_then(|rest| rest.split_once('}'));
        names.is_none_or(|(names, _)| names.split(',').any(|name| !HARMLESS.contains(&name.trim())))
    };
    places.filter(is_import).collect()
}

#[test]
fn threads_are_started_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = files_below(&root.join("src"));
    files.extend(files_below(&root.join("compat")));
    files.extend(files_below(&root.join("platform")));
    // The one place; and what checks others' implementations, which no program runs.
    let allowed = ["platform/machine/src/background.rs", "compat/opentracing-rs/src/conformance"];
    let is_library = |path: &Path| {
        let inside = path.strip_prefix(root).unwrap();
        let is_source = inside.iter().any(|part| part == "src");
        let is_test = inside.iter().any(|part| {
            ["tests", "tests.rs", "test_server.rs", "models", "models.rs"]
                .iter()
                .any(|name| part == *name)
        });
        is_source && !is_test && !allowed.iter().any(|place| inside.starts_with(place))
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files.iter().filter(|path| is_library(path)) {
        seen += 1;
        let source = without_comments(&fs::read_to_string(file).unwrap());
        for place in starts(&source) {
            wrong.push(format!("{}: {place}", file.display()));
        }
    }
    assert!(seen > 100, "the sources were not found");
    assert!(wrong.is_empty(), "use `tracehound_machine::spawn_background`: {wrong:#?}");
}

#[test]
fn the_reader_of_threads_sees_every_form() {
    for bad in [
        "std::thread::spawn(|| ());",
        "use std::thread::{self, Builder};",
        "thread::scope(|scope| scope.spawn(work));",
        "std::thread::Builder::new().spawn(work);",
        "tokio::task::spawn_blocking(work);",
    ] {
        assert_eq!(starts(bad).len(), 1, "{bad}");
    }
    for good in [
        "use std::thread::{sleep, yield_now};",
        "spawn_background(\"name\", work);",
        "#[cfg(test)]\nmod tests { fn f() { std::thread::spawn(|| ()); } }",
    ] {
        assert_eq!(starts(good), [""; 0], "{good}");
    }
}
