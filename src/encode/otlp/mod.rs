//! Chunks as OTLP, the protocol of OpenTelemetry (`opentelemetry/proto/trace/v1/trace.proto`, version 1).
//!
//! - `fields`: the messages, their fields by number and by name.
//! - `form`: what the two encodings of OTLP have in common; `protobuf` and `json`: these encodings.
//! - `span`: one span; `resource`: who sends it; `request`: what a request has around its spans.
//!
//! What a message consists of is said once, in `span` and `resource`, and written in either form. Which tags a span
//! has is said in `span_tags`, as for the agent's formats.

mod fields;
mod form;
mod json;
mod protobuf;
mod request;
mod resource;
mod span;
#[cfg(test)]
mod tests;

pub(super) use form::Form;
pub(super) use json::Json;
pub(super) use protobuf::Protobuf;
pub(super) use request::Envelope;
pub(super) use span::Spans;
