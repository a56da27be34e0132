//! The handles of a span.

use std::fmt;
use std::time::SystemTime;

use super::layout::{Location, Record, SpanRef, SpanView};
use crate::id::{SpanId, TraceId};
use crate::trace::tags::Tags;
use crate::trace::values::SamplingDecision;

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
        self.at.as_ref().is_some_and(Location::is_open)
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
        self.read_fields(|span| span.parent_id()).flatten()
    }

    /// The handle of the parent, if it is in this process and not yet sent.
    #[must_use]
    pub fn parent(&self) -> Option<SpanRef> {
        let at = self.at.as_ref()?;
        let id = at.read_fields(|span| span.record.parent)??;
        let parent = Location { segment: at.segment.clone(), id };
        parent.read_fields(|_| ())?;
        Some(SpanRef { at: Some(parent) })
    }

    /// The handle of the first span of the trace in this process: the place for what concerns the trace.
    #[must_use]
    pub fn local_root(&self) -> SpanRef {
        let root = |at: &Location| Location { segment: at.segment.clone(), id: at.segment.root };
        SpanRef { at: self.at.as_ref().map(root) }
    }

    /// Whether the span is one of the process that this one was forked from.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.at.as_ref().is_some_and(|at| at.segment.is_inherited())
    }

    /// The sampling decision, if one has been taken. It is taken as late as possible: when headers are
    /// written, a link is made, a part of the trace is sent, or the trace ends.
    #[must_use]
    pub fn sampling_decision(&self) -> Option<SamplingDecision> {
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

    /// As [`SpanRef::read`], where neither a tag nor a name is looked at; see [`Location::read_fields`].
    pub(crate) fn read_fields<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        self.at.as_ref()?.read_fields(look)
    }

    /// Changes fields of the span; see [`Location::edit`].
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
}

/// The ids: what else there is to a span is behind the lock of its trace.
impl fmt::Debug for SpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "SpanRef({}, {})", at.segment.trace_id, at.id),
            None => f.write_str("SpanRef(none)"),
        }
    }
}

/// Two handles are equal when they are of the same span.
impl PartialEq for SpanRef {
    fn eq(&self, other: &Self) -> bool {
        self.trace_id() == other.trace_id() && self.span_id() == other.span_id()
    }
}
