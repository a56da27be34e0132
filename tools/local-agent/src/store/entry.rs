//! A trace while it grows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::Limits;
use crate::model::{Finding, Findings, Quoted, Rule, Span, Trace};

/// A trace with what the store needs to know of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) trace: Trace,
    /// Where each span is: chunk and position. Spans without an id are not here.
    places: HashMap<u64, (usize, usize)>,
    pub(super) spans: usize,
    pub(super) bytes: usize,
    /// The store's clock at the first chunk and at the last.
    pub(super) arrived: u64,
    updated: u64,
    pub(super) updated_at: Instant,
    /// Whether it changed since it was last reported, and whether it ever was.
    pub(super) pending: bool,
    pub(super) reported: bool,
}

impl Entry {
    pub(super) fn new(id: u128, clock: u64, now: Instant) -> Self {
        Self {
            trace: Trace { id, ..Trace::default() },
            places: HashMap::new(),
            spans: 0,
            bytes: 0,
            arrived: clock,
            updated: clock,
            updated_at: now,
            pending: true,
            reported: false,
        }
    }

    /// Marks it changed; returns the clock of the change before.
    pub(super) fn touch(&mut self, clock: u64, now: Instant) -> u64 {
        self.updated_at = now;
        self.pending = true;
        std::mem::replace(&mut self.updated, clock)
    }

    /// Adds the spans of a chunk, as far as one trace may grow.
    ///
    /// A span that was there already is replaced: it is a retry of the same payload, or the next
    /// state of a long-running span. Anything else is a mistake in giving out ids, and reported.
    pub(super) fn add(&mut self, spans: Vec<Span>, limits: &Limits, findings: &mut Findings) {
        let index = self.trace.chunks.len();
        self.trace.chunks.push(Vec::new());
        for span in spans {
            let place = self.places.get(&span.span_id).copied();
            let chunks = &mut self.trace.chunks;
            let old = place.and_then(|(at, nth)| chunks.get_mut(at)?.get_mut(nth));

            let freed = old.as_ref().map_or(0, |old| old.approximate_bytes());
            let bytes = (self.bytes - freed).saturating_add(span.approximate_bytes());
            if bytes > limits.bytes || (old.is_none() && self.spans >= limits.spans) {
                self.trace.dropped_spans += 1;
                continue;
            }
            self.bytes = bytes;
            if let Some(old) = old {
                if let Some(finding) = clash(old, &span) {
                    findings.push(finding);
                }
                *old = Arc::new(span);
            } else if let Some(chunk) = chunks.get_mut(index) {
                if span.span_id != 0 {
                    self.places.insert(span.span_id, (index, chunk.len()));
                }
                self.spans += 1;
                chunk.push(Arc::new(span));
            }
        }
        if self.trace.chunks.last().is_some_and(Vec::is_empty) {
            self.trace.chunks.pop();
        }
    }
}

fn clash(old: &Span, new: &Span) -> Option<Finding> {
    let is_snapshot = old.metrics.contains_key("_dd.partial_version");
    if old == new || is_snapshot {
        return None;
    }
    let text = format!("{} and {} have the same span id", Quoted(&old.name), Quoted(&new.name));
    Some(Finding::new(Rule::DuplicateSpan, text).in_span(new))
}
