//! Tells the crate which compiler builds it.
//!
//! A tracer names the version of its language to the agent, and neither the language nor cargo has it as a
//! constant: `CARGO_PKG_RUST_VERSION` is the oldest that is supported, not the one in use.

#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]
#![allow(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    // "rustc 1.85.0 (4d91de4e4 2025-02-17)"; without it the crate builds just as well.
    if let Ok(output) = Command::new(rustc).arg("--version").output() {
        if let Some(version) = String::from_utf8_lossy(&output.stdout).split_whitespace().nth(1) {
            println!("cargo::rustc-env=TRACEHOUND_RUSTC_VERSION={version}");
        }
    }
}
