//! The context that a process hands over to a child that it forks, so that the trace goes on there.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use tracehound_fork::{BeforeFork, Watch, epoch};

use super::store::Store;
use crate::id::{SpanId, TraceId};
use crate::trace::store::{Lineage, SpanRef};
use crate::trace::values::{Baggage, SpanContext};

thread_local! {
    /// Written by the thread that forks, just before, and read by the same thread in the child.
    static HANDOVER: RefCell<Option<Handover>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct Handover {
    /// The process that hands over.
    from: u32,
    /// The span that was active, open or not.
    active: SpanId,
    /// The span that a child started at that moment would have had as its parent.
    open: Arc<SpanContext>,
}

/// Sees to it that forks are noticed from now on.
pub(crate) fn watch_forks() -> io::Result<()> {
    static WATCH: Watch<Handover> = Watch::new();
    WATCH.start()
}

impl BeforeFork for Handover {
    /// Notes where the trace of this thread is, for the child.
    ///
    /// The sampling decision is taken for it: parent and child could come to different ones later. What was
    /// handed over to this process itself, where it is a child, stays known as long as nothing of its own is
    /// active.
    fn before_fork() {
        let span = Store::of_process().current().span;
        let Some(active) = span.span_id() else { return };
        let open = span.nearest_open().unwrap_or(span);
        let Some(context) = open.propagation_context() else { return };
        let handover = Handover { from: epoch(), active, open: Arc::new(context) };
        let _ = HANDOVER.try_with(|place| place.replace(Some(handover)));
    }
}

/// The context of a span of the parent, if its trace was the active one at the fork.
pub(crate) fn find(trace_id: TraceId, span_id: SpanId, lineage: Lineage) -> Option<SpanContext> {
    HANDOVER
        .try_with(|handover| {
            let handover = handover.try_borrow().ok()?;
            let Handover { from, active, open } = handover.as_ref()?;
            if *from == epoch() || open.trace_id != Some(trace_id) {
                return None;
            }
            let mut context = (**open).clone();
            if lineage == Lineage::Explicit || span_id != *active {
                if open.span_id != Some(span_id) {
                    context.baggage = None;
                }
                context.span_id = Some(span_id);
            }
            Some(context)
        })
        .ok()
        .flatten()
}

/// The context of a span of the process that this one was forked from, if its trace was active at the fork on
/// the thread that forked, and that thread asks.
///
/// For bridges, whose own records of the parent's spans are out of reach in a child.
#[must_use]
pub fn inherited_context(trace_id: TraceId, span_id: SpanId) -> Option<SpanContext> {
    find(trace_id, span_id, Lineage::Active)
}

impl SpanRef {
    /// What is known in a forked child of a span of its parent, which may not be touched. As a named parent
    /// it stands for itself, as the active one for its nearest ancestor that was open at the fork.
    pub(crate) fn handed_over(&self, lineage: Lineage) -> Option<SpanContext> {
        let at = self.at.as_ref()?;
        let context = find(at.segment.trace_id, at.id, lineage);
        context.or_else(|| Some(at.context(at.segment.decision(), None)))
    }

    /// Its baggage, also after it was sent.
    pub(crate) fn shared_baggage(&self) -> Option<Arc<Baggage>> {
        let at = self.at.as_ref().filter(|at| at.segment.has_baggage())?;
        if at.segment.is_inherited() {
            return self.handed_over(Lineage::Explicit)?.baggage;
        }
        let open = at.read_fields(|span| span.record.baggage.clone());
        open.unwrap_or_else(|| at.segment.sent_baggage(at.id))
    }
}
