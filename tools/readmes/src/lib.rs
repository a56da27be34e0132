//! The Rust snippets of the READMEs, which `build.rs` takes out of them and `tests/readmes.rs` runs.
