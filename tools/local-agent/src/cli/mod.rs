//! The binary's parts.

mod args;
mod printer;
mod run;
mod terminal;

pub(crate) use run::run;
