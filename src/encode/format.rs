//! The formats of payloads, and what the pipeline has to know about each.

/// A format of payloads.
///
/// A payload knows its own, from its first byte until the agent has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `/v0.4/traces`: an array of chunks, each an array of spans, each a map.
    V04,
    /// `/v0.5/traces`: as v0.4, but each string is there once.
    V05,
    /// `/v1.0/traces`: the same, with fields for what is new since then.
    V1,
}

impl Format {
    /// The path of requests.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Format::V04 => "/v0.4/traces",
            Format::V05 => "/v0.5/traces",
            Format::V1 => "/v1.0/traces",
        }
    }

    /// The `Content-Type` of requests.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::V04 | Format::V05 | Format::V1 => "application/msgpack",
        }
    }

    /// Whether a payload can be divided between its chunks, and chunks of several payloads go into one request.
    pub(crate) fn is_divisible(self) -> bool {
        match self {
            Format::V04 => true,
            // The strings of all chunks are numbered together.
            Format::V05 | Format::V1 => false,
        }
    }
}
