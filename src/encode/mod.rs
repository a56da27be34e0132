//! Chunks as bytes: the agent's trace payload formats.
//!
//! - `v04`: the format: a span field by field; whether a chunk goes into a payload as a whole, or in parts.
//! - `span_tags`: which tags a span is written with; `tag_maps`: how they are written in one pass.
//! - `repeated`: what all spans of a tracer say, written out once; `process`: what each trace says about the process.
//! - `links`, `events`: the fields that few spans have.
//! - `payload`: chunks one behind the other, and payloads that are complete and can be divided between chunks.
//! - `msgpack`: the MessagePack that is needed, over one growing buffer.
//!
//! This is what the worker spends its time with: a span is read once and written once, nothing is built in between, and
//! nothing is allocated for it. The names of fields and tags are the agent's (`span.proto`), and `tests` compares the
//! bytes with those of another tracer. `pipeline` relies on a payload never being larger than `max_bytes`, and
//! on counts of spans and chunks that are those of the bytes.

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
pub(crate) use v04::{Added, Encoder};
