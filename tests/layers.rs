//! Modules import only from layers below their own: `docs/architecture.md` has the table and the reasons.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/sources.rs"]
mod sources;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use sources::{files_below, without_comments};

/// Each top-level module and its layer. A module may import modules of lower layers, and its own files.
const LAYERS: &[(&str, u8)] = &[
    ("catch", 0),
    ("clock", 0),
    ("error", 0),
    ("frames", 0),
    ("id", 0),
    ("shard", 0),
    ("suppression", 0),
    ("sync", 0),
    ("text", 0),
    ("diag", 1),
    ("panics", 1),
    ("primitives", 1),
    ("quantize", 1),
    ("replaceable", 1),
    ("config", 2),
    ("user_code", 2),
    ("naming", 3),
    ("trace", 3),
    ("captured", 4),
    ("peer_service", 4),
    ("propagation", 4),
    ("sampling", 4),
    ("encode", 5),
    ("filter", 5),
    ("agent", 6),
    ("stats", 7),
    ("pipeline", 8),
    ("tracer", 9),
    ("bridge", 10),
    ("http", 10),
    ("integration", 10),
    ("macro_support", 11),
    ("testing", 10),
];

/// The rooms of `trace`, from the lowest up: a file imports from its own room by `super::`, and from lower ones through
/// their `mod.rs`.
const ROOMS: &[&str] = &["values", "tags", "store", "active", "span"];

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// The modules named after a beginning such as `crate::`: in `crate::trace::Span`, `crate::{id, text::Text}`.
fn imported(source: &str, beginning: &str) -> Vec<String> {
    paths(source, beginning).into_iter().map(|path| first_word(&path)).collect()
}

/// The paths after a beginning, each to its end or its group.
fn paths(source: &str, beginning: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for rest in source.split(beginning).skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            paths.push(rest.to_owned());
            continue;
        };
        let (mut depth, mut path) = (0, String::new());
        for c in group.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => paths.push(std::mem::take(&mut path)),
                _ => path.push(c),
            }
            depth += i32::from(c == '{') - i32::from(c == '}');
        }
        paths.push(path);
    }
    paths.retain(|path| !first_word(path).is_empty());
    paths
}

fn first_word(path: &str) -> String {
    path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What a file is without its unit tests and models, which may see everything, and without comments.
fn code(file: &Path) -> String {
    if file.file_stem().is_some_and(|name| name == "models") {
        return String::new();
    }
    let source = without_comments(&fs::read_to_string(file).unwrap());
    source.split("mod tests {").next().unwrap().to_owned()
}

#[test]
fn no_module_imports_from_its_own_layer_or_above() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files_below(&src);
    assert!(files.len() > 30, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        let first = path.iter().next().unwrap().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        if module == "lib" {
            continue;
        }
        let Some(own) = layer(module) else {
            wrong.push(format!("{module} has no layer"));
            continue;
        };
        for other in imported(&without_comments(&fs::read_to_string(&file).unwrap()), "crate::") {
            if other == module {
                continue;
            }
            match layer(&other) {
                Some(below) if below < own => {}
                Some(_) => wrong.push(format!("{} imports {other}", path.display())),
                None => wrong.push(format!("{} imports crate::{other}", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_room_of_trace_imports_from_one_above_it() {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trace");
    let floor = |room: &str| ROOMS.iter().position(|name| *name == room);
    let mut seen = 0;
    let mut wrong = Vec::new();
    for room in ROOMS {
        for file in files_below(&trace.join(room)) {
            let source = code(&file);
            for other in imported(&source, "crate::trace::") {
                seen += 1;
                if floor(&other).is_none_or(|other| other >= floor(room).unwrap()) {
                    wrong.push(format!("{} imports {other}", file.display()));
                }
            }
            if source.contains("super::super") {
                wrong.push(format!("{} goes around the rooms", file.display()));
            }
        }
    }
    assert!(seen > 30, "the rooms were not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Which of the files of a folder import which, by `super::`, also where the folder's `mod.rs` hands a name on.
fn imports_within(folder: &Path) -> HashMap<String, Vec<String>> {
    let mut names = HashMap::new();
    let contents = code(&folder.join("mod.rs"));
    for statement in contents.split(';').filter(|statement| statement.contains("use ")) {
        let path = statement.rsplit("use ").next().unwrap();
        let Some((file, items)) = path.split_once("::") else { continue };
        for name in items.split(|c: char| !c.is_alphanumeric() && c != '_') {
            names.insert(name.to_owned(), file.to_owned());
        }
    }
    let mut imports = HashMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() || name == "mod" {
            continue;
        }
        let others = imported(&code(&path), "super::").into_iter();
        let others = others.map(|other| names.get(&other).cloned().unwrap_or(other));
        imports.insert(name.clone(), others.filter(|other| *other != name).collect());
    }
    imports
}

/// All that can be reached from a file.
fn reached(from: &str, imports: &HashMap<String, Vec<String>>) -> HashSet<String> {
    let mut reached = HashSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for other in imports.get(file).into_iter().flatten() {
            if imports.contains_key(other) && reached.insert(other.clone()) {
                next.push(other);
            }
        }
    }
    reached
}

#[test]
fn no_more_than_two_files_import_each_other() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<_> = files_below(&src);
    folders.retain(|file| file.file_name().is_some_and(|name| name == "mod.rs"));
    assert!(folders.len() > 10, "the folders were not found");
    let mut wrong = Vec::new();
    for contents in folders {
        let folder = contents.parent().unwrap();
        let imports = imports_within(folder);
        let all: HashMap<_, _> =
            imports.keys().map(|file| (file, reached(file, &imports))).collect();
        for (file, reached) in &all {
            let ring = reached.iter().filter(|other| all[*other].contains(*file));
            let ring: BTreeSet<_> = ring.collect();
            if ring.len() > 2 {
                wrong.push(format!("{}: {ring:?}", folder.display()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let source =
        "use crate::id::Id;\nuse crate::{text::{Text, A}, sync};\nlet x = crate::clock::now();";
    assert_eq!(imported(source, "crate::"), ["id", "text", "sync", "clock"]);
}
