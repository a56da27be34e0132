//! The binary: `args` reads the command line, `run` listens and prints by `printer`, `terminal` says whether in colours.
//!
//! Another front end would take its place: nothing relies on it.

mod args;
mod printer;
mod run;
mod terminal;

pub(crate) use run::run;
