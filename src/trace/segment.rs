//! The part of one trace that lives in this process.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tracehound_fork::epoch;
use tracehound_machine::{ShortGuard, ShortLock};

use super::baggage::Baggage;
use super::body::{Body, MAX_SPANS_PER_TRACE};
use super::chunk::{Buffers, Chunk};
use super::decided::Decided;
use super::record::{LateNames, Record, ServiceSource};
use super::sampling::{Decision, Mechanism, Priority};
use super::shared::Shared;
use super::span_context::SpanContext;
use super::tags::{Tag, TagList, Tags};
use super::value::Value;
use super::view::SpanView;
use crate::clock::{self, Anchor};
use crate::diag::LossReason;
use crate::id::{SpanId, TraceId};
use crate::text::Text;

/// The open part of a trace: one lock around two flat vectors.
///
/// Neither lock is ever taken while the other is held, and no code of the user runs under either. What is
/// taken under them are locks that guard one value and call nothing.
///
/// It belongs to the process that made it. In one that was forked from that, the locks may be locked for ever
/// and the vectors half changed: nothing behind them is touched, and the spans are the parent's to finish.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Which process this belongs to.
    epoch: u32,
    pub(crate) trace_id: TraceId,
    /// The first span started here; always in slot 0 as long as it is here.
    pub(crate) root: SpanId,
    pub(crate) anchor: Anchor,
    /// What came in from upstream.
    pub(crate) upstream: Option<Arc<SpanContext>>,
    pub(crate) shared: Arc<Shared>,
    /// Whether any span has had baggage: most traces have none, and need no lock to know.
    has_baggage: AtomicBool,
    decision: Decided,
    body: ShortLock<Body>,
}

/// Where a span is. The id is the generation: a handle whose slot was used again finds another id there.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) segment: Arc<Segment>,
    pub(crate) slot: u32,
    pub(crate) id: SpanId,
}

/// What a span starts with. Lent, and emptied into the segment: it is large to move.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) record: &'a mut Record,
    pub(crate) start: Option<SystemTime>,
    pub(crate) tags: &'a mut Vec<(Text, Value)>,
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
    /// Starts the first span of a trace in this process.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        upstream: Option<Arc<SpanContext>>,
        draft: &mut Draft<'_>,
    ) -> At {
        let anchor = Anchor::current();
        let start = draft.start.map_or_else(clock::now, |start| anchor.ticks(start));
        let trace_id =
            upstream.as_ref().and_then(|context| context.trace_id).unwrap_or_else(|| {
                TraceId::generate(shared.wide_trace_ids.then(|| anchor.unix_ns(start)))
            });
        let root = SpanId::generate();
        let mut decision = None;
        if let Some(context) = upstream.as_deref() {
            if context.trace_id.is_some() {
                draft.record.parent = context.span_id;
                decision = inherited(shared, context);
            }
            if draft.record.baggage.is_none() {
                draft.record.baggage.clone_from(&context.baggage);
            }
            for link in &context.links {
                draft.record.extras_mut().add_link(link.clone());
            }
        }
        draft.record.local_root = true;
        let has_baggage = draft.record.baggage.is_some().into();
        let mut body = Body::filling(blank(shared));
        body.push(root, start, draft);
        let segment = Segment {
            epoch: epoch(),
            trace_id,
            root,
            anchor,
            upstream,
            shared: Arc::clone(shared),
            has_baggage,
            decision: Decided::new(decision),
            body: ShortLock::new(body),
        };
        At { segment: Arc::new(segment), slot: 0, id: root }
    }

    /// Whether this process was forked from the one that this belongs to.
    #[inline]
    pub(crate) fn is_inherited(&self) -> bool {
        self.epoch != epoch()
    }

    /// The spans; `None` where they are another process's.
    #[inline]
    pub(super) fn body(&self) -> Option<ShortGuard<'_, Body>> {
        (!self.is_inherited()).then(|| self.body.lock())
    }

    /// A part of a trace that another library has recorded; `None` for a context without a trace.
    pub(super) fn recorded(shared: &Arc<Shared>, upstream: SpanContext) -> Option<Self> {
        Some(Segment {
            epoch: epoch(),
            trace_id: upstream.trace_id?,
            // Handles ask for it, and there are none to a span that has finished.
            root: SpanId::generate(),
            anchor: Anchor::current(),
            has_baggage: upstream.baggage.is_some().into(),
            decision: Decided::new(inherited(shared, &upstream)),
            upstream: Some(Arc::new(upstream)),
            shared: Arc::clone(shared),
            body: ShortLock::default(),
        })
    }

    /// Leaves out what upstream says of the span that is the parent there: no span has it.
    pub(super) fn without_parent(&mut self) {
        if let Some(upstream) = self.upstream.as_mut().and_then(Arc::get_mut) {
            upstream.last_parent = None;
        }
    }

    /// Looks at the local root; at the first span that is here when a late child decides and the root has
    /// been handed off already.
    fn with_root<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        let mut body = self.body()?;
        body.settle_tags();
        let here = || body.spans.iter().find(|record| record.id.is_some());
        let record = body.record(0, self.root).or_else(here)?;
        Some(look(&SpanView { segment: self, record, tags: &body.tags }))
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
    pub(crate) fn decision(&self) -> Option<Decision> {
        if self.is_inherited() {
            return self.decision.get_inherited();
        }
        self.decision.get()
    }

    /// The priority of the decision, without a lock.
    pub(crate) fn priority(&self) -> Option<Priority> {
        self.decision.priority()
    }

    /// The mechanism of the decision, without a lock.
    pub(crate) fn mechanism(&self) -> Option<Mechanism> {
        self.decision.mechanism()
    }

    /// The decision; taken now if there is none.
    pub(crate) fn decide(&self) -> Decision {
        if let Some(decision) = self.decision() {
            return decision;
        }
        let sink = &self.shared.sink;
        let decision = if sink.samples_with_user_code() {
            let copy = self.with_root(|root| {
                let mut tags = Tags::default();
                let mut record = root.record.clone();
                record.tags = TagList::EMPTY;
                for (key, value) in root.all() {
                    tags.set(&mut record.tags, key.clone(), value.clone());
                }
                (record, tags)
            });
            copy.map(|(record, tags)| {
                sink.decide(&SpanView { segment: self, record: &record, tags: &tags })
            })
        } else {
            self.with_root(|root| sink.decide(root))
        };
        // Nothing is here: a context is asked of a span that has been handed off.
        let decision = decision.unwrap_or_else(|| {
            let tags = Tags::default();
            sink.decide(&SpanView { segment: self, record: &Record::VACANT, tags: &tags })
        });
        self.settle(decision)
    }

    /// Makes `decision` the decision unless another thread was faster; the one that counts is returned.
    pub(crate) fn settle(&self, decision: Decision) -> Decision {
        self.decision.settle(decision)
    }

    /// The user's own word, over any decision before it.
    pub(crate) fn overrule(&self, decision: Decision) {
        self.decision.overrule(decision);
    }

    pub(super) fn submit(self: &Arc<Self>, spans: Vec<Record>, tags: Tags, finished: u32) {
        let chunk = Chunk::new(Arc::clone(self), Buffers { spans, tags }, finished);
        if self.shared.is_enabled() {
            self.shared.sink.submit(chunk);
        }
    }
}

impl At {
    /// Starts a child of this span, which is of this process; the draft is emptied only if there is one.
    #[inline]
    pub(crate) fn start_child(self, draft: &mut Draft<'_>, lineage: Lineage) -> Started {
        let segment = &self.segment;
        let start = match draft.start {
            Some(start) => segment.anchor.ticks(start),
            None => clock::now(),
        };
        let id = SpanId::generate();
        if draft.record.baggage.is_some() {
            segment.note_baggage();
        }
        let mut guard = segment.body.lock();
        let body = &mut *guard;
        let found = match lineage {
            Lineage::Explicit => body.at(self.slot, self.id),
            Lineage::Active => match body.nearest_open(self.slot, self.id) {
                Some(slot) => body.spans.get(slot as usize).map(|record| (slot, record)),
                None => return Started::Orphan,
            },
        };
        match found {
            Some((slot, parent)) => {
                draft.record.parent = parent.id;
                draft.record.parent_slot = slot;
                if draft.record.service_source == ServiceSource::Inherited {
                    draft.record.service.clone_from(&parent.service);
                    draft.record.service_source = parent.service_source;
                }
                if draft.record.baggage.is_none() {
                    draft.record.baggage.clone_from(&parent.baggage);
                }
            }
            // It was sent already: a late child, in a chunk of its own.
            None => draft.record.parent = Some(self.id),
        }
        let Some(slot) = body.push(id, start, draft) else {
            drop(guard);
            segment.shared.diag.lose(LossReason::TraceTooLong, 1, || {
                format!("trace {} has {MAX_SPANS_PER_TRACE} unsent spans", segment.trace_id)
            });
            return Started::Full;
        };
        drop(guard);
        Started::Child(At { segment: self.segment, slot, id })
    }

    /// Looks at the span, open or finished, as long as it was not handed off.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        let mut body = self.segment.body()?;
        body.settle_tags();
        let record = body.record(self.slot, self.id)?;
        Some(look(&SpanView { segment: &self.segment, record, tags: &body.tags }))
    }

    /// Changes the span if it is still open, and says whether it was.
    #[inline]
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Record, &mut Tags)) -> bool {
        let Some(mut guard) = self.segment.body() else { return false };
        let body = &mut *guard;
        body.settle_tags();
        match body.spans.get_mut(self.slot as usize) {
            Some(record) if record.id == Some(self.id) && record.is_open() => {
                change(record, &mut body.tags);
                true
            }
            _ => {
                drop(guard);
                self.is_late();
                false
            }
        }
    }

    #[cold]
    pub(super) fn is_late(&self) {
        let diag = &self.segment.shared.diag;
        diag.debug(|| format!("span {} has finished: a change to it is ignored", self.id));
    }

    /// What of the span crosses the border of a process.
    pub(crate) fn context(
        &self,
        decision: Option<Decision>,
        baggage: Option<Arc<Baggage>>,
    ) -> SpanContext {
        let upstream = match self.segment.upstream.as_deref() {
            Some(upstream) => SpanContext { links: Vec::new(), error: None, ..upstream.clone() },
            None => SpanContext::default(),
        };
        SpanContext {
            trace_id: Some(self.segment.trace_id),
            span_id: Some(self.id),
            remote: false,
            priority: decision.map(|decision| decision.priority),
            mechanism: decision.and_then(|decision| decision.mechanism),
            last_parent: None,
            baggage,
            ..upstream
        }
    }

    /// Sets one tag, if the span is still open.
    ///
    /// [`At::edit`] could do it, but moves what its closure holds once more for each step on the way.
    pub(crate) fn set_tag(&self, tag: Tag) {
        let Some(mut guard) = self.segment.body() else { return };
        guard.settle_tags();
        let Body { spans, tags, .. } = &mut *guard;
        if let Some(record) = spans.get_mut(self.slot as usize) {
            if record.id == Some(self.id) && record.is_open() {
                return tags.put(&mut record.tags, tag);
            }
        }
        drop(guard);
        self.is_late();
    }

    pub(crate) fn is_open(&self) -> bool {
        let Some(body) = self.segment.body() else { return false };
        body.record(self.slot, self.id).is_some_and(Record::is_open)
    }

    /// This span if it is open, else its nearest ancestor here that is.
    pub(crate) fn nearest_open(&self) -> Option<At> {
        let (slot, id) = {
            let body = self.segment.body()?;
            let slot = body.nearest_open(self.slot, self.id)?;
            (slot, body.spans.get(slot as usize)?.id?)
        };
        Some(At { segment: Arc::clone(&self.segment), slot, id })
    }

    /// Finishes the span, now or at a given time, and hands off what is complete. A second time: nothing.
    pub(crate) fn finish(&self, end: Option<SystemTime>) {
        let segment = &self.segment;
        let end = match end {
            Some(end) => segment.anchor.ticks(end),
            None => clock::now(),
        };
        let Some(mut body) = segment.body() else { return };
        if body.close(self.slot, self.id, end) {
            self.hand_off(body);
        }
    }

    /// Finishes the span and every open span above it in this process.
    pub(crate) fn finish_with_ancestors(&self) {
        let end = clock::now();
        let Some(mut body) = self.segment.body() else { return };
        let mut at = Some((self.slot, self.id));
        let mut finished = false;
        while let Some((slot, id)) = at {
            finished |= body.close(slot, id, end);
            at = body.parent_of(slot, id);
        }
        if finished {
            self.hand_off(body);
        }
    }

    /// Submits what is complete after a span has finished: the trace, or a part of it.
    #[inline]
    fn hand_off(&self, mut body: ShortGuard<'_, Body>) {
        let segment = &self.segment;
        if body.open == 0 {
            let Body { spans, tags, finished, .. } = std::mem::take(&mut *body);
            drop(body);
            segment.submit(spans, tags, finished);
        } else if body.partial_flush_due(&segment.shared) {
            drop(body);
            self.flush_partly();
        }
    }

    /// Hands the finished spans off and keeps the open ones.
    fn flush_partly(&self) {
        let segment = &self.segment;
        // What is sent now binds what is sent later.
        segment.decide();
        let fresh = blank(&segment.shared);
        let Some(mut guard) = segment.body() else { return };
        if !guard.partial_flush_due(&segment.shared) {
            return;
        }
        let (buffers, finished) = guard.split(fresh);
        drop(guard);
        segment.submit(buffers.spans, buffers.tags, finished);
    }
}

/// Finished spans whose trace can never end, because an open one was given up, are sent all the same.
impl Drop for Segment {
    fn drop(&mut self) {
        let is_inherited = self.is_inherited();
        let body = self.body.get_mut();
        if is_inherited {
            // Another thread may have been changing it at the fork: not even fit to be dropped.
            return std::mem::forget(std::mem::take(body));
        }
        if body.finished == 0 {
            return;
        }
        for record in &mut body.spans {
            if record.is_open() {
                *record = Record::VACANT;
            }
        }
        let Body { spans, tags, finished, .. } = std::mem::take(body);
        let heir = Arc::new(Segment {
            epoch: self.epoch,
            trace_id: self.trace_id,
            root: self.root,
            anchor: self.anchor,
            upstream: self.upstream.take(),
            shared: Arc::clone(&self.shared),
            has_baggage: self.has_baggage().into(),
            decision: Decided::new(self.decision()),
            body: ShortLock::default(),
        });
        heir.submit(spans, tags, finished);
    }
}

/// The decision that came in. Without APM it counts only if a product has marked the trace.
fn inherited(shared: &Shared, context: &SpanContext) -> Option<Decision> {
    let priority = context.priority.filter(|_| shared.apm_tracing || context.has_trace_source())?;
    Some(Decision::inherited(priority, context.mechanism))
}

/// Names that were put off are fixed: the span does not change any more.
pub(crate) fn fix_names(segment: &Segment, record: &mut Record, tags: &Tags) {
    let Some(names) = (SpanView { segment, record, tags }).late_names() else { return };
    let LateNames { name, span_type } = names;
    record.naming = None;
    if record.name.is_empty() {
        record.name = name;
    }
    record.span_type = record.span_type.take().or(span_type);
}

/// Sets the service of a span, mapped by `DD_SERVICE_MAPPING`; an empty one is the tracer's.
pub(crate) fn set_service(record: &mut Record, shared: &Shared, service: Text) {
    if service.is_empty() || service == shared.service {
        record.service = None;
        record.service_source = ServiceSource::Own;
        return;
    }
    match shared.mapped(&service) {
        Some(mapped) => {
            record.service = Some(mapped.clone());
            record.service_source = ServiceSource::Mapping;
        }
        None => {
            record.service = Some(service.into_shared());
            record.service_source = ServiceSource::Manual;
        }
    }
}

/// Pairs of empty vectors that a thread keeps; more than it fetches at once.
const MAX_BLANKS: usize = 32;

thread_local! {
    /// Empty vectors, fetched several at a time: threads that start traces meet at the pool's lock seldom.
    static BLANKS: RefCell<Vec<Buffers>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn blank(shared: &Shared) -> Buffers {
    BLANKS
        .try_with(|blanks| {
            let mut blanks = blanks.try_borrow_mut().ok()?;
            if blanks.is_empty() {
                shared.sink.refill(&mut blanks);
            }
            blanks.pop()
        })
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Keeps vectors that were not needed for the next trace of this thread.
pub(super) fn give_back(buffers: Buffers) {
    let Some(buffers) = buffers.recycle() else { return };
    let _ = BLANKS.try_with(|blanks| {
        if let Ok(mut blanks) = blanks.try_borrow_mut() {
            if blanks.len() < MAX_BLANKS {
                blanks.push(buffers);
            }
        }
    });
}
