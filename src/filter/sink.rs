//! Filters where there is no worker: before a sink that keeps what it gets, as that of a test does.

use std::sync::Arc;

use super::filters::Filters;
use crate::diag::Diag;
use crate::text::Text;
use crate::trace::{Buffers, Chunk, SamplingDecision, Sink, SpanView};

/// A sink that gets what the filters let pass.
pub(crate) fn filtered(filters: Filters, sink: Arc<dyn Sink>, diag: &Arc<Diag>) -> Arc<dyn Sink> {
    if filters.is_empty() {
        return sink;
    }
    Arc::new(Filtered { filters, sink, diag: Arc::clone(diag) })
}

struct Filtered {
    filters: Filters,
    sink: Arc<dyn Sink>,
    diag: Arc<Diag>,
}

impl Sink for Filtered {
    fn submit(&self, mut chunk: Chunk) -> Option<Chunk> {
        chunk.settle();
        match self.filters.run(&mut chunk, &self.diag) {
            Some(name) => {
                self.diag.count_filtered(name, chunk.len() as u64);
                None
            }
            None => self.sink.submit(chunk),
        }
    }

    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision {
        self.sink.decide(root)
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        self.sink.decide_in_place(root)
    }

    fn needed_tags(&self) -> Option<&[Text]> {
        self.sink.needed_tags()
    }

    fn refill(&self, into: &mut Vec<Buffers>) {
        self.sink.refill(into);
    }
}
