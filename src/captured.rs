//! Finished spans that are kept in memory, for programs and tests that read them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracehound_fork::PerProcess;

use crate::id::{SpanId, TraceId};
use crate::sync::{Snapshot, lock};
use crate::trace::{
    Buffers, Chunk, SamplingDecision, SamplingMechanism, SamplingPriority, Sink, SpanEvent,
    SpanKind, SpanLink, SpanView,
};

/// The finished spans of a tracer, kept in memory: see [`TraceWriter::memory`](crate::TraceWriter::memory), and for
/// tests `tracehound::testing`. Clones share them; a forked child begins without any.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    kept: Arc<PerProcess<Mutex<Kept>>>,
    decision: Arc<Snapshot<Option<SamplingDecision>>>,
}

#[derive(Debug, Default)]
struct Kept {
    chunks: Vec<Vec<CapturedSpan>>,
    spans: usize,
}

/// A finished span.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the span model's own")]
pub struct CapturedSpan {
    pub trace_id: TraceId,
    pub span_id: Option<SpanId>,
    pub parent_id: Option<SpanId>,
    pub service: String,
    pub name: String,
    pub resource: String,
    pub span_type: Option<String>,
    pub kind: Option<SpanKind>,
    pub is_error: bool,
    pub is_local_root: bool,
    pub start_ns: i64,
    pub duration: Duration,
    pub tags: BTreeMap<String, String>,
    pub metrics: BTreeMap<String, f64>,
    pub links: Vec<SpanLink>,
    pub events: Vec<SpanEvent>,
    pub priority: Option<SamplingPriority>,
}

impl Captured {
    /// The chunks: the spans of one trace that were handed off together.
    #[must_use]
    pub fn chunks(&self) -> Vec<Vec<CapturedSpan>> {
        lock(self.here()).chunks.clone()
    }

    /// The chunks, which are then no longer kept.
    #[must_use]
    pub fn take(&self) -> Vec<Vec<CapturedSpan>> {
        std::mem::take(&mut *lock(self.here())).chunks
    }

    /// Keeps the spans of a settled chunk.
    pub(crate) fn keep(&self, chunk: &Chunk) {
        let priority = chunk.segment().decision().map(|decision| decision.priority);
        let spans: Vec<_> = chunk.spans().map(|span| captured(&span, priority)).collect();
        let mut kept = lock(self.here());
        kept.spans = kept.spans.saturating_add(spans.len());
        kept.chunks.push(spans);
    }

    /// How many spans are kept.
    #[cfg(feature = "agent")]
    pub(crate) fn len(&self) -> usize {
        lock(self.here()).spans
    }

    fn here(&self) -> &Mutex<Kept> {
        self.kept.get_or_make(Mutex::default)
    }

    /// All spans, in the order of their chunks.
    #[must_use]
    pub fn spans(&self) -> Vec<CapturedSpan> {
        self.chunks().into_iter().flatten().collect()
    }

    /// The only span with this name.
    ///
    /// # Panics
    ///
    /// If there is none, or more than one.
    #[must_use]
    #[expect(clippy::panic, reason = "for tests")]
    pub fn span(&self, name: &str) -> CapturedSpan {
        let mut found: Vec<_> = self.spans().into_iter().filter(|span| span.name == name).collect();
        match (found.pop(), found.is_empty()) {
            (Some(span), true) => span,
            _ => panic!("not exactly one span {name:?} in\n{}", self.tree()),
        }
    }

    /// Sets the sampling decision of every trace from now on, for a tracer of `tracehound::testing`. By default, each is
    /// kept.
    pub fn decide(&self, priority: SamplingPriority, mechanism: SamplingMechanism) {
        self.decision.store(Some(SamplingDecision::new(priority, mechanism)));
    }

    /// All traces as indented trees, with a line for each span: its name, its resource and service if they are not the
    /// default, `!` for an error, and its own tags.
    #[must_use]
    pub fn tree(&self) -> String {
        let spans = self.spans();
        let mut text = String::new();
        let is_root = |span: &&CapturedSpan| {
            !spans.iter().any(|other| other.span_id == span.parent_id && other.span_id.is_some())
        };
        for root in spans.iter().filter(is_root) {
            write_tree(&mut text, root, &spans, 0);
        }
        text
    }
}

fn write_tree(text: &mut String, span: &CapturedSpan, all: &[CapturedSpan], depth: usize) {
    let _ = write!(text, "{:width$}{}", "", span.name, width = 2 * depth);
    if span.resource != span.name {
        let _ = write!(text, " [{}]", span.resource);
    }
    if span.service != "test" {
        let _ = write!(text, " @{}", span.service);
    }
    if span.is_error {
        text.push_str(" !");
    }
    for (key, value) in &span.tags {
        let _ = write!(text, " {key}={value}");
    }
    for (key, value) in &span.metrics {
        let _ = write!(text, " {key}={value}");
    }
    text.push('\n');
    let children = all.iter().filter(|child| child.parent_id == span.span_id);
    for child in children.filter(|child| child.span_id != span.span_id) {
        write_tree(text, child, all, depth + 1);
    }
}

impl Sink for Captured {
    fn submit(&self, mut chunk: Chunk) -> Option<Chunk> {
        chunk.settle();
        self.keep(&chunk);
        None
    }

    fn decide(&self, _: &SpanView<'_>) -> SamplingDecision {
        self.decision.load().unwrap_or(SamplingDecision::new(
            SamplingPriority::AUTO_KEEP,
            SamplingMechanism::DEFAULT,
        ))
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        Some(Sink::decide(self, root))
    }

    fn refill(&self, _: &mut Vec<Buffers>) {}
}

fn captured(span: &SpanView<'_>, priority: Option<SamplingPriority>) -> CapturedSpan {
    CapturedSpan {
        trace_id: span.trace_id(),
        span_id: span.span_id(),
        parent_id: span.parent_id(),
        service: span.service().to_owned(),
        name: span.name().into_owned(),
        resource: span.resource().into_owned(),
        span_type: span.span_type().map(std::borrow::Cow::into_owned),
        kind: span.kind(),
        is_error: span.is_error(),
        is_local_root: span.is_local_root(),
        start_ns: span.start_ns(),
        duration: Duration::from_nanos(span.duration_ns().unwrap_or_default()),
        tags: span.tags().map(|(key, value)| (key.to_owned(), value.into_owned())).collect(),
        metrics: span.metrics().map(|(key, value)| (key.to_owned(), value)).collect(),
        links: span.links().to_vec(),
        events: span.events().to_vec(),
        priority,
    }
}
