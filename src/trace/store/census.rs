//! How many spans there are in open traces.

use super::layout::{Body, Shared};
use super::registry;

/// Spans in the open traces of a tracer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Not finished.
    pub(crate) open: u64,
    /// Finished, and not handed off.
    pub(crate) held: u64,
}

impl Shared {
    /// Counts the spans in the open traces of this tracer, without those that count as lost already. Takes the lock of
    /// one trace after the other, for an instant.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        if !self.is_enabled() {
            return census;
        }
        for segment in registry::all() {
            if !segment.shared.ends_with(self) {
                continue;
            }
            let guard = segment.body();
            if let Some(body) = guard.as_ref().and_then(|guard| guard.as_ref()) {
                census.add(body);
            }
        }
        census
    }
}

impl Census {
    fn add(&mut self, body: &Body) {
        let counted_and_open = if body.has_ended {
            body.spans.iter().filter(|record| record.is_open() && record.is_counted).count() as u64
        } else {
            0
        };
        self.open += u64::from(body.open).saturating_sub(counted_and_open);
        self.held += u64::from(body.finished.saturating_sub(body.counted));
    }
}
