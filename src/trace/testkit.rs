//! A tracer without a pipeline, for the unit tests of this layer and those above it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::diag::Diag;
use crate::id::{SpanId, TraceId};
use crate::sync::lock;
use crate::text::Text;
use crate::trace::span::SpanBuilder;
use crate::trace::store::{Buffers, Chunk, Shared, SharedShards, Sink, SpanView};
use crate::trace::values::{SamplingDecision, SamplingMechanism, SamplingPriority, SpanContext};

/// Stores chunks, and keeps every trace.
#[derive(Default)]
pub(crate) struct TestSink {
    pub(crate) chunks: Mutex<Vec<Chunk>>,
    /// The resources of the local roots for which a decision was asked.
    asked: Mutex<Vec<String>>,
    /// Leaves chunks as they come: a trace that has no decision yet is decided on later, as by the pipeline.
    pub(crate) settles_later: AtomicBool,
}

impl Sink for TestSink {
    fn submit(&self, mut chunk: Chunk) -> Option<Chunk> {
        if !self.settles_later.load(Relaxed) {
            chunk.settle();
        }
        lock(&self.chunks).push(chunk);
        None
    }

    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision {
        lock(&self.asked).push(root.resource().into_owned());
        SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT)
    }

    fn refill(&self, _: &mut Vec<Buffers>) {}
}

/// The context of a span in another process.
pub(crate) fn upstream() -> SpanContext {
    SpanContext::new(TraceId::new(77).unwrap(), SpanId::new(88))
}

/// The part of a tracer that the trace layer knows, with the chunks that it hands off.
pub(crate) struct Bench {
    pub(crate) shared: SharedShards,
    pub(crate) sink: Arc<TestSink>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Shared)) -> Self {
        let sink = Arc::new(TestSink::default());
        let diag = Arc::new(Diag::new(false, Some(Box::new(|_, _| {}))));
        let mut shared = Shared::new(Arc::clone(&sink) as Arc<dyn Sink>, diag);
        shared.service = "web".into();
        change(&mut shared);
        Bench { shared: SharedShards::new(shared), sink }
    }

    pub(crate) fn span(&self, name: impl Into<Text>) -> SpanBuilder<'_> {
        SpanBuilder::new(Some(&self.shared), name.into())
    }

    /// The chunks so far; each span as `name` or `name<parent`, in the order of the chunk.
    pub(crate) fn chunks(&self) -> Vec<Vec<String>> {
        let in_chunk = |chunk: &Chunk| {
            let name = |id| chunk.spans().find(|span| span.span_id() == id).map(|span| span.name());
            let shown = |span: SpanView<'_>| match span.parent_id() {
                None => span.name().into_owned(),
                parent => format!("{}<{}", span.name(), name(parent).unwrap_or("?".into())),
            };
            chunk.spans().map(shown).collect()
        };
        lock(&self.sink.chunks).iter().map(in_chunk).collect()
    }

    pub(crate) fn take_chunks(&self) -> Vec<Chunk> {
        std::mem::take(&mut lock(&self.sink.chunks))
    }

    /// The resources of the local roots for which a sampling decision was asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        lock(&self.sink.asked).clone()
    }

    /// The name of the active span.
    pub(crate) fn active(&self) -> Option<String> {
        self.shared.context_stores.now().active().span()?.name()
    }
}
