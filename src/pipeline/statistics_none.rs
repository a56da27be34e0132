//! Without the feature `client-stats`: the agent counts spans, and is sent all of them.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;

use super::inner::Inner;
use crate::agent::AgentInfo;
use crate::trace::Chunk;

/// Always off.
pub(super) struct Statistics;

/// There is none.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) body: Bytes,
    pub(super) spans: u64,
    pub(super) groups: usize,
    pub(super) is_obfuscated: bool,
}

impl Statistics {
    pub(super) fn new(_: Arc<Inner>) -> Self {
        Statistics
    }

    pub(super) fn is_on(&self) -> bool {
        false
    }

    pub(super) fn follow(&mut self, _: Option<&AgentInfo>) {}

    pub(super) fn would_switch(&self, _: Option<&AgentInfo>) -> bool {
        false
    }

    pub(super) fn rejects(&self, _: &Chunk) -> bool {
        false
    }

    pub(super) fn count(&mut self, _: &Chunk) {}

    pub(super) fn due(&self) -> Option<Duration> {
        None
    }

    pub(super) fn wakes_in(&self) -> Option<Duration> {
        None
    }

    pub(super) fn collect(&mut self, _: bool) {}

    pub(super) fn next(&self) -> Option<&Waiting> {
        None
    }

    pub(super) fn sent(&mut self) {}

    pub(super) fn failed(&mut self, _: impl FnOnce() -> String) -> bool {
        false
    }

    pub(super) fn lost(&mut self, _: impl FnOnce() -> String) {}

    pub(super) fn give_up(&mut self, _: &str) {}
}
