//! Where finished traces go.

use super::stream::Stream;
use crate::captured::Captured;
use crate::config::{OtlpProtocol, OtlpSettings};
use crate::encode::{Format, MAX_LINE_BYTES};

/// What a gRPC server takes by default, less a margin for what is around the spans.
const MAX_GRPC_BYTES: usize = 4_000_000;

/// Where finished traces go.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// To the Datadog agent.
    Agent,
    /// To a collector, as OTLP.
    Otlp(OtlpSettings),
    /// To a stream, as lines of JSON.
    JsonLines(Stream),
    /// Into memory.
    Memory(Captured),
    /// Nowhere.
    Nowhere,
}

impl Destination {
    /// The format of payloads at first.
    pub(super) fn format(&self) -> Format {
        match self {
            Destination::Otlp(settings) => Format::Otlp(settings.protocol),
            Destination::JsonLines(_) => Format::JsonLines,
            Destination::Agent | Destination::Memory(_) | Destination::Nowhere => Format::V04,
        }
    }

    /// The largest payload, where the setting allows so much.
    pub(super) fn max_payload_bytes(&self, set: usize) -> usize {
        match self {
            Destination::JsonLines(_) => set.min(MAX_LINE_BYTES),
            Destination::Otlp(settings) if settings.protocol == OtlpProtocol::Grpc => {
                set.min(MAX_GRPC_BYTES)
            }
            _ => set,
        }
    }

    /// Whether traces that sampling has dropped are not sent either. The agent wants them, to count them.
    pub(super) fn drops_unsampled(&self) -> bool {
        matches!(self, Destination::Otlp(_))
    }
}
