//! What has passed through.

use std::collections::BTreeMap;

/// Totals since the start, of what is kept and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by endpoint path; those to unknown paths are under `other`.
    pub requests: BTreeMap<&'static str, usize>,
    /// Trace requests that could not be used.
    pub refused: usize,
    /// Chunks received.
    pub chunks: usize,
    /// Spans received.
    pub spans: usize,
    /// Findings made.
    pub findings: usize,
    /// Traces that made room for others.
    pub evicted_traces: usize,
    /// Of these, traces that no [`Report`](super::Report) had shown.
    pub evicted_unseen: usize,
    /// Spans that were not kept because their trace alone fills the store.
    pub dropped_spans: usize,
}

impl Counts {
    pub(crate) fn request(&mut self, path: &'static str) {
        let count = self.requests.entry(path).or_default();
        *count = count.saturating_add(1);
    }
}
