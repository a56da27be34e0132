//! The way back from a span in an OpenTelemetry context to the core's span: a registry by ids, in shards.
//!
//! OpenTelemetry keeps a span in a type-erased box, behind a lock under which it runs code of the user: the text of an
//! error, an iterator over attributes. Asking the box which span it is could wait for that code, and that code for
//! whoever asks. So the box is never asked: a span is found by its ids, and is registered as long as a context may
//! hold it.
//!
//! There is a lock for each shard, and the trace id chooses the shard: only threads that work on the same trace meet
//! at one, and its memory is in their caches. Nothing of the user's is called under it.
//!
//! A shard has two tiers: a list of its eight newest spans, in which the span that is looked for is nearly always the
//! last, and a map of those before them. Against a map alone this saves 4 % of the instructions of a span, 5 to 10 % of
//! its time, and a third of it (180 ns for 264 ns) where 4,000 spans of other traces are open, whose map is in no
//! cache. It costs some forty lines, and one move of an entry for a span that is older than eight others of its shard.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use opentelemetry::trace::SpanContext;
use tracehound::{Baggage, SpanId, SpanRef};
use tracehound_fork::PerProcess;
use tracehound_machine::{ShortGuard, ShortLock};

use crate::convert::scope::ScopeId;

/// A power of two.
const SHARDS: usize = 64;
/// The newest spans of a shard, which are looked through one by one from the last.
const NEWEST: usize = 8;
/// A shard with more room than this gives back what a burst of spans has left.
const LARGE: usize = 1024;

/// Of this process: a forked child has none of its parent's spans.
static SPANS: PerProcess<[Shard; SHARDS]> = PerProcess::new();

/// On a cache line of its own.
#[repr(align(64))]
struct Shard(ShortLock<Spans>);

struct Spans {
    newest: Vec<Entry>,
    older: HashMap<u64, Entry, BuildHasherDefault<IdHasher>>,
}

struct Entry {
    span: SpanRef,
    /// How many spans of OpenTelemetry stand for it.
    holders: u32,
    // The fields of a `Metadata`, apart: so there are two entries on a cache line.
    scope: ScopeId,
    base_baggage: Option<Arc<Baggage>>,
}

const _: () = assert!(size_of::<Entry>() <= 32, "two on a cache line");

/// What is known of a registered span beside what the core knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    /// The baggage of OpenTelemetry's context when the span was registered: the base of later merges.
    pub(crate) base_baggage: Option<Arc<Baggage>>,
    /// The scope that started it.
    pub(crate) scope: ScopeId,
}

/// Registers a span; one that is registered gets one more holder.
pub(crate) fn register(span: &SpanRef, metadata: Metadata) {
    let Some((trace_id, id)) = ids(span) else { return };
    let Some(mut spans) = shard(trace_id) else { return };
    match spans.get_mut(id) {
        Some(entry) => entry.holders += 1,
        None => spans.push(Entry::new(span, metadata)),
    }
}

/// Registers a span that has just been started, and so is not registered.
#[inline]
pub(crate) fn register_new(span: &SpanRef, metadata: Metadata) {
    let Some((trace_id, _)) = ids(span) else { return };
    if let Some(mut spans) = shard(trace_id) {
        spans.push(Entry::new(span, metadata));
    }
}

/// Undoes one registration.
#[inline]
pub(crate) fn unregister(span: &SpanRef) {
    let Some((trace_id, id)) = ids(span) else { return };
    let Some(mut spans) = shard(trace_id) else { return };
    let Some(Entry { span, base_baggage, .. }) = spans.release(id) else { return };
    drop(spans);
    // Without the lock: dropping a handle may end a trace. Field by field: an entry that is moved whole is read back
    // wider than it was written, which takes 3 % of a span's time ("store forwarding" in docs/architecture.md).
    drop((span, base_baggage));
}

/// The core's span that a span context of this process names, if it is one of the core's, and what is known of it.
#[inline]
pub(crate) fn find(context: &SpanContext) -> Option<(SpanRef, Metadata)> {
    if context.is_remote() || !context.is_valid() {
        return None;
    }
    let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
    let id = u64::from_be_bytes(context.span_id().to_bytes());
    let mut spans = shard(trace_id)?;
    let Entry { span, base_baggage, scope, .. } = spans.get_mut(id)?;
    // A span of another SDK may have the id of one of ours.
    let is_it = span.trace_id()?.get() == trace_id;
    is_it.then(|| (span.clone(), Metadata { base_baggage: base_baggage.clone(), scope: *scope }))
}

#[inline]
fn ids(span: &SpanRef) -> Option<(u128, u64)> {
    Some((span.trace_id()?.get(), span.span_id()?.get()))
}

/// `None` inside of another use of the shard on the same thread: in an allocator that traces. A span that is started
/// there is not found again.
#[inline]
fn shard(trace_id: u128) -> Option<ShortGuard<'static, Spans>> {
    let shards = SPANS.get_or_make(|| [const { Shard(ShortLock::new(Spans::NONE)) }; SHARDS]);
    let [first, ..] = shards;
    shards.get(trace_id as usize & (SHARDS - 1)).unwrap_or(first).0.lock()
}

impl Entry {
    #[inline]
    fn new(span: &SpanRef, metadata: Metadata) -> Self {
        let Metadata { base_baggage, scope } = metadata;
        Entry { span: span.clone(), holders: 1, scope, base_baggage }
    }

    #[inline]
    fn id(&self) -> u64 {
        self.span.span_id().map_or(0, SpanId::get)
    }
}

impl Spans {
    const NONE: Spans =
        Spans { newest: Vec::new(), older: HashMap::with_hasher(BuildHasherDefault::new()) };

    #[inline]
    fn position(&self, id: u64) -> Option<usize> {
        self.newest.iter().rposition(|entry| entry.id() == id)
    }

    #[inline]
    fn get_mut(&mut self, id: u64) -> Option<&mut Entry> {
        match self.position(id) {
            Some(position) => self.newest.get_mut(position),
            None => self.older.get_mut(&id),
        }
    }

    #[inline]
    fn push(&mut self, entry: Entry) {
        if self.newest.len() < self.newest.capacity() {
            self.newest.push(entry);
        } else {
            self.make_room_and_push(entry);
        }
    }

    #[cold]
    fn make_room_and_push(&mut self, entry: Entry) {
        if self.newest.capacity() == 0 {
            self.newest.reserve_exact(NEWEST);
        } else {
            // Those that stay open for long make room for those that come and go.
            let oldest = self.newest.remove(0);
            self.older.insert(oldest.id(), oldest);
        }
        self.newest.push(entry);
    }

    /// One holder less; gives the entry if it was the last.
    #[inline]
    fn release(&mut self, id: u64) -> Option<Entry> {
        let Some(position) = self.position(id) else { return self.release_older(id) };
        let entry = self.newest.get_mut(position)?;
        if entry.holders > 1 {
            entry.holders -= 1;
            return None;
        }
        Some(self.newest.remove(position))
    }

    #[cold]
    fn release_older(&mut self, id: u64) -> Option<Entry> {
        let entry = self.older.get_mut(&id)?;
        if entry.holders > 1 {
            entry.holders -= 1;
            return None;
        }
        let last = self.older.remove(&id);
        let room = self.older.capacity();
        if room > LARGE && self.older.len() < room / 8 {
            self.older.shrink_to(room / 4);
        }
        last
    }
}

/// Ids are random, but for the low bits of those of one trace. A map looks at the low bits of a hash first.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    /// Not called: the keys are `u64`.
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, number: u64) {
        self.0 = number.rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::span_context::to_otel;
    use opentelemetry::trace::{SpanId as OtelSpanId, TraceId};

    /// A root and so many children.
    fn spans(children: usize) -> Vec<SpanRef> {
        let (tracer, _) = tracehound::testing::tracer();
        let root = tracer.start_span("root").detach();
        let child = |_| tracer.span("a").child_of(&root).start().detach();
        (0..children).map(child).chain([root.clone()]).collect()
    }

    fn context(span: &SpanRef) -> SpanContext {
        to_otel(span, None, Default::default())
    }

    fn is_registered(span: &SpanRef) -> bool {
        find(&context(span)).is_some_and(|(found, _)| found == *span)
    }

    #[test]
    fn a_span_is_found_until_its_last_holder_leaves_whichever_tier_it_is_in() {
        let spans = spans(3 * NEWEST);
        assert!(spans.iter().all(|span| !is_registered(span)));
        spans.iter().for_each(|span| register_new(span, Metadata::default()));
        // Once more, in both tiers.
        spans.iter().for_each(|span| register(span, Metadata::default()));
        for step in [2, 3] {
            spans.iter().step_by(step).for_each(unregister);
        }
        for (number, span) in spans.iter().enumerate() {
            let left = usize::from(number % 2 == 0) + usize::from(number % 3 == 0);
            assert_eq!(is_registered(span), left < 2, "{number}");
            // One time more often than it was registered.
            (left..3).for_each(|_| unregister(span));
            assert!(!is_registered(span), "{number}");
        }
    }

    #[test]
    fn the_oldest_of_the_newest_makes_room_whatever_has_left() {
        let handles = spans(NEWEST + 2);
        let id = |number: usize| handles[number].span_id().unwrap().get();
        let mut spans = Spans::NONE;
        let push = |spans: &mut Spans, number: usize| {
            spans.push(Entry::new(&handles[number], Metadata::default()));
        };
        let is_in = |spans: &Spans, newest: &[usize], older: &[usize]| {
            let near: Vec<u64> = spans.newest.iter().map(Entry::id).collect();
            assert_eq!(near, newest.iter().map(|number| id(*number)).collect::<Vec<_>>());
            assert_eq!(spans.older.len(), older.len());
            assert!(older.iter().all(|number| spans.older.contains_key(&id(*number))));
        };
        let among: Vec<usize> = (0..NEWEST + 3).collect();
        (0..=NEWEST).for_each(|number| push(&mut spans, number));
        is_in(&spans, &among[1..=NEWEST], &[0]);
        // The oldest and the newest leave: room for two, without a move.
        assert!(spans.release(id(1)).is_some() && spans.release(id(NEWEST)).is_some());
        push(&mut spans, NEWEST + 1);
        push(&mut spans, NEWEST);
        is_in(&spans, &[&among[2..NEWEST], &[NEWEST + 1, NEWEST]].concat(), &[0]);
        push(&mut spans, NEWEST + 2);
        let newest = [&among[3..NEWEST], &[NEWEST + 1, NEWEST, NEWEST + 2]].concat();
        is_in(&spans, &newest, &[0, 2]);
        assert!(spans.release(id(0)).is_some() && spans.release(id(0)).is_none());
        is_in(&spans, &newest, &[2]);
    }

    #[test]
    fn other_traces_and_other_processes_are_not_found() {
        let span = &spans(0)[0];
        register(span, Metadata::default());
        let own = context(span);
        let other = |trace: u128, is_remote| {
            let id: OtelSpanId = own.span_id();
            let trace: TraceId = (u128::from_be_bytes(own.trace_id().to_bytes()) ^ trace).into();
            SpanContext::new(trace, id, own.trace_flags(), is_remote, Default::default())
        };
        assert!(find(&other(0, false)).is_some());
        assert!(find(&other(1 << 100, false)).is_none());
        assert!(find(&other(0, true)).is_none());
        unregister(span);
    }

    #[test]
    fn a_burst_of_spans_leaves_no_room_behind() {
        let spans = spans(20_000);
        let room = || shard(spans[0].trace_id().unwrap().get()).unwrap().older.capacity();
        spans.iter().for_each(|span| register(span, Metadata::default()));
        assert!(room() >= 19_000);
        spans.iter().for_each(unregister);
        assert!(room() <= 2 * LARGE, "{}", room());
    }
}
