//! Chunks as OTLP, the protocol of OpenTelemetry (`opentelemetry/proto/trace/v1/trace.proto`, version 1).
//!
//! - `fields`: the messages, their fields by number and by name.
//! - `form`: what the two encodings of OTLP have in common; `protobuf` and `json`: these encodings.
//! - `chunks`: the spans of chunks; `span`: one of them; `resource`: who sends it; `request`: what a request has around its spans.
//!
//! What a message consists of is said once, in `span` and `resource`, and written in either form. Which tags a span
//! has is said in `span_tags`, as for the agent's formats.

mod chunks;
mod fields;
mod form;
mod json;
mod protobuf;
mod request;
mod resource;
mod span;
#[cfg(test)]
mod tests;

pub(super) use chunks::{Otlp, Scratch};
pub(super) use request::Envelope;
