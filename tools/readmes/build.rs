//! Takes the Rust snippets out of the READMEs, and the dependencies that each is listed with.
//!
//! `snippets.rs` has each snippet as a module with a function that runs it, and `listed.rs` each as text, with its
//! dependencies.

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
    let (mut modules, mut runs, mut listed) = (String::new(), String::new(), String::new());
    for (readme, path) in READMES {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(path).unwrap();
        for (number, (dependencies, snippet)) in (1..).zip(snippets(&text)) {
            let name = format!("{readme}_{number}");
            let program = as_program(&snippet);
            write!(
                modules,
                "mod {name} {{\n{program}\n\
                 pub(super) fn run() -> std::process::ExitCode {{\n\
                 std::process::Termination::report(main())\n}}\n}}\n"
            )
            .unwrap();
            writeln!(runs, "(\"{name}\", {name}::run),").unwrap();
            writeln!(listed, "(\"{name}\", &{dependencies:?}, {program:?}),").unwrap();
        }
    }
    let runs = format!("{modules}const SNIPPETS: &[(&str, fn() -> ExitCode)] = &[\n{runs}];\n");
    let listed = format!("const LISTED: &[(&str, &[&str], &str)] = &[\n{listed}];\n");
    let out = env::var_os("OUT_DIR").unwrap();
    fs::write(Path::new(&out).join("snippets.rs"), runs).unwrap();
    fs::write(Path::new(&out).join("listed.rs"), listed).unwrap();
}

/// The Rust snippets, each with the TOML blocks that are for it: the last one above that begins with `[dependencies]`,
/// and those after that, which add to it.
fn snippets(text: &str) -> Vec<(Vec<String>, String)> {
    let mut snippets = Vec::new();
    let mut dependencies = Vec::new();
    for block in text.split("\n```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').unwrap();
        match language {
            "toml" if code.starts_with("[dependencies]") => dependencies = vec![code.to_owned()],
            "toml" => dependencies.push(code.to_owned()),
            "rust" => snippets.push((dependencies.clone(), code.to_owned())),
            _ => {}
        }
    }
    snippets
}

/// As it stands where it has a `main`, and else within one, as documentation tests are.
fn as_program(snippet: &str) -> String {
    if snippet.contains("fn main(") {
        return snippet.to_owned();
    }
    format!("fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{snippet}\nOk(())\n}}")
}
