//! The formats of payloads, and what the pipeline has to know about each.

/// A format of payloads.
///
/// A payload knows its own, from its first byte until the agent has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `/v0.4/traces`: an array of chunks, each an array of spans, each a map.
    V04,
}

impl Format {
    /// The path of requests.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Format::V04 => "/v0.4/traces",
        }
    }

    /// The `Content-Type` of requests.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::V04 => "application/msgpack",
        }
    }

    /// Whether a payload can be divided between its chunks, and chunks of several payloads go into one request.
    pub(crate) fn is_divisible(self) -> bool {
        match self {
            Format::V04 => true,
        }
    }
}
