//! Chunks as bytes: the agent's trace payload formats.
//!
//! - `format`: the formats, and what the pipeline has to know about each.
//! - `encoder`: decides whether a chunk goes into a payload as a whole or in parts. `chunk_writer`: what it needs of each
//!   format, and what the spans of a chunk share. `v04`: writes a span of that format.
//! - `span_tags`: which tags a span is written with; `tag_maps`: how they are written in one pass.
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
mod entries;
mod events;
mod format;
mod frame;
mod json;
mod json_lines;
mod links;
mod msgpack;
mod otlp;
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
pub(crate) use json_lines::MAX_LINE_BYTES;
pub(crate) use payload::{Memory, Payload, Sealed};
pub(crate) use process::{Process, SourceCode};
pub(crate) use transcode::Limits;
