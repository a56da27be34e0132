//! Writes the Rust snippets of the READMEs as modules, each with a function that runs it as a program.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// Each with the name its snippets have.
const READMES: [(&str, &str); 4] = [
    ("root", "README.md"),
    ("opentelemetry", "compat/opentelemetry/README.md"),
    ("opentracing", "compat/opentracing/README.md"),
    ("opentracing_rs", "compat/opentracing-rs/README.md"),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut modules = String::new();
    let mut list = String::new();
    for (name, path) in READMES {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(path).unwrap();
        for (place, snippet) in snippets(&text).into_iter().enumerate() {
            let name = format!("{name}_{}", place.wrapping_add(1));
            let program = as_program(snippet);
            write!(
                modules,
                "mod {name} {{\n{program}\n\
                 pub(super) fn run() -> std::process::ExitCode {{\n\
                 std::process::Termination::report(main())\n}}\n}}\n"
            )
            .unwrap();
            writeln!(list, "(\"{name}\", {name}::run),").unwrap();
        }
    }
    let code = format!("{modules}const SNIPPETS: &[(&str, fn() -> ExitCode)] = &[\n{list}];\n");
    fs::write(Path::new(&env::var_os("OUT_DIR").unwrap()).join("snippets.rs"), code).unwrap();
}

fn snippets(text: &str) -> Vec<&str> {
    let blocks = text.split("```rust\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0).collect()
}

/// As it stands where it has a `main`, and else within one, as documentation tests are.
fn as_program(snippet: &str) -> String {
    if snippet.contains("fn main(") {
        return snippet.to_owned();
    }
    format!("fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{snippet}\nOk(())\n}}")
}
