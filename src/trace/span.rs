//! The handles of a span.

use std::time::SystemTime;

use super::at::At;
use super::handover;
use super::provider::Scope;
use super::record::Record;
use super::sampling::Decision;
use super::segment::Segment;
use super::span_context::SpanContext;
use super::start::Lineage;
use super::tags::Tags;
use super::view::SpanView;
use crate::id::{SpanId, TraceId};

/// A handle of a span: it reads and changes the span, and its clones are cheap.
///
/// It never finishes the span by being dropped; [`Span`](crate::Span) does. A handle of a span that has finished, or that
/// does not exist because tracing is off, is harmless: changes do nothing, reads give `None`.
#[derive(Clone, Debug, Default)]
pub struct SpanRef {
    pub(crate) at: Option<At>,
}

const _: () = assert!(size_of::<SpanRef>() <= 16, "two words");

impl SpanRef {
    /// The handle of no span.
    #[must_use]
    pub const fn none() -> Self {
        SpanRef { at: None }
    }

    /// Whether this is the handle of a span at all; it may have finished.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.at.is_some()
    }

    /// Whether tracing was off when this was made.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.at.is_none()
    }

    /// Whether the span is still open, and so takes changes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.at.as_ref().is_some_and(At::is_open)
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        Some(self.at.as_ref()?.segment.trace_id)
    }

    /// The span's own id.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        Some(self.at.as_ref()?.id)
    }

    /// The parent's id, here or in another process; `None` for the root of the trace.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.read(|span| span.parent_id()).flatten()
    }

    /// The handle of the parent, if it is in this process and not yet sent.
    #[must_use]
    pub fn parent(&self) -> Option<SpanRef> {
        let at = self.at.as_ref()?;
        let id = at.read(|span| span.record.parent)??;
        let parent = At { segment: at.segment.clone(), id };
        parent.read(|_| ())?;
        Some(SpanRef { at: Some(parent) })
    }

    /// The handle of the first span of the trace in this process: the place for what concerns the trace.
    #[must_use]
    pub fn local_root(&self) -> SpanRef {
        let root = |at: &At| At { segment: at.segment.clone(), id: at.segment.root };
        SpanRef { at: self.at.as_ref().map(root) }
    }

    /// What of the span crosses the border of a process, to be handed on. Takes the sampling decision if nobody has
    /// yet, so that all who go on with the trace have the same one.
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

    /// What of the span crosses the border of a process, as it is now: without a sampling decision as long as none
    /// has been taken, and none is taken for this.
    ///
    /// For looking: ids, origin, baggage. Who goes on with the trace from here would decide anew, and may come to
    /// another decision; give such a one [`SpanRef::propagation_context`], or the span itself as a parent.
    #[doc(alias = "context")]
    #[must_use]
    pub fn span_context(&self) -> Option<SpanContext> {
        self.context_with(Segment::decision)
    }

    fn context_with(&self, decision: fn(&Segment) -> Option<Decision>) -> Option<SpanContext> {
        let at = self.at.as_ref()?;
        if at.segment.is_inherited() {
            return self.handed_over(Lineage::Explicit);
        }
        Some(at.context(decision(&at.segment), self.shared_baggage()))
    }

    /// Whether the span is one of the process that this one was forked from.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.at.as_ref().is_some_and(|at| at.segment.is_inherited())
    }

    /// What is known in a forked child of a span of its parent, which may not be touched. As a named parent
    /// it stands for itself, as the active one for its nearest ancestor that was open at the fork.
    pub(crate) fn handed_over(&self, lineage: Lineage) -> Option<SpanContext> {
        let at = self.at.as_ref()?;
        let context = handover::find(at.segment.trace_id, at.id, lineage);
        context.or_else(|| Some(at.context(at.segment.decision(), None)))
    }

    /// The sampling decision, if one has been taken. It is taken as late as possible: when headers are
    /// written, a link is made, a part of the trace is sent, or the trace ends.
    #[must_use]
    pub fn sampling_decision(&self) -> Option<Decision> {
        self.at.as_ref()?.segment.decision()
    }

    /// This span if it is open, else its nearest open ancestor in this process.
    pub(crate) fn nearest_open(&self) -> Option<SpanRef> {
        Some(SpanRef { at: Some(self.at.as_ref()?.nearest_open()?) })
    }

    // ===== looking and changing: see `span_read` and `span_change` =====

    /// Looks at the whole span at once, until it has been handed off for sending.
    ///
    /// The lock of the trace is held meanwhile: `look` must not touch spans.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        self.at.as_ref()?.read(look)
    }

    pub(crate) fn edit(&self, change: impl FnOnce(&mut Record, &mut Tags)) -> bool {
        self.at.as_ref().is_some_and(|at| at.edit(change))
    }

    // ===== ending =====

    /// Finishes the span now. A second time does nothing.
    pub fn finish(&self) {
        if let Some(at) = &self.at {
            at.finish(None);
        }
    }

    /// Finishes the span at a given time; a time before its start makes the duration zero.
    pub fn finish_at(&self, end: SystemTime) {
        if let Some(at) = &self.at {
            at.finish(Some(end));
        }
    }

    /// Finishes the span and every open span above it in this process: for an abrupt end of the program.
    pub fn finish_with_ancestors(&self) {
        if let Some(at) = &self.at {
            at.finish_with_ancestors();
        }
    }

    /// Makes the span the active one on this thread, until the scope is dropped.
    pub fn activate(&self) -> Scope {
        match &self.at {
            Some(at) => at.segment.shared.provider.activate_span(self),
            None => Scope::empty(),
        }
    }
}

/// Two handles are equal when they are of the same span.
impl PartialEq for SpanRef {
    fn eq(&self, other: &Self) -> bool {
        self.trace_id() == other.trace_id() && self.span_id() == other.span_id()
    }
}
