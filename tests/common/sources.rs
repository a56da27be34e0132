//! The library's own sources, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file of Rust in a folder and those below.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Comments may name anything: documentation links go up as well as down.
pub(crate) fn without_comments(source: &str) -> String {
    source.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}
