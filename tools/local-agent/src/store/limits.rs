//! How much a store keeps.

/// The most a store keeps; what was updated longest ago goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Traces. Default: 1000.
    pub traces: usize,
    /// Spans, all traces together. Default: 100 000.
    pub spans: usize,
    /// Bytes of span data, roughly. Default: 256 MB.
    pub bytes: usize,
    /// Findings. Default: 1000.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { traces: 1000, spans: 100_000, bytes: 256 << 20, findings: 1000 }
    }
}
