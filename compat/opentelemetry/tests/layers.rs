//! Rooms import only from rooms below them, and no cycle of imports has more than two files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../../../tests/common/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sources::{files_below, without_comments};

/// From the lowest to the highest. `lib.rs` is above all of them.
const ROOMS: [&str; 5] = ["convert", "span", "context", "api", "sdk"];

fn floor(room: &str) -> usize {
    ROOMS.iter().position(|known| *known == room).expect("a room with a floor")
}

/// The paths that a source names after `prefix`, as far as they are names of modules: `a::b` of `crate::a::b::C`.
fn paths<'s>(source: &'s str, prefix: &'s str) -> impl Iterator<Item = Vec<&'s str>> {
    source.split(prefix).skip(1).map(|rest| {
        let is_of_path = |c: char| c.is_lowercase() || c == '_' || c == ':';
        let path = rest.split(|c| !is_of_path(c)).next().unwrap();
        path.split("::").filter(|name| !name.is_empty()).collect()
    })
}

/// Each file that is no table of contents, as `room/file`, and its source without comments and tests.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files_below(&src).into_iter().filter_map(|file| {
        let name = file.strip_prefix(&src).unwrap().with_extension("").to_str()?.to_owned();
        let source = without_comments(&fs::read_to_string(file).unwrap());
        let library = source.split("#[cfg(test)]").next().unwrap().to_owned();
        (name != "lib" && !name.ends_with("/mod")).then_some((name, library))
    });
    files.collect()
}

#[test]
fn no_room_imports_from_a_room_above_it() {
    let sources = sources();
    assert!(sources.len() > 30, "the sources were not found");
    for (file, source) in sources {
        assert!(!source.contains("crate::{"), "{file}: one import for each room");
        let own = file.split('/').next().unwrap();
        for path in paths(&source, "crate::") {
            assert!(path[0] == own || floor(path[0]) < floor(own), "{file} imports {path:?}");
        }
    }
}

#[test]
fn no_cycle_has_more_than_two_files() {
    let sources = sources();
    let imports = |(file, source): (&String, &String)| {
        let room = file.split('/').next().unwrap();
        let of_room = |path: Vec<&str>| format!("{room}/{}", path.first().unwrap_or(&""));
        let near = paths(source, "super::").map(of_room);
        let imported = near.filter(|other| sources.contains_key(other) && other != file);
        (file.clone(), imported.collect::<BTreeSet<_>>())
    };
    let imports: BTreeMap<_, _> = sources.iter().map(imports).collect();
    let count: usize = imports.values().map(BTreeSet::len).sum();
    assert!(count > 40, "the imports were not found");
    for first in imports.keys() {
        // What is reached from a file, and reaches it.
        let reached = |from: &String| {
            let mut all = BTreeSet::from([from.clone()]);
            let mut open = vec![from.clone()];
            while let Some(file) = open.pop() {
                open.extend(
                    imports[&file].iter().filter(|next| all.insert((*next).clone())).cloned(),
                );
            }
            all
        };
        let cycle: Vec<_> =
            reached(first).into_iter().filter(|other| reached(other).contains(first)).collect();
        assert!(cycle.len() <= 2, "{cycle:?}");
    }
}
