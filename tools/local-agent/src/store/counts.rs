//! What has passed through.

use std::collections::BTreeMap;

use crate::model::{Chunk, Sampling};

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
    /// Of the chunks, those with a sampling priority of 0, which an agent drops: its own rates did.
    pub dropped_by_rates: usize,
    /// Of the chunks, those with one below 0, which an agent drops: a rule, the rate limit or the user did.
    pub dropped_by_user: usize,
    /// Of the chunks, those without one, which an agent keeps.
    pub undecided: usize,
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
    pub(crate) fn chunk(&mut self, chunk: &Chunk) {
        self.chunks += 1;
        self.spans += chunk.spans.len();
        let count = match Sampling::of(&chunk.spans) {
            Sampling::Kept(_) => return,
            Sampling::Dropped(0) => &mut self.dropped_by_rates,
            Sampling::Dropped(_) => &mut self.dropped_by_user,
            Sampling::Undecided => &mut self.undecided,
        };
        *count += 1;
    }

    pub(crate) fn request(&mut self, path: &'static str) {
        *self.requests.entry(path).or_default() += 1;
    }
}
