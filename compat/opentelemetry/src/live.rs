//! From a span in an OpenTelemetry context back to the core's span.
//!
//! OpenTelemetry keeps the span behind a type-erased box that has no way back, and behind a lock under which
//! it runs code of the user: the text of an error, an iterator over attributes. Whoever asked the box who it
//! is could wait for that code, and that code for him. So nothing is ever asked: a span is found by its ids,
//! in a map of those that a context may hold, and is in it as long as that may be.
//!
//! One lock for each of many shards, chosen by the trace, so that the threads that meet at one are those
//! that work on the same trace, and its memory is near at hand. Under it nothing is called.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use opentelemetry::trace::SpanContext;
use tracehound::{Baggage, SpanId, SpanRef};
use tracehound_fork::PerProcess;
use tracehound_machine::{ShortGuard, ShortLock};

use crate::scope::ScopeId;

/// A power of two.
const SHARDS: usize = 64;
/// The newest spans of a shard, which are looked through one by one from the last: as a rule it is that one.
const FEW: usize = 8;
/// A shard with more room than this gives back what a burst of spans has left.
const LARGE: usize = 1024;

/// Of this process: a forked child has none of its parent's spans.
static LIVE: PerProcess<[Shard; SHARDS]> = PerProcess::new();

type Hash = BuildHasherDefault<HighFirst>;

/// On a cache line of its own.
#[repr(align(64))]
struct Shard(ShortLock<Spans>);

struct Spans {
    few: Vec<Live>,
    /// Those that were there before.
    many: HashMap<u64, Live, Hash>,
}

struct Live {
    span: SpanRef,
    /// How many spans of OpenTelemetry stand for it.
    holders: u32,
    // What is in a `Memory`, apart: so there are two of these on a cache line.
    scope: ScopeId,
    shown: Option<Arc<Baggage>>,
}

const _: () = assert!(size_of::<Live>() <= 32, "two on a cache line");

/// What is remembered of a span while contexts may hold it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    /// The baggage that OpenTelemetry showed when its first span for it was made.
    pub(crate) shown: Option<Arc<Baggage>>,
    /// The scope that started it.
    pub(crate) scope: ScopeId,
}

/// Puts a span in, once more if it is there.
pub(crate) fn enter(span: &SpanRef, memory: Memory) {
    let Some((trace_id, id)) = ids(span) else { return };
    let Some(mut spans) = shard(trace_id) else { return };
    match spans.get_mut(id) {
        Some(live) => live.holders = live.holders.saturating_add(1),
        None => spans.put(Live::new(span, memory)),
    }
}

/// Puts a span in that has just been started, and so is not there.
#[inline]
pub(crate) fn enter_new(span: &SpanRef, memory: Memory) {
    let Some((trace_id, _)) = ids(span) else { return };
    if let Some(mut spans) = shard(trace_id) {
        spans.put(Live::new(span, memory));
    }
}

/// Undoes one [`enter`].
#[inline]
pub(crate) fn leave(span: &SpanRef) {
    let Some((trace_id, id)) = ids(span) else { return };
    let Some(mut spans) = shard(trace_id) else { return };
    let Some((span, shown)) = spans.leave(id) else { return };
    drop(spans);
    // Dropping a handle may end a trace.
    drop((span, shown));
}

/// The core's span that a span context of this process names, if it is one of the core's, and what is
/// remembered of it.
#[inline]
pub(crate) fn find(context: &SpanContext) -> Option<(SpanRef, Memory)> {
    if context.is_remote() || !context.is_valid() {
        return None;
    }
    let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
    let id = u64::from_be_bytes(context.span_id().to_bytes());
    let mut spans = shard(trace_id)?;
    let live = spans.get_mut(id)?;
    // Somebody else's span may have the id of one of ours.
    let is_it = live.span.trace_id()?.get() == trace_id;
    is_it.then(|| (live.span.clone(), Memory { shown: live.shown.clone(), scope: live.scope }))
}

#[inline]
fn ids(span: &SpanRef) -> Option<(u128, u64)> {
    Some((span.trace_id()?.get(), span.span_id()?.get()))
}

/// `None` inside of another use of the shard on the same thread: in an allocator that traces. A span that is started
/// there is not found again.
#[inline]
fn shard(trace_id: u128) -> Option<ShortGuard<'static, Spans>> {
    let shards = LIVE.get_or_make(|| [const { Shard(ShortLock::new(Spans::NONE)) }; SHARDS]);
    let [first, ..] = shards;
    shards.get(trace_id as usize & (SHARDS - 1)).unwrap_or(first).0.lock()
}

/// What a span that has left was held with.
type Last = (SpanRef, Option<Arc<Baggage>>);

impl Live {
    #[inline]
    fn new(span: &SpanRef, memory: Memory) -> Self {
        let Memory { shown, scope } = memory;
        Live { span: span.clone(), holders: 1, scope, shown }
    }

    /// One holder less; whether it was the last. Then nothing is written, because the whole is about to be moved: see
    /// "store forwarding" in docs/architecture.md.
    #[inline]
    fn drop_holder(&mut self) -> bool {
        let is_last = self.holders <= 1;
        if !is_last {
            self.holders = self.holders.saturating_sub(1);
        }
        is_last
    }

    #[inline]
    fn id(&self) -> u64 {
        self.span.span_id().map_or(0, SpanId::get)
    }
}

impl Spans {
    const NONE: Spans = Spans { few: Vec::new(), many: HashMap::with_hasher(Hash::new()) };

    #[inline]
    fn get_mut(&mut self, id: u64) -> Option<&mut Live> {
        let near = self.few.iter().rposition(|live| live.id() == id);
        match near {
            Some(near) => self.few.get_mut(near),
            None => self.many.get_mut(&id),
        }
    }

    #[inline]
    fn put(&mut self, live: Live) {
        if self.few.len() < self.few.capacity() {
            self.few.push(live);
        } else {
            self.put_more(live);
        }
    }

    #[cold]
    fn put_more(&mut self, live: Live) {
        if self.few.capacity() == 0 {
            self.few.reserve_exact(FEW);
        } else {
            // Those that stay open for long make room for those that come and go.
            let oldest = self.few.remove(0);
            self.many.insert(oldest.id(), oldest);
        }
        self.few.push(live);
    }

    /// One holder less; gives the span if it was the last.
    #[inline]
    fn leave(&mut self, id: u64) -> Option<Last> {
        let Some(near) = self.few.iter().rposition(|live| live.id() == id) else {
            return self.leave_of_many(id);
        };
        if !self.few.get_mut(near)?.drop_holder() {
            return None;
        }
        let Live { span, shown, .. } = self.few.remove(near);
        Some((span, shown))
    }

    #[cold]
    fn leave_of_many(&mut self, id: u64) -> Option<Last> {
        if !self.many.get_mut(&id)?.drop_holder() {
            return None;
        }
        let last = self.many.remove(&id);
        let room = self.many.capacity();
        if room > LARGE && self.many.len() < room / 8 {
            self.many.shrink_to(room / 4);
        }
        last.map(|live| (live.span, live.shown))
    }
}

/// Ids are random as they are, but for the low bits of those of one trace; a map looks at the low bits first.
#[derive(Default)]
struct HighFirst(u64);

impl Hasher for HighFirst {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

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
    use crate::remote;

    fn span() -> (SpanRef, SpanContext) {
        let (tracer, _) = tracehound::testing::tracer();
        let span = tracer.start_span("a").detach();
        let context = remote::to_otel(&span, None, Default::default());
        (span, context)
    }

    #[test]
    fn a_span_is_found_until_its_last_holder_leaves() {
        let (span, context) = span();
        assert!(find(&context).is_none());
        enter(&span, Memory::default());
        enter(&span, Memory::default());
        leave(&span);
        assert_eq!(find(&context), Some((span.clone(), Memory::default())));
        leave(&span);
        assert!(find(&context).is_none());
        leave(&span);
    }

    #[test]
    fn spans_are_found_among_few_and_many_whatever_has_left() {
        let (tracer, _) = tracehound::testing::tracer();
        let root = tracer.start_span("root").detach();
        let spans: Vec<_> =
            (0..3 * FEW).map(|_| tracer.span("a").child_of(&root).start().detach()).collect();
        let context = |span: &SpanRef| remote::to_otel(span, None, Default::default());
        let is_there =
            |span: &SpanRef| find(&context(span)).is_some_and(|(found, _)| found == *span);
        spans.iter().for_each(|span| enter_new(span, Memory::default()));
        // Once more, in both parts.
        spans.iter().for_each(|span| enter(span, Memory::default()));
        for step in [2, 3] {
            spans.iter().step_by(step).for_each(leave);
        }
        for (number, span) in spans.iter().enumerate() {
            let left = usize::from(number % 2 == 0) + usize::from(number % 3 == 0);
            assert_eq!(is_there(span), left < 2, "{number}");
            (left..2).for_each(|_| leave(span));
            assert!(!is_there(span), "{number}");
        }
    }

    #[test]
    fn the_oldest_of_few_makes_room_whatever_has_left() {
        let (tracer, _) = tracehound::testing::tracer();
        let root = tracer.start_span("root").detach();
        let new = |_| tracer.span("a").child_of(&root).start().detach();
        let handles: Vec<SpanRef> = (0..FEW + 3).map(new).collect();
        let id = |number: usize| handles[number].span_id().unwrap().get();
        let mut spans = Spans::NONE;
        let put = |spans: &mut Spans, number: usize| {
            spans.put(Live::new(&handles[number], Memory::default()));
        };
        let is_in = |spans: &Spans, few: &[usize], many: &[usize]| {
            let near: Vec<u64> = spans.few.iter().map(Live::id).collect();
            assert_eq!(near, few.iter().map(|number| id(*number)).collect::<Vec<_>>());
            assert_eq!(spans.many.len(), many.len());
            assert!(many.iter().all(|number| spans.many.contains_key(&id(*number))));
        };
        let among: Vec<usize> = (0..FEW + 3).collect();
        (0..=FEW).for_each(|number| put(&mut spans, number));
        is_in(&spans, &among[1..=FEW], &[0]);
        // The oldest and the newest leave: room for two, without a move.
        assert!(spans.leave(id(1)).is_some() && spans.leave(id(FEW)).is_some());
        put(&mut spans, FEW + 1);
        put(&mut spans, FEW);
        is_in(&spans, &[&among[2..FEW], &[FEW + 1, FEW]].concat(), &[0]);
        put(&mut spans, FEW + 2);
        is_in(&spans, &[&among[3..FEW], &[FEW + 1, FEW, FEW + 2]].concat(), &[0, 2]);
        assert!(spans.leave(id(0)).is_some() && spans.leave(id(0)).is_none());
        is_in(&spans, &[&among[3..FEW], &[FEW + 1, FEW, FEW + 2]].concat(), &[2]);
    }

    #[test]
    fn another_trace_with_the_same_span_id_is_not_found() {
        let (span, context) = span();
        enter(&span, Memory::default());
        let trace_id = u128::from_be_bytes(context.trace_id().to_bytes()) ^ (1 << 100);
        let other = SpanContext::new(
            trace_id.into(),
            context.span_id(),
            context.trace_flags(),
            false,
            context.trace_state().clone(),
        );
        assert!(find(&other).is_none());
        leave(&span);
    }

    #[test]
    fn what_came_from_another_process_is_not_looked_up() {
        let (span, context) = span();
        enter(&span, Memory::default());
        let remote = SpanContext::new(
            context.trace_id(),
            context.span_id(),
            context.trace_flags(),
            true,
            context.trace_state().clone(),
        );
        assert!(find(&remote).is_none());
        leave(&span);
    }

    #[test]
    fn a_burst_of_spans_leaves_no_room_behind() {
        let (tracer, _) = tracehound::testing::tracer();
        let root = tracer.start_span("root").detach();
        let spans: Vec<_> =
            (0..20_000).map(|_| tracer.span("a").child_of(&root).start().detach()).collect();
        let room = || shard(root.trace_id().unwrap().get()).unwrap().many.capacity();
        spans.iter().for_each(|span| enter(span, Memory::default()));
        assert!(room() >= 19_000);
        spans.iter().for_each(leave);
        assert!(room() <= 2 * LARGE, "{}", room());
    }
}
