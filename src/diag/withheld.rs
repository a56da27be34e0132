//! Spans that were not sent on purpose, and what became of the statistics that count them all the same.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why spans were not sent, though nothing went wrong: no loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// Their trace was not sampled. Statistics count them.
    NotSampled,
    /// The agent has said that it does not want such traces. Statistics do not count them.
    AgentFilters,
}

const REASONS: usize = 2;

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

/// What became of statistics. All numbers are of spans, but for the requests.
#[derive(Debug, Default)]
pub(crate) struct StatsCounters {
    /// Requests with statistics that the agent has taken.
    pub(crate) requests: AtomicU64,
    /// Counted in those.
    pub(crate) sent: AtomicU64,
    /// Counted in statistics that the agent did not get.
    pub(crate) lost: AtomicU64,
    /// Counted under a common value, because there were too many different ones.
    pub(crate) collapsed: AtomicU64,
}

impl StatsCounters {
    pub(crate) fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }
}
