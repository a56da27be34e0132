//! The beginning of a span.

use std::sync::Arc;
use std::time::SystemTime;

use super::layout::{Body, Location, Record, Segment, SharedShards};
use super::slots::MAX_SPANS_PER_TRACE;
use crate::clock::{self, Anchor, Ticks};
use crate::diag::LossReason;
use crate::id::SpanId;
use crate::trace::tags::Tags;
use crate::trace::values::{Baggage, ServiceSource, SpanContext};

/// What is known of a new span before it has a slot.
pub(crate) trait Draft {
    /// When it started; `None` for now.
    fn start(&self) -> Option<SystemTime>;

    /// Who chose the service, if it was not left to the parent.
    fn service_source(&self) -> Option<ServiceSource> {
        None
    }

    /// Empties the draft into a vacant record. What follows from the placement is set afterwards.
    fn move_into(&mut self, record: &mut Record, tags: &mut Tags);
}

/// What a new span gets from where it starts. Plain values: a service or baggage of the parent, which is counted or copied,
/// is set when the span has its slot, by [`Body::inherit`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    pub(crate) start: Ticks,
    pub(crate) parent: Option<SpanId>,
    /// The parent's, for a span that has none of its own.
    pub(crate) service_source: ServiceSource,
    pub(crate) local_root: bool,
}

impl Placement {
    /// That of the first span of a trace in this process.
    #[inline(always)]
    pub(super) fn of_root(start: Ticks) -> Self {
        let service_source = ServiceSource::INHERITED;
        Placement { start, parent: None, service_source, local_root: true }
    }
}

/// How the parent of a new span was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// The user named it: it is the parent even when it has finished.
    Explicit,
    /// It is the active span: if it has finished, its nearest open ancestor is the parent.
    Active,
}

/// Why there is no child.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoChild {
    /// The trace is full; the span is not recorded.
    Full,
    /// This thread is inside of the trace already, in an allocator for example; the span does not exist.
    Inside,
    /// Neither the active span nor any ancestor of it is open, and so nothing is the parent.
    Orphan,
}

impl Segment {
    /// Starts the first span of a trace in this process.
    ///
    /// Always inlined, so that it is compiled for each kind of draft with what is known of that: a root takes 49
    /// instructions less.
    #[inline(always)]
    pub(crate) fn start(
        shared: &SharedShards,
        upstream: Option<Arc<SpanContext>>,
        mut baggage: Option<Arc<Baggage>>,
        draft: &mut impl Draft,
    ) -> Location {
        let anchor = Anchor::current();
        let start = draft.start().map_or_else(clock::now, |start| anchor.ticks(start));
        let (mut segment, buffers) = Segment::acquire(shared);
        let root = SpanId::generate();
        let mut placement = Placement::of_root(start);
        let upstream_bytes = upstream.as_deref().map_or(0, SpanContext::bytes);
        let links = segment.begin(shared, upstream, root, anchor, &mut placement, &mut baggage);
        let body = segment.body.get_mut().insert(buffers);
        body.push(draft, placement, root, root);
        body.tags.hold(upstream_bytes);
        if baggage.is_some() {
            body.inherit(root, root, baggage);
        }
        if let Some(links) = links {
            body.link_first(&links);
        }
        let segment = segment.share();
        if segment.shared.has_ended() {
            segment.mark_ended();
        }
        Location { segment, id: root }
    }
}

impl Location {
    /// Starts a child of this span, which is of this process; the draft is emptied only if there is one.
    #[inline]
    pub(crate) fn start_child(
        &self,
        draft: &mut impl Draft,
        mut baggage: Option<Arc<Baggage>>,
        lineage: Lineage,
    ) -> Result<SpanId, NoChild> {
        let segment = &*self.segment;
        let root = segment.root;
        // Before the lock: the first id of a thread takes system calls.
        let random = SpanId::generate();
        let start = match draft.start() {
            Some(start) => segment.anchor.ticks(start),
            None => clock::now(),
        };
        if baggage.is_some() {
            segment.note_baggage();
        }
        let mut placement =
            Placement { parent: Some(self.id), local_root: false, ..Placement::of_root(start) };
        let mut inherits = baggage.is_some();
        let Some(mut guard) = segment.lock_body() else { return Err(NoChild::Inside) };
        let found = match (&mut *guard, lineage) {
            (Some(body), Lineage::Explicit) => body.record(root, self.id),
            (Some(body), Lineage::Active) => body.nearest_open(root, self.id),
            (None, _) => None,
        };
        match found {
            Some(parent) => {
                placement.parent = parent.id;
                placement.service_source = parent.service_source;
                inherits |= parent.service.is_some() || parent.baggage.is_some();
            }
            None if lineage == Lineage::Active => return Err(NoChild::Orphan),
            // The parent was sent already: the child goes in a later chunk.
            None => {
                baggage = baggage.or_else(|| segment.sent_baggage(self.id));
                inherits |= baggage.is_some();
            }
        }
        let body = match &mut *guard {
            Some(body) => body,
            none => none.insert(Body::for_late_child(&segment.shared)),
        };
        let Some(id) = body.push(draft, placement, root, random) else {
            drop(guard);
            segment.trace_is_full();
            return Err(NoChild::Full);
        };
        if inherits {
            body.inherit(root, id, baggage);
        }
        Ok(id)
    }
}

impl Segment {
    #[cold]
    fn trace_is_full(&self) {
        self.shared.diag.lose(LossReason::TraceTooLong, 1, || {
            let most = self.shared.max_trace_bytes;
            format!(
                "trace {} has {MAX_SPANS_PER_TRACE} unsent spans, or they hold more than twice {most} bytes",
                self.trace_id
            )
        });
    }
}
