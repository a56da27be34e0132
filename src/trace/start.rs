//! The beginning of a span.

use std::sync::Arc;
use std::time::SystemTime;

use super::at::At;
use super::baggage::Baggage;
use super::body::MAX_SPANS_PER_TRACE;
use super::record::{NO_SLOT, Record, ServiceSource};
use super::segment::Segment;
use super::shared::Shared;
use super::span_context::SpanContext;
use super::tags::Tags;
use crate::clock::{self, Anchor, Ticks};
use crate::diag::LossReason;
use crate::id::SpanId;
use crate::text::Text;

/// What is known of a new span before it has a place.
pub(crate) trait Draft {
    /// When it started; `None` for now.
    fn start(&self) -> Option<SystemTime>;

    /// Empties the draft into a record.
    fn record(&mut self, born: Born, tags: &mut Tags) -> Record;
}

/// What a new span gets from its place.
#[derive(Debug)]
pub(crate) struct Born {
    pub(crate) id: SpanId,
    pub(crate) start: Ticks,
    pub(crate) parent: Option<SpanId>,
    pub(crate) parent_slot: u32,
    /// The parent's, for a span that has none of its own.
    pub(crate) service: Option<Text>,
    pub(crate) service_source: ServiceSource,
    pub(crate) baggage: Option<Arc<Baggage>>,
    pub(crate) local_root: bool,
}

/// How the parent of a new span was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// The user named it: it is the parent even when it has finished.
    Explicit,
    /// It is the active span: if it has finished, its nearest open ancestor is the parent.
    Active,
}

/// What came of starting a child.
#[derive(Debug)]
pub(crate) enum Started {
    Child(At),
    /// The trace is full; the span is not recorded.
    Full,
    /// Neither the active span nor any ancestor of it is open, and so nothing is the parent.
    Orphan,
}

impl Segment {
    /// Starts the first span of a trace in this process. `None` is never met with: nobody else has the segment yet.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        upstream: Option<Arc<SpanContext>>,
        baggage: Option<Arc<Baggage>>,
        draft: &mut impl Draft,
    ) -> Option<At> {
        let anchor = Anchor::current();
        let start = draft.start().map_or_else(clock::now, |start| anchor.ticks(start));
        let (mut segment, buffers) = Segment::fresh(shared);
        let id = SpanId::generate();
        let inside = Arc::get_mut(&mut segment)?;
        let mut born = Born {
            id,
            start,
            parent: None,
            parent_slot: NO_SLOT,
            service: None,
            service_source: ServiceSource::Inherited,
            baggage,
            local_root: true,
        };
        let links = inside.begin(shared, upstream, anchor, &mut born);
        let body = inside.fill(buffers);
        body.push(draft, born);
        if let Some(links) = links {
            body.link_first(&links);
        }
        Some(At { segment, slot: 0, id })
    }
}

impl At {
    /// Starts a child of this span, which is of this process; the draft is emptied only if there is one.
    #[inline]
    pub(crate) fn start_child(
        self,
        draft: &mut impl Draft,
        baggage: Option<Arc<Baggage>>,
        lineage: Lineage,
    ) -> Started {
        let segment = &*self.segment;
        let start = match draft.start() {
            Some(start) => segment.anchor.ticks(start),
            None => clock::now(),
        };
        let id = SpanId::generate();
        if baggage.is_some() {
            segment.note_baggage();
        }
        let mut born = Born {
            id,
            start,
            parent: Some(self.id),
            parent_slot: NO_SLOT,
            service: None,
            service_source: ServiceSource::Inherited,
            baggage,
            local_root: false,
        };
        let mut guard = segment.lock_body();
        let found = match (&*guard, lineage) {
            (Some(body), Lineage::Explicit) => body.at(self.slot, self.id),
            (Some(body), Lineage::Active) => body.nearest_open(self.slot, self.id),
            (None, _) => None,
        };
        match found {
            Some((slot, parent)) => {
                born.parent = parent.id;
                born.parent_slot = slot;
                if parent.service.is_some() {
                    born.service = parent.service.clone();
                }
                born.service_source = parent.service_source;
                if born.baggage.is_none() && parent.baggage.is_some() {
                    born.baggage = parent.baggage.clone();
                }
            }
            None if lineage == Lineage::Active => return Started::Orphan,
            // It was sent already: a late child, in a chunk of its own.
            None => {}
        }
        let Some(slot) = guard.get_or_insert_default().push(draft, born) else {
            drop(guard);
            segment.trace_is_full();
            return Started::Full;
        };
        drop(guard);
        Started::Child(At { segment: self.segment, slot, id })
    }
}

impl Segment {
    #[cold]
    fn trace_is_full(&self) {
        self.shared.diag.lose(LossReason::TraceTooLong, 1, || {
            format!("trace {} has {MAX_SPANS_PER_TRACE} unsent spans", self.trace_id)
        });
    }
}
