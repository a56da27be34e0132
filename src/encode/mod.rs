//! Chunks as bytes: the agent's trace payload formats.
//!
//! - `format`: the formats, and what the pipeline has to know about each.
//! - `encoder`: decides whether a chunk goes into a payload as a whole or in parts. `chunk_writer`: what it asks of a
//!   format. `v04`, `v05`, `v1`: the formats.
//! - `span_tags`: which tags a span is written with, for all formats. `tag_writer`: what a format offers for that;
//!   `tag_maps`: how v0.4 writes them in one pass.
//! - `strings`: the numbers of the strings of a payload, for v0.5 and v1.0; `dictionary`: these, and what is often
//!   written with them.
//! - `transcode`: a payload of these formats as v0.4.
//! - `repeated`: fields and tags that all spans of a tracer repeat, encoded once; `process`: the tags about the
//!   process.
//! - `links`, `events`: the fields that few spans have.
//! - `payload`: a payload while it is written, and a complete one, which can be divided between its chunks.
//! - `msgpack`: MessagePack, as far as it is needed.
//!
//! The worker spends most of its time here. Each span is read once and written once; nothing is built in between, and
//! nothing is allocated for it. The names of fields and tags are those of the agent (`span.proto`), and `tests`
//! compares payloads with those of another tracer. `pipeline` relies on two things: no payload is larger than
//! `max_bytes`, and the counts of spans and chunks are those of the bytes.

mod chunk_writer;
mod dictionary;
mod encoder;
mod events;
mod format;
mod links;
mod msgpack;
mod payload;
mod process;
mod repeated;
mod span_tags;
mod strings;
mod tag_maps;
mod tag_writer;
#[cfg(test)]
mod tests;
mod transcode;
mod v04;
mod v05;
mod v1;

pub(crate) use encoder::{Added, Encoder};
pub(crate) use format::Format;
pub(crate) use payload::{Memory, Payload, Sealed};
pub(crate) use process::{Process, SourceCode};
pub(crate) use transcode::Limits;
