//! Modules import only from layers below their own: `docs/architecture.md` has the table and the reasons.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

#[path = "common/sources.rs"]
mod sources;

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
    ("config", 2),
    ("user_code", 2),
    ("trace", 3),
    ("propagation", 4),
    ("sampling", 4),
    ("encode", 5),
    ("agent", 6),
    ("pipeline", 7),
    ("tracer", 8),
    ("testing", 9),
];

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// The modules named after `crate::` in a text: `crate::trace::Span`, `crate::{id, text::Text}`.
fn imported(source: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for rest in source.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => modules.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            modules.push(name);
        } else {
            modules.push(rest.to_owned());
        }
    }
    let word = |text: &String| {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    modules.iter().map(word).filter(|module| !module.is_empty()).collect()
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
        for other in imported(&without_comments(&fs::read_to_string(&file).unwrap())) {
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
fn the_reader_of_imports_sees_every_form() {
    let source =
        "use crate::id::Id;\nuse crate::{text::{Text, A}, sync};\nlet x = crate::clock::now();";
    assert_eq!(imported(source), ["id", "text", "sync", "clock"]);
}
