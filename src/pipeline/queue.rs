//! The bounded hand-off from application threads to the worker, and empty vectors going back.

use super::room::Room;
use crate::primitives::{AtomicUsize, Mutex, Ordering, lock, lock_soon};
use crate::shard::{self, CachePadded, SHARDS};
use crate::trace::{Buffers, Chunk};

/// What a shard takes of the room at a time, and at most a 64th of all: so seldom do threads meet at that.
const CLAIM_BYTES: usize = 64 * 1024;
/// Spans in a shard that wake the worker before its interval is over: about half a megabyte to write.
const WAKE_SPANS: usize = 3_000;
/// The share of the room that wakes it as well when the shards have claimed it together. Little enough that what
/// comes while the worker is getting up still fits beside what it has: large texts fill the room with few spans.
const WAKE_SHARE: usize = 8;
/// Pairs of empty vectors kept for new traces, and what they may hold in memory. Enough for the traces of one span
/// that come between two turns of the worker: a thread that finds none left allocates, and lets them grow.
const MAX_BLANKS: usize = 4_096;
const MAX_BLANK_BYTES: usize = 5 * 1024 * 1024;
/// Pairs that go from the worker to a thread at once.
const PORTION: usize = 16;

/// Chunks on their way to the worker.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(super) shards: [CachePadded<Mutex<Waiting>>; SHARDS],
    /// What the shards have taken of the room, used or not.
    claimed: CachePadded<AtomicUsize>,
    blanks: CachePadded<Mutex<Blanks>>,
    /// For what waits here, and for what the worker has.
    pub(super) room: Room,
}

/// A chunk that waits, and the bytes of the room that are its own until whoever takes it releases them.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) chunk: Chunk,
    pub(crate) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    chunks: Vec<Queued>,
    spans: usize,
    bytes: usize,
    /// What the shard may hold before it claims more.
    claimed: usize,
    closed: bool,
}

/// Empty vectors, in the portions in which they come and go: a thread that fetches one moves none of them.
#[derive(Debug, Default)]
struct Blanks {
    portions: Vec<Portion>,
    pairs: usize,
    bytes: usize,
    /// Places for portions.
    spare: Vec<Vec<Buffers>>,
}

/// Pairs of empty vectors for new traces.
#[derive(Debug, Default)]
pub(crate) struct Portion {
    pairs: Vec<Buffers>,
    /// What they hold in memory.
    bytes: usize,
}

impl Portion {
    /// Adds the vectors of a chunk, emptied, unless they are too large to keep.
    pub(crate) fn add(&mut self, buffers: Buffers) {
        if let Some(blank) = buffers.recycle() {
            self.bytes = self.bytes.saturating_add(blank.bytes());
            self.pairs.push(blank);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pairs.len() >= PORTION
    }
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// Queued, and the worker should not wait for its interval to end.
    QueuedWake,
    Full,
    Closed,
}

impl Queue {
    /// `max_bytes`: what all that waits to be sent may hold in memory.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Queue {
            shards: Default::default(),
            claimed: CachePadded::default(),
            blanks: CachePadded::default(),
            room: Room::new(max_bytes),
        }
    }

    /// Puts a chunk in; one that does not fit is dropped, so that the caller never waits.
    #[inline]
    pub(crate) fn push(&self, chunk: Chunk) -> Pushed {
        self.push_into(shard::of_thread(&self.shards), chunk)
    }

    #[inline(always)]
    pub(super) fn push_into(&self, shard: &CachePadded<Mutex<Waiting>>, chunk: Chunk) -> Pushed {
        let (spans, bytes) = (chunk.len(), chunk.bytes());
        let mut waiting = lock(&shard.0);
        if waiting.closed {
            drop(waiting);
            return Pushed::Closed;
        }
        let held = waiting.bytes.saturating_add(bytes);
        // Once per batch: each further chunk would only cost its thread a system call.
        let mut wake = false;
        if held > waiting.claimed {
            match self.claim(&mut waiting, held) {
                Some(much) => wake = much,
                None => {
                    drop(waiting);
                    return Pushed::Full;
                }
            }
        }
        let before = waiting.spans;
        waiting.spans = before.saturating_add(spans);
        waiting.bytes = held;
        waiting.chunks.push(Queued { chunk, bytes });
        wake |= before < WAKE_SPANS && waiting.spans >= WAKE_SPANS;
        if wake { Pushed::QueuedWake } else { Pushed::Queued }
    }

    /// Gets room for a shard that wants to hold so much: some more than that, where there is. Says whether that
    /// made it so much in all shards together that the worker should come; `None` where there is no room.
    #[cold]
    fn claim(&self, waiting: &mut Waiting, held: usize) -> Option<bool> {
        let need = held.saturating_sub(waiting.claimed);
        let max_bytes = self.room.max_bytes();
        let some_more = need.max(CLAIM_BYTES.min(max_bytes / 64));
        let bytes = [some_more, need].into_iter().find(|bytes| self.room.claim(*bytes))?;
        waiting.claimed = waiting.claimed.saturating_add(bytes);
        let before = self.claimed.0.fetch_add(bytes, Ordering::Relaxed);
        let much = max_bytes / WAKE_SHARE;
        Some(before < much && before.saturating_add(bytes) >= much)
    }

    /// Takes everything, leaving `empty` in the place of the first that there is. The bytes of the room go with
    /// the chunks; what the shards have claimed beyond them is free again.
    pub(crate) fn take(&self, mut empty: Vec<Queued>) -> Vec<Queued> {
        empty.clear();
        let mut taken = empty;
        for shard in &self.shards {
            let mut waiting = lock(&shard.0);
            let Waiting { chunks, spans, bytes, claimed, .. } = &mut *waiting;
            *spans = 0;
            let (held, claimed) = (std::mem::take(bytes), std::mem::take(claimed));
            self.claimed.0.fetch_sub(claimed, Ordering::Relaxed);
            self.room.exchange(claimed, held);
            if taken.is_empty() {
                std::mem::swap(chunks, &mut taken);
            } else {
                taken.append(chunks);
            }
        }
        taken
    }

    /// Whether the thread holds none of the locks.
    pub(crate) fn is_free(&self) -> bool {
        self.shards.iter().all(|shard| lock_soon(&shard.0).is_some())
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            lock(&shard.0).closed = true;
        }
    }

    /// Keeps vectors for other traces, and empties the portion.
    pub(crate) fn give_back(&self, portion: &mut Portion) {
        let mut blanks = lock(&self.blanks.0);
        let pairs = blanks.pairs.saturating_add(portion.pairs.len());
        let bytes = blanks.bytes.saturating_add(portion.bytes);
        if pairs > MAX_BLANKS || bytes > MAX_BLANK_BYTES {
            drop(blanks);
            portion.pairs.clear();
            portion.bytes = 0;
            return;
        }
        (blanks.pairs, blanks.bytes) = (pairs, bytes);
        match blanks.portions.last_mut().filter(|last| !last.is_full()) {
            Some(last) => {
                last.bytes = last.bytes.saturating_add(std::mem::take(&mut portion.bytes));
                last.pairs.append(&mut portion.pairs);
            }
            None => {
                let places = blanks.spare.pop().unwrap_or_default();
                let empty = Portion { pairs: places, bytes: 0 };
                blanks.portions.push(std::mem::replace(portion, empty));
            }
        }
    }

    /// Moves empty vectors into `into`.
    pub(crate) fn refill(&self, into: &mut Vec<Buffers>) {
        let mut blanks = lock(&self.blanks.0);
        let Some(Portion { mut pairs, bytes }) = blanks.portions.pop() else { return };
        blanks.pairs = blanks.pairs.saturating_sub(pairs.len());
        blanks.bytes = blanks.bytes.saturating_sub(bytes);
        if into.is_empty() {
            std::mem::swap(into, &mut pairs);
        } else {
            into.append(&mut pairs);
        }
        blanks.spare.push(pairs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;

    fn chunk(bench: &Bench, spans: usize) -> Chunk {
        let root = bench.span("root").root().start();
        for _ in 1..spans {
            bench.span("child").child_of(&root).start().finish();
        }
        drop(root);
        bench.take_chunks().remove(0)
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_there_stays() {
        let bench = Bench::new();
        let queue = Queue::new(1_500);
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::QueuedWake);
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::Full);
        let taken = queue.take(Vec::new());
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::Full, "whoever took it still has it");
        taken.into_iter().for_each(|queued| queue.room.release(queued.bytes));
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::QueuedWake);
    }

    #[test]
    fn a_chunk_larger_than_the_queue_passes_alone() {
        let bench = Bench::new();
        let queue = Queue::new(10);
        assert_eq!(queue.push(chunk(&bench, 1)), Pushed::QueuedWake);
        assert_eq!(queue.push(chunk(&bench, 1)), Pushed::Full);
    }

    #[test]
    fn the_worker_is_woken_once_per_batch() {
        let bench = Bench::with(|shared| shared.partial_flush = None);
        let queue = Queue::new(usize::MAX);
        assert_eq!(queue.push(chunk(&bench, WAKE_SPANS)), Pushed::QueuedWake);
        assert_eq!(queue.push(chunk(&bench, WAKE_SPANS)), Pushed::Queued);
        queue.take(Vec::new());
        assert_eq!(queue.push(chunk(&bench, WAKE_SPANS)), Pushed::QueuedWake);
    }

    #[test]
    fn large_texts_wake_the_worker_long_before_the_room_is_full() {
        let bench = Bench::new();
        let large = || {
            bench.span("root").root().tag("fill", "x".repeat(10_000)).start().finish();
            bench.take_chunks().remove(0)
        };
        let queue = Queue::new(4_000_000);
        for _ in 0..2 {
            let mut calls = Vec::new();
            for pushed in 0..200 {
                match queue.push_into(&queue.shards[pushed % SHARDS], large()) {
                    Pushed::QueuedWake => calls.push(pushed),
                    other => assert_eq!(other, Pushed::Queued, "{pushed}"),
                }
            }
            assert!(matches!(calls[..], [20..=50]), "once, at an eighth: {calls:?}");
            let taken = queue.take(Vec::new());
            taken.into_iter().for_each(|queued| queue.room.release(queued.bytes));
            assert_eq!(queue.room.used(), 0);
        }
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let queue = Queue::new(usize::MAX);
        queue.close();
        for shard in &queue.shards {
            assert_eq!(queue.push_into(shard, chunk(&Bench::new(), 1)), Pushed::Closed);
        }
    }

    #[test]
    fn the_shards_share_one_room_and_are_taken_together() {
        let bench = Bench::new();
        let each = chunk(&bench, 5).bytes();
        for room in [10 * each, 1_000 * each] {
            let queue = Queue::new(room);
            let mut pushed = 0;
            while queue.push_into(&queue.shards[pushed % SHARDS], chunk(&bench, 5)) != Pushed::Full
            {
                pushed += 1;
            }
            let held: usize = queue.shards.iter().map(|shard| lock(&shard.0).bytes).sum();
            // What shards have claimed and not used is lost to the others, and that is little.
            assert!(held <= room && held + room / 16 + each > room, "{held} of {room}");
            let taken = queue.take(Vec::new());
            assert_eq!(taken.len(), pushed);
            assert_eq!(queue.claimed.0.load(Ordering::Relaxed), 0);
            assert_eq!(queue.room.used(), taken.iter().map(|queued| queued.bytes).sum::<usize>());
            assert!(queue.take(Vec::new()).is_empty());
        }
    }

    #[test]
    fn whatever_moment_the_end_comes_at_each_chunk_is_taken_or_refused() {
        const THREADS: usize = 3;
        const EACH: usize = 20;
        for round in 0..50 {
            let queue = Queue::new(usize::MAX);
            let (taken, refused) = std::thread::scope(|scope| {
                let pushing: Vec<_> = (0..THREADS)
                    .map(|thread| {
                        let shard = &queue.shards[thread % SHARDS];
                        let queue = &queue;
                        scope.spawn(move || {
                            let bench = Bench::new();
                            let pushed =
                                (0..EACH).map(|_| queue.push_into(shard, chunk(&bench, 1)));
                            pushed.filter(|pushed| *pushed == Pushed::Closed).count()
                        })
                    })
                    .collect();
                let mut taken = 0;
                for _ in 0..round {
                    taken += queue.take(Vec::new()).len();
                }
                queue.close();
                // Nothing comes any more: what is taken now is all that there is.
                taken += queue.take(Vec::new()).len();
                assert!(queue.take(Vec::new()).is_empty());
                let refused = pushing.into_iter().map(|thread| thread.join().unwrap());
                (taken, refused.sum::<usize>())
            });
            assert_eq!(taken + refused, THREADS * EACH);
            assert!(queue.take(Vec::new()).is_empty());
        }
    }

    #[test]
    fn vectors_come_back_empty_and_only_so_many() {
        let bench = Bench::new();
        let queue = Queue::new(usize::MAX);
        let mut portion = Portion::default();
        // Now and then one that is not full.
        for number in 0..MAX_BLANKS + 50 {
            portion.add(chunk(&bench, 2).into_buffers());
            if portion.is_full() || number % 5 == 0 {
                queue.give_back(&mut portion);
                assert!(portion.pairs.is_empty());
            }
        }
        let pairs = lock(&queue.blanks.0).pairs;
        assert!((MAX_BLANKS - PORTION..=MAX_BLANKS).contains(&pairs), "{pairs}");
        let mut fetched = Vec::new();
        queue.refill(&mut fetched);
        assert!((1..2 * PORTION).contains(&fetched.len()));
        assert!(fetched.iter().all(|blank| blank.spans.is_empty() && blank.spans.capacity() > 0));
        let before = fetched.len();
        queue.refill(&mut fetched);
        assert!(fetched.len() > before);
        let blanks = lock(&queue.blanks.0);
        assert_eq!(blanks.pairs, pairs - fetched.len());
        let kept = blanks.portions.iter().flat_map(|portion| &portion.pairs);
        assert_eq!(blanks.pairs, kept.clone().count());
        let bytes: usize = kept.map(Buffers::bytes).sum();
        assert_eq!(blanks.bytes, bytes);
    }
}
