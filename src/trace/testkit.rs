//! A tracer without a pipeline, for the unit tests of this layer and those above it.

use std::sync::{Arc, Mutex};

use crate::diag::Diag;
use crate::id::{SpanId, TraceId};
use crate::sync::lock;
use crate::text::Text;
use crate::trace::span::SpanBuilder;
use crate::trace::store::SpanView;
use crate::trace::store::{Buffers, Chunk};
use crate::trace::store::{Shared, SharedShards, Sink};
use crate::trace::values::SpanContext;
use crate::trace::values::{SamplingDecision, SamplingMechanism, SamplingPriority};

/// Keeps chunks; decides as told.
#[derive(Default)]
pub(crate) struct Kept {
    chunks: Mutex<Vec<Chunk>>,
    decision: Mutex<Option<SamplingDecision>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Sink for Kept {
    fn submit(&self, mut chunk: Chunk) {
        chunk.settle();
        lock(&self.chunks).push(chunk);
    }

    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision {
        lock(&self.asked).push(root.resource().into_owned());
        let told = *lock(&self.decision);
        told.unwrap_or(SamplingDecision::new(
            SamplingPriority::AUTO_KEEP,
            SamplingMechanism::DEFAULT,
        ))
    }

    fn refill(&self, _: &mut Vec<Buffers>) {}
}

/// What came in from another process.
pub(crate) fn upstream() -> SpanContext {
    SpanContext::new(TraceId::new(77).unwrap(), SpanId::new(88))
}

/// What a tracer is to the trace layer, with its chunks at hand.
pub(crate) struct Bench {
    pub(crate) shared: SharedShards,
    pub(crate) kept: Arc<Kept>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Shared)) -> Self {
        let kept = Arc::new(Kept::default());
        let diag = Arc::new(Diag::new(false, Some(Box::new(|_, _| {}))));
        let mut shared = Shared::new(Arc::clone(&kept) as Arc<dyn Sink>, diag);
        shared.service = "web".into();
        change(&mut shared);
        Bench { shared: SharedShards::new(shared), kept }
    }

    pub(crate) fn span(&self, name: impl Into<Text>) -> SpanBuilder<'_> {
        SpanBuilder::new(Some(&self.shared), name.into())
    }

    /// The chunks so far; each span as `name` or `name<parent`, in the chunk's order.
    pub(crate) fn chunks(&self) -> Vec<Vec<String>> {
        let chunks = lock(&self.kept.chunks);
        let name = |chunk: &Chunk, id| {
            chunk.spans().find(|span| span.span_id() == id).map(|span| span.name().into_owned())
        };
        chunks
            .iter()
            .map(|chunk| {
                chunk
                    .spans()
                    .map(|span| match span.parent_id() {
                        None => span.name().into_owned(),
                        parent => {
                            let parent = name(chunk, parent).unwrap_or_else(|| "?".into());
                            format!("{}<{parent}", span.name())
                        }
                    })
                    .collect()
            })
            .collect()
    }

    pub(crate) fn take_chunks(&self) -> Vec<Chunk> {
        std::mem::take(&mut lock(&self.kept.chunks))
    }

    pub(crate) fn with_chunks<T>(&self, look: impl FnOnce(&[Chunk]) -> T) -> T {
        look(&lock(&self.kept.chunks))
    }
}
