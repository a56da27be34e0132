//! A trace, joined from the chunks of every process that took part.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Sampling, Span, Tree};

/// The spans of one trace that have arrived so far.
///
/// Cheap to clone: the spans are shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// All 128 bits.
    pub id: u128,
    /// The chunks in the order they arrived; none is empty.
    pub chunks: Vec<Vec<Arc<Span>>>,
    /// Spans that were received but not kept, because the trace is larger than the store allows.
    pub dropped_spans: usize,
}

impl Trace {
    /// The spans in the order they arrived.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.chunks.iter().flatten().map(|span| &**span)
    }

    /// How many spans have arrived.
    pub fn span_count(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    /// The first span of this name.
    pub fn span(&self, name: &str) -> Option<&Span> {
        self.spans().find(|span| &*span.name == name)
    }

    /// The services that took part, sorted.
    pub fn services(&self) -> BTreeSet<&str> {
        self.spans().map(|span| &*span.service).collect()
    }

    /// How many spans are errors.
    pub fn error_count(&self) -> usize {
        self.spans().filter(|span| span.is_error()).count()
    }

    /// What the sampling priority of each chunk says. Each process says its own, as a rule the same.
    pub fn sampling(&self) -> impl Iterator<Item = Sampling> {
        self.chunks.iter().map(|chunk| Sampling::of_chunk(chunk))
    }

    /// When its first span began, in nanoseconds since the Unix epoch; 0 without spans.
    pub fn start_ns(&self) -> i64 {
        self.spans().map(|span| span.start_ns).min().unwrap_or_default()
    }

    /// From the first start to the last end, in nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        let end = self.spans().map(Span::end_ns).max().unwrap_or_default();
        end.saturating_sub(self.start_ns())
    }

    /// The spans as a tree, in the order to read them.
    pub fn tree(&self) -> Tree<'_> {
        Tree::new(self.spans())
    }
}
