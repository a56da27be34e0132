//! Payloads of v0.5 and v1.0 as v0.4, for an agent that takes only that, or that takes only a part of a payload.
//!
//! What is read was written by this library: `v05`, `v1`. So chunks need not be kept until the agent has them. What a
//! payload or a chunk of v1.0 says once goes where v0.4 has it.
//!
//! - `reader`: MessagePack, value by value. `from_v05`, `from_v1`: the formats. `chunk`: the chunk that is written.

use super::payload::{Payload, Sealed};
use crate::encode::Format;

mod chunk;
mod from_v05;
mod from_v1;
mod reader;
#[cfg(test)]
mod tests;

/// What the agent takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Whether it takes `span_events`.
    pub(crate) native_events: bool,
    /// A chunk that would be larger becomes several, each with the tags of a chunk. A single span may be larger.
    pub(crate) chunk_bytes: usize,
}

impl Sealed {
    /// The same as v0.4; `None` for what cannot be read, or is v0.4 already.
    pub(crate) fn to_v04(&self, limits: Limits) -> Option<Sealed> {
        let mut payload = Payload::of_v04();
        match self.format() {
            Format::V04 => return None,
            Format::V05 => from_v05::read(&self.strings, &self.body, &mut payload, limits)?,
            Format::V1 => from_v1::read(&self.body, &mut payload, limits)?,
        }
        let payload = payload.seal();
        (payload.span_count() == self.span_count()).then_some(payload)
    }
}
