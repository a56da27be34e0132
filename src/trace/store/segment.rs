//! The part of one trace that lives in this process.

use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracehound_fork::epoch;
use tracehound_machine::{Counted, Sole};

use super::decided::{Decided, DecisionMark};
use super::hand_off;
use super::last_sent::LastSent;
use super::layout::{
    Body, Buffers, Chunk, DerivedNames, Record, Segment, Shared, SharedRef, SharedShards, SpanView,
};
use super::pool::empty_buffers;
use super::registry;
use super::sent_baggage::SentBaggage;
use super::start::Placement;
use crate::clock::Anchor;
use crate::diag::LossReason;
use crate::id::{SpanId, TraceId};
use crate::primitives::{ShortGuard, ShortLock};
use crate::text::Text;
use crate::trace::tags::{Key, TagList, Tags};
use crate::trace::values::{Baggage, SamplingDecision, SamplingPriority, SpanContext};
use crate::user_code::{self, UserCode};

/// A panic leaves nothing here half done: no code of the user runs under the lock.
impl RefUnwindSafe for Segment {}

impl Segment {
    /// A segment that no trace has, and room for its spans.
    pub(crate) fn fresh(shared: &Shared) -> (Sole<Segment>, Buffers) {
        let mut buffers = empty_buffers(shared);
        let segment = buffers.spare_segment.take().unwrap_or_else(Segment::allocate);
        (segment, buffers)
    }

    #[cold]
    fn allocate() -> Sole<Segment> {
        let segment = Sole::new(Segment::resting());
        registry::enter(&segment);
        segment
    }

    /// One that no trace has.
    pub(super) fn resting() -> Self {
        Segment {
            epoch: epoch(),
            trace_id: TraceId::MIN,
            root: SpanId::MIN,
            anchor: Anchor::default(),
            upstream: None,
            shared: SharedRef::NONE,
            has_baggage: AtomicBool::new(false),
            decision: Decided::default(),
            body: ShortLock::new(None),
            sent_baggage: ShortLock::new(SentBaggage::new()),
            last_sent: LastSent::default(),
        }
    }

    /// Gives up the trace that it had, so that it can serve another one.
    pub(crate) fn rest(&mut self) {
        self.upstream = None;
        self.shared = SharedRef::NONE;
        if std::mem::take(self.has_baggage.get_mut()) {
            self.sent_baggage.get_mut().clear();
        }
        self.decision = Decided::default();
        self.last_sent = LastSent::default();
    }

    /// Takes up a trace. The links are those that the first span gets from upstream.
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
                self.decision = Decided::new(inherited(shared, context));
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

    /// Gives the trace its room.
    pub(crate) fn fill(&mut self, buffers: Buffers) -> &mut Body {
        self.body.get_mut().insert(buffers)
    }

    /// The tracer has ended before anybody could find this trace.
    #[cold]
    pub(super) fn note_end(&self) {
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

    /// Whether this thread is inside of what looks at the spans or changes them: in code of the program that runs
    /// there, such as an allocator's or a late tag's.
    fn is_entered(&self) -> bool {
        !self.is_inherited() && self.body.is_held_here()
    }

    /// The same of a trace that is known to be this process's.
    #[inline]
    pub(super) fn lock_body(&self) -> Option<ShortGuard<'_, Option<Buffers>>> {
        self.body.lock()
    }

    /// A part of a trace that another library has recorded; `None` for a context without a trace.
    pub(crate) fn recorded(shared: &SharedShards, upstream: SpanContext) -> Option<Self> {
        Some(Segment {
            epoch: epoch(),
            trace_id: upstream.trace_id?,
            // What ids and handles are measured by, and there are no handles of spans that have finished.
            root: SpanId::generate(),
            anchor: Anchor::current(),
            has_baggage: upstream.baggage.is_some().into(),
            decision: Decided::new(inherited(shared, &upstream)),
            upstream: Some(Arc::new(upstream)),
            shared: SharedRef::of(shared),
            body: ShortLock::new(None),
            sent_baggage: ShortLock::new(SentBaggage::new()),
            last_sent: LastSent::default(),
        })
    }

    /// Leaves out what upstream says of the span that is the parent there: no span has it.
    pub(crate) fn without_parent(&mut self) {
        if let Some(upstream) = self.upstream.as_mut().and_then(Arc::get_mut) {
            upstream.last_parent = None;
        }
    }

    /// Looks at the local root; at the first span that is here when a late child decides and the root has
    /// been handed off already.
    fn with_root<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        let mut guard = self.body()?;
        let body = guard.as_mut()?;
        body.settle_tags();
        let here = || body.spans.iter().find(|record| record.id.is_some());
        let record = body.record(self.root, self.root).or_else(here)?;
        Some(look(&SpanView { segment: self, record, tags: &body.tags }))
    }

    #[cold]
    fn keep_baggage<'a>(&self, buffers: &'a Body) {
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

    /// The priority of the decision, without a lock.
    pub(crate) fn priority(&self) -> Option<SamplingPriority> {
        self.decision.priority()
    }

    /// What tells the decision from other ones, without a lock.
    #[inline]
    pub(crate) fn decision_mark(&self) -> Option<DecisionMark> {
        self.decision.mark()
    }

    /// The decision; taken now if there is none. `None` while the sampler or a naming function runs on this thread:
    /// what they ask for is undecided, or there would be no end to it.
    pub(crate) fn decide(&self) -> Option<SamplingDecision> {
        if let Some(decision) = self.decision() {
            return Some(decision);
        }
        let is_deciding = [UserCode::Sampler, UserCode::Naming].map(user_code::is_running);
        if is_deciding.contains(&true) || self.is_entered() {
            return None;
        }
        let sink = &self.shared.sink;
        // On a copy, so that no sampler and no naming function runs under the lock, but for a short one of our own.
        let mut copy = None;
        let decided = self.with_root(|root| {
            let decided = sink.decide_in_place(root);
            if decided.is_none() {
                copy = Some(copy_for_sampler(root, sink.needed_tags()));
            }
            decided
        });
        let decision = decided.flatten().unwrap_or_else(|| {
            // Nothing is here: a context is asked of a span that has been handed off.
            let (mut record, tags) = copy.unwrap_or((Record::VACANT, Tags::default()));
            fix_names(self, &mut record, &tags);
            sink.decide(&SpanView { segment: self, record: &record, tags: &tags })
        });
        user_code::say_rest(&self.shared.diag);
        Some(self.settle(decision))
    }

    /// Makes `decision` the decision unless another thread was faster; the one that counts is returned.
    pub(crate) fn settle(&self, decision: SamplingDecision) -> SamplingDecision {
        self.decision.settle(decision)
    }

    /// The user's own word, over any decision before it.
    pub(crate) fn overrule(&self, decision: SamplingDecision) {
        self.decision.overrule(decision);
    }

    #[inline]
    pub(crate) fn submit(this: &Counted<Self>, buffers: Option<Buffers>) {
        let Some(buffers) = buffers else { return };
        if this.has_baggage() {
            this.keep_baggage(&buffers);
        }
        let has_ended = buffers.has_ended;
        let chunk = Chunk::new(this.clone(), buffers);
        if has_ended {
            return this.lose_at_end(chunk.len() as u64);
        }
        if this.shared.is_enabled() {
            hand_off::submit(&*this.shared.sink, chunk);
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
            // Another thread may have been changing it at the fork: not even fit to be dropped.
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
        let heir = Sole::new(Segment {
            epoch: self.epoch,
            trace_id: self.trace_id,
            root: self.root,
            anchor: self.anchor,
            upstream: self.upstream.take(),
            shared: std::mem::replace(&mut self.shared, SharedRef::NONE),
            has_baggage: self.has_baggage().into(),
            decision: Decided::new(self.decision()),
            body: ShortLock::new(None),
            sent_baggage: ShortLock::new(SentBaggage::new()),
            last_sent: LastSent::default(),
        });
        Segment::submit(&heir.share(), Some(body));
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
    let Some(needed) = needed.filter(|_| old.naming.is_none()) else {
        let mut record = Record { tags: TagList::EMPTY, ..old.clone() };
        for (key, value) in root.all() {
            tags.put(&mut record.tags, Key::new(key.clone()), value.copy());
        }
        return (record, tags);
    };
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
        ..Record::VACANT
    };
    for key in needed {
        if let Some(value) = root.tags.get(&old.tags, key) {
            tags.put(&mut record.tags, Key::new(key.clone()), value.copy());
        }
    }
    (record, tags)
}

/// Names that were put off are fixed: the span does not change any more.
pub(crate) fn fix_names(segment: &Segment, record: &mut Record, tags: &Tags) {
    let names = (SpanView { segment, record, tags }).derived_names();
    // Also where the function panicked: it is not asked again.
    record.naming = None;
    let Some(DerivedNames { name, span_type }) = names else { return };
    if record.name.is_empty() {
        record.name = name;
    }
    record.span_type = record.span_type.take().or(span_type);
}
