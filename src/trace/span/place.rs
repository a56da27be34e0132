//! A span as a place in a trace: made active on a thread, handed on to another process.

use crate::trace::active::ActiveScope;
use crate::trace::store::{Lineage, Segment, SpanRef};
use crate::trace::values::{SamplingDecision, SpanContext};

impl SpanRef {
    /// The context of the span, to be passed on to another process: ids, sampling decision, origin, baggage. Takes the
    /// decision if there is none yet, so that all parts of the trace have the same one.
    ///
    /// It stays valid after the span has finished. [`SpanRef::span_context`] is for looking: it decides nothing.
    /// Inside of a sampler, which is about to decide, it is without a decision; see [`Sampler`](crate::Sampler).
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let span = tracer.trace("queue.send");
    /// assert_eq!(span.span_context().unwrap().priority(), None);
    /// assert!(span.propagation_context().unwrap().priority().is_some());
    /// assert!(span.span_context().unwrap().priority().is_some());
    /// ```
    #[doc(alias = "context")]
    #[must_use]
    pub fn propagation_context(&self) -> Option<SpanContext> {
        self.context_with(Segment::decide)
    }

    /// The context of the span as it is now: without a sampling decision as long as there is none, and none is taken
    /// for this.
    ///
    /// For reading: ids, origin, baggage. A process that went on with the trace from it would take a decision of its own,
    /// perhaps another one; pass on [`SpanRef::propagation_context`], or the span itself as a parent.
    #[doc(alias = "context")]
    #[must_use]
    pub fn span_context(&self) -> Option<SpanContext> {
        self.context_with(Segment::decision)
    }

    fn context_with(
        &self,
        decision: fn(&Segment) -> Option<SamplingDecision>,
    ) -> Option<SpanContext> {
        let at = self.at.as_ref()?;
        if at.segment.is_inherited() {
            return self.handed_over(Lineage::Explicit);
        }
        Some(at.context(decision(&at.segment), self.shared_baggage()))
    }

    /// Makes the span the active one on this thread, until the scope is dropped.
    pub fn activate(&self) -> ActiveScope {
        match &self.at {
            Some(at) => at.segment.shared.context_stores.now().activate_span(self),
            None => ActiveScope::empty(),
        }
    }
}
