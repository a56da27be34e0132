#![allow(clippy::needless_doctest_main, reason = "a build script is shown whole")]
#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test may fail loudly"))]

mod config;
mod files;
mod found;
mod packaged;
mod refs;
mod repository;
mod script;
mod url;

pub use script::emit;
