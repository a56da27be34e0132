#![allow(clippy::needless_doctest_main, reason = "a build script is shown whole")]
#![doc = include_str!("../README.md")]

mod config;
mod files;
mod found;
mod packaged;
mod refs;
mod repository;
mod script;
mod url;

pub use script::emit;
