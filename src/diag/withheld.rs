//! Spans that were not sent on purpose.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why spans were not sent, though nothing went wrong: no loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// Their trace was not sampled.
    NotSampled,
}

const REASONS: usize = 1;

/// Numbers of spans, by why they were not sent.
#[derive(Debug, Default)]
pub(super) struct WithheldCounters([AtomicU64; REASONS]);

impl WithheldCounters {
    pub(super) fn add(&self, reason: Withheld, spans: u64) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.fetch_add(spans, Ordering::Relaxed);
        }
    }

    pub(super) fn read(&self, reason: Withheld) -> u64 {
        self.0.get(reason as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}
