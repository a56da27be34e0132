//! Chunks as bytes: the agent's trace payload formats.

mod events;
mod links;
mod msgpack;
mod payload;
mod process;
mod repeated;
mod span_tags;
mod tag_maps;
#[cfg(test)]
mod tests;
mod v04;

pub(crate) use payload::{Payload, Sealed};
pub(crate) use process::{Process, SourceCode};
pub(crate) use v04::{Added, Common, Encoder};
