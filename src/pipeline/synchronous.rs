//! Delivery before a thread goes on, for platforms that stop a process between two requests.

use std::sync::Arc;
use std::time::Duration;

use tracehound_machine::is_background;

use super::sink::Pipeline;
use crate::text::Text;
use crate::trace::{Buffers, Chunk, SamplingDecision, Sink, SpanView};

/// A pipeline whose callers wait: the thread that hands over a chunk with a local root waits until the worker has sent
/// it, or the time is over.
pub(crate) struct Synchronous {
    pub(crate) pipeline: Arc<Pipeline>,
    /// The longest wait.
    pub(crate) deadline: Duration,
}

impl Sink for Synchronous {
    fn submit(&self, chunk: Chunk) -> Option<Chunk> {
        // The worker, which sends parts of traces, would wait for itself; and at the end of the tracer whoever ends it waits
        // for all.
        let may_wait = !is_background() && !chunk.segment().shared.has_ended();
        let has_root = may_wait && chunk.spans().any(|span| span.is_local_root());
        let refused = self.pipeline.submit(chunk);
        if has_root && refused.is_none() {
            // What was not sent in time is sent later, if the process is let run, or counted.
            let _ = self.pipeline.flush(self.deadline);
        }
        refused
    }

    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision {
        self.pipeline.decide(root)
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        self.pipeline.decide_in_place(root)
    }

    fn needed_tags(&self) -> Option<&[Text]> {
        self.pipeline.needed_tags()
    }

    fn refill(&self, into: &mut Vec<Buffers>) {
        self.pipeline.refill(into);
    }
}
