//! The part of one trace that lives in this process.

use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracehound_fork::epoch;
use tracehound_machine::{Counted, Sole};

use super::decision::TraceDecision;
use super::hand_off;
use super::last_sent::LastSent;
use super::layout::{
    Body, Buffers, Chunk, DerivedNames, Record, Segment, Shared, SharedRef, SharedShards, SpanView,
};
use super::pool::empty_buffers;
use super::registry;
use super::sent_baggage::SentBaggage;
use super::start::Placement;
use crate::clock::{Anchor, Ticks};
use crate::diag::LossReason;
use crate::id::{SpanId, TraceId};
use crate::primitives::{ShortGuard, ShortLock};
use crate::text::Text;
use crate::trace::tags::{Key, TagRef, Tags};
use crate::trace::values::{Baggage, SamplingDecision, SpanContext};
use crate::user_code::{self, UserCode};

/// A panic leaves nothing here half done: no code of the user runs under the lock.
impl RefUnwindSafe for Segment {}

impl Segment {
    /// A segment without a trace, and empty buffers.
    pub(crate) fn acquire(shared: &Shared) -> (Sole<Segment>, Buffers) {
        let mut buffers = empty_buffers(shared);
        let segment = buffers.spare_segment.take().unwrap_or_else(Segment::allocate);
        (segment, buffers)
    }

    /// A new segment, which [`registry`] knows from now on, whichever traces it serves.
    #[cold]
    fn allocate() -> Sole<Segment> {
        let segment = Sole::new(Segment::vacant());
        registry::enter(&segment);
        segment
    }

    /// One without a trace.
    pub(super) fn vacant() -> Self {
        Segment {
            epoch: epoch(),
            trace_id: TraceId::MIN,
            root: SpanId::MIN,
            anchor: Anchor::default(),
            upstream: None,
            shared: SharedRef::NONE,
            has_baggage: AtomicBool::new(false),
            decision: TraceDecision::default(),
            body: ShortLock::new(None),
            sent_baggage: ShortLock::new(SentBaggage::default()),
            last_sent: LastSent::default(),
        }
    }

    /// Makes it one without a trace again.
    pub(crate) fn reset(&mut self) {
        self.upstream = None;
        self.shared = SharedRef::NONE;
        if std::mem::take(self.has_baggage.get_mut()) {
            self.sent_baggage.get_mut().clear();
        }
        self.decision = TraceDecision::default();
        self.last_sent = LastSent::default();
    }

    /// A segment for spans that another library has recorded, and empty buffers; `None` for a context without a trace.
    pub(crate) fn acquire_recorded(
        shared: &SharedShards,
        context: SpanContext,
    ) -> Option<(Sole<Segment>, Buffers)> {
        context.trace_id?;
        let (mut segment, buffers) = Segment::acquire(shared);
        let (root, anchor) = (SpanId::generate(), Anchor::current());
        let mut placement = Placement::of_root(Ticks(0));
        segment.begin(shared, Some(Arc::new(context)), root, anchor, &mut placement, &mut None);
        Some((segment, buffers))
    }

    /// Makes it the segment of a trace. Returns the context whose links the first span is to get.
    ///
    /// It has no spans yet: [`Body::push`] adds them.
    #[inline(always)]
    pub(crate) fn begin(
        &mut self,
        shared: &SharedShards,
        upstream: Option<Arc<SpanContext>>,
        root: SpanId,
        anchor: Anchor,
        placement: &mut Placement,
        baggage: &mut Option<Arc<Baggage>>,
    ) -> Option<Arc<SpanContext>> {
        self.epoch = epoch();
        self.root = root;
        self.anchor = anchor;
        self.shared = SharedRef::of(shared);
        let mut trace_id = None;
        let mut linked = None;
        if let Some(context) = &upstream {
            trace_id = context.trace_id;
            if trace_id.is_some() {
                placement.parent = context.span_id;
                self.decision = TraceDecision::new(inherited(shared, context));
            }
            if baggage.is_none() {
                baggage.clone_from(&context.baggage);
            }
            linked = (!context.links.is_empty()).then(|| Arc::clone(context));
        }
        self.trace_id = trace_id.unwrap_or_else(|| {
            TraceId::generate(shared.wide_trace_ids.then(|| anchor.unix_ns(placement.start)))
        });
        *self.has_baggage.get_mut() = baggage.is_some();
        self.upstream = upstream;
        linked
    }

    /// Marks a new trace as one whose tracer has ended: [`registry::all`] may have missed it.
    #[cold]
    pub(super) fn mark_ended(&self) {
        if let Some(body) = self.lock_body().as_deref_mut().and_then(Option::as_mut) {
            body.end();
        }
    }

    /// Whether this process was forked from the one that this belongs to.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.epoch != epoch()
    }

    /// The spans; `None` where they are another process's, and inside of another call of this on the same thread.
    #[inline]
    pub(crate) fn body(&self) -> Option<ShortGuard<'_, Option<Buffers>>> {
        if self.is_inherited() {
            return None;
        }
        self.body.lock()
    }

    /// Whether this thread holds the lock of the spans: it is in code of the program that runs under it, such as an
    /// allocator or the conversion of deferred tags.
    fn is_entered(&self) -> bool {
        !self.is_inherited() && self.body.is_held_here()
    }

    /// As [`Segment::body`], of a trace that is known to be this process's.
    #[inline]
    pub(super) fn lock_body(&self) -> Option<ShortGuard<'_, Option<Buffers>>> {
        self.body.lock()
    }

    /// Looks at the local root; at the first span that is here when a late child decides and the root has
    /// been handed off already. `settle`: [`Body::settle_tags`], unless no tag and no name is looked at.
    fn with_root<T>(
        &self,
        settle: impl FnOnce(&mut Body),
        look: impl FnOnce(&SpanView<'_>) -> T,
    ) -> Option<T> {
        let mut guard = self.body()?;
        let body = guard.as_mut()?;
        settle(body);
        let here = || body.spans.iter().find(|record| record.id.is_some());
        let record = body.record(self.root, self.root).or_else(here)?;
        Some(look(&SpanView { segment: self, record, tags: &body.tags }))
    }

    #[cold]
    fn remember_baggage<'a>(&self, buffers: &'a Body) {
        if let Some(mut sent) = self.sent_baggage.lock() {
            let of = |record: &'a Record| Some((record.id?, record.baggage.as_ref()?));
            sent.keep(buffers.spans.iter().filter_map(of));
        }
    }

    /// The baggage of a span that has been sent; see [`SentBaggage`] for how many are remembered.
    pub(crate) fn sent_baggage(&self, id: SpanId) -> Option<Arc<Baggage>> {
        if !self.has_baggage() || self.is_inherited() {
            return None;
        }
        self.sent_baggage.lock()?.of(id)
    }

    pub(crate) fn has_baggage(&self) -> bool {
        self.has_baggage.load(Ordering::Relaxed)
    }

    /// To be called before a span of the trace gets baggage.
    pub(crate) fn note_baggage(&self) {
        self.has_baggage.store(true, Ordering::Relaxed);
    }

    /// The decision, if there is one.
    #[inline]
    pub(crate) fn decision(&self) -> Option<SamplingDecision> {
        if self.is_inherited() {
            return self.decision.get_inherited();
        }
        self.decision.get()
    }

    /// The decision; taken now if there is none. `None` while the sampler or a naming function runs on this thread: a
    /// decision would call them again, without end.
    pub(crate) fn decide(&self) -> Option<SamplingDecision> {
        if let Some(decision) = self.decision() {
            return Some(decision);
        }
        let is_deciding = [UserCode::Sampler, UserCode::Naming].map(user_code::is_running);
        if is_deciding.contains(&true) || self.is_entered() {
            return None;
        }
        let sink = self.shared.sink.get();
        // Where only rates decide, as they do without rules, deferred tags are left to the worker.
        let is_by_rates = sink.needed_tags().is_some_and(<[_]>::is_empty);
        let at_once = || self.with_root(|_| (), |root| sink.decide_in_place(root)).flatten();
        let decision = is_by_rates.then(at_once).flatten();
        let decision = decision.unwrap_or_else(|| self.decide_by_tags());
        user_code::say_rest(&self.shared.diag);
        Some(self.decision.settle(decision))
    }

    /// Asks for a decision that may follow from any tag of the root.
    fn decide_by_tags(&self) -> SamplingDecision {
        let sink = self.shared.sink.get();
        // On a copy, so that no sampler and no naming function runs under the lock, but for a short one of our own.
        let mut copy = None;
        let decided = self.with_root(Body::settle_tags, |root| {
            let decided = sink.decide_in_place(root);
            if decided.is_none() {
                copy = Some(copy_for_sampler(root, sink.needed_tags()));
            }
            decided
        });
        decided.flatten().unwrap_or_else(|| {
            // Nothing is here: a context is asked of a span that has been handed off.
            let (mut record, tags) = copy.unwrap_or((Record::VACANT, Tags::default()));
            resolve_names(self, &mut record, &tags);
            sink.decide(&SpanView { segment: self, record: &record, tags: &tags })
        })
    }

    #[inline]
    pub(crate) fn submit(this: &Counted<Self>, buffers: Option<Buffers>) {
        let Some(buffers) = buffers else { return };
        if this.has_baggage() {
            this.remember_baggage(&buffers);
        }
        let has_ended = buffers.has_ended;
        let chunk = Chunk::new(this.clone(), buffers);
        if has_ended {
            return this.lose_at_end(chunk.len() as u64);
        }
        if this.shared.is_enabled() {
            hand_off::submit(&this.shared.sink, chunk);
        }
    }

    /// Counts spans that have finished after the end of the tracer.
    #[cold]
    pub(super) fn lose_at_end(&self, spans: u64) {
        if self.shared.is_enabled() {
            let diag = &self.shared.diag;
            diag.lose(LossReason::Shutdown, spans, || diag.after_shutdown());
        }
    }
}

/// Finished spans whose trace can never end, because an open one was given up, are sent all the same.
impl Drop for Segment {
    fn drop(&mut self) {
        let is_inherited = self.is_inherited();
        let body = self.body.get_mut().take();
        if is_inherited {
            // Another thread may have been changing it at the fork: it must not even be dropped.
            std::mem::forget(std::mem::take(self.sent_baggage.get_mut()));
            return std::mem::forget(body);
        }
        let Some(mut body) = body else { return };
        let mut unfinished = 0u64;
        for record in body.spans.iter_mut().filter(|record| record.is_open()) {
            unfinished = unfinished.saturating_add(u64::from(!record.is_counted));
            *record = Record::VACANT;
        }
        if self.shared.is_enabled() {
            self.shared.diag.lose(LossReason::Unfinished, unfinished, || {
                "nobody can finish them any more: their handles have gone".into()
            });
        }
        if body.finished == 0 {
            return;
        }
        // The chunk needs an owned segment: it takes the place of this one, which is gone after this.
        let mut segment = Segment::allocate();
        std::mem::swap(&mut *segment, self);
        Segment::submit(&segment.share(), Some(body));
    }
}

/// The decision that came in. Without APM it counts only if a product has marked the trace.
fn inherited(shared: &Shared, context: &SpanContext) -> Option<SamplingDecision> {
    let priority = context.priority.filter(|_| shared.apm_tracing || context.has_trace_source())?;
    Some(SamplingDecision::inherited(priority, context.mechanism))
}

/// A copy of a root: all of it, or its own fields and the tags that are needed.
#[cold]
fn copy_for_sampler(root: &SpanView<'_>, needed: Option<&[Text]>) -> (Record, Tags) {
    let (old, mut tags) = (root.record, Tags::default());
    // What names a span by its tags may look at any of them.
    let needed = needed.filter(|_| old.naming.is_none());
    let mut record = Record {
        id: old.id,
        parent: old.parent,
        start: old.start,
        duration: old.duration,
        name: old.name.clone(),
        service: old.service.clone(),
        resource: old.resource.clone(),
        span_type: old.span_type.clone(),
        kind: old.kind,
        error: old.error,
        local_root: old.local_root,
        naming: old.naming,
        extras: old.extras.as_ref().filter(|_| needed.is_none()).cloned(),
        ..Record::VACANT
    };
    let mut put = |key: &Text, value: TagRef<'_>| {
        tags.put(&mut record.tags, Key::new(key.clone()), value.copy());
    };
    match needed {
        Some(needed) => needed.iter().for_each(|key| {
            root.tags.get(&old.tags, key).into_iter().for_each(|value| put(key, value));
        }),
        None => root.all().for_each(|(key, value)| put(key, value)),
    }
    (record, tags)
}

/// Sets the names that follow from tags: the span does not change any more.
pub(crate) fn resolve_names(segment: &Segment, record: &mut Record, tags: &Tags) {
    let names = (SpanView { segment, record, tags }).derived_names();
    // Also where the function panicked: it is not asked again.
    record.naming = None;
    let Some(DerivedNames { name, span_type }) = names else { return };
    if record.name.is_empty() {
        record.name = name;
    }
    record.span_type = record.span_type.take().or(span_type);
}
