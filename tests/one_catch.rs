//! Panics are caught in one place, so that each is counted, and what it panicked with cannot do harm either.

#![allow(clippy::unwrap_used)]

#[path = "common/sources.rs"]
mod sources;

use std::fs;
use std::path::Path;

use sources::{files_below, without_comments};

/// Whether the part of a source that is no test catches panics itself.
fn catches(source: &str) -> bool {
    source.split("#[cfg(test)]").next().unwrap().contains("catch_unwind")
}

#[test]
fn panics_are_caught_in_one_place() {
    for of_crate in ["", "compat/opentelemetry"] {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(of_crate).join("src");
        let catching = files_below(&src).into_iter().filter(|file| {
            catches(&without_comments(&fs::read_to_string(file).unwrap()))
                && !file.components().any(|part| part.as_os_str() == "tests")
        });
        let catching: Vec<_> =
            catching.map(|file| file.strip_prefix(&src).unwrap().to_owned()).collect();
        let allowed = if of_crate.is_empty() { &[Path::new("catch.rs")][..] } else { &[] };
        assert_eq!(catching, allowed, "call `user_code::call`, or `catch`");
    }
}

#[test]
fn the_reader_of_sources_sees_a_catch() {
    assert!(catches("fn f() { let _ = std::panic::catch_unwind(|| ()); }"));
    assert!(!catches("fn f() {}\n#[cfg(test)]\nmod tests { fn f() { catch_unwind(|| ()); } }"));
}
