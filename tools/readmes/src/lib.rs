//! The Rust snippets of the READMEs, which `build.rs` takes out of them: `tests/readmes.rs` runs them, and
//! `tests/dependencies.rs` builds each with the dependencies that it is listed with.
