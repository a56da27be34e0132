//! The folders of this crate have a direction: each imports from those before it only.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. What is not here (the tables of contents, the mock, the checks) may import everything.
const ROOMS: [&str; 9] =
    ["fields", "tags", "value", "carrier", "context", "handle", "active", "builder", "global"];

fn files_of(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    match fs::read_dir(src.join(room)) {
        Ok(folder) => folder.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![src.join(room).with_extension("rs")],
    }
}

/// The modules named after `crate::` in a file's code, one in each `use`; comments may link to anything.
fn imported(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let code: Vec<_> = text.lines().filter_map(|line| line.split("//").next()).collect();
    let code = code.join("\n");
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = |rest: &str| rest.split(|c| !is_name(c)).next().unwrap().to_owned();
    code.split("crate::").skip(1).map(name).collect()
}

#[test]
fn each_room_imports_from_those_below_it() {
    let mut imports = 0;
    for (floor, room) in ROOMS.iter().enumerate() {
        for file in files_of(room) {
            for other in imported(&file) {
                let below = ROOMS.iter().take(floor).any(|below| *below == other);
                assert!(below, "{} imports crate::{other}", file.display());
                imports += 1;
            }
        }
    }
    assert!(imports > 10, "the imports were not found");
}
