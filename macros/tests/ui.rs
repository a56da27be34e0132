//! What the compiler says where an attribute is used wrongly, and what it must take.
//!
//! `TRYBUILD=overwrite cargo test -p tracehound-macros --test ui` writes what it says now.

#![allow(missing_docs)]

use std::process::Command;

/// The compiler whose own words are around ours in `ui/types_wrong.stderr`; those of others differ.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn mistakes_are_told_what_to_write_instead() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/*_right.rs");
    for mistakes in ["items", "main", "options"] {
        cases.compile_fail(format!("tests/ui/{mistakes}_wrong.rs"));
    }
    let version = Command::new("rustc").arg("--version").output().unwrap().stdout;
    if String::from_utf8_lossy(&version).starts_with(COMPILER) {
        cases.compile_fail("tests/ui/types_wrong.rs");
    }
}
