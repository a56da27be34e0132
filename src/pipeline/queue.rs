//! The bounded queue between the application's threads and the worker.

use super::room::Room;
use crate::primitives::{AtomicUsize, Mutex, Ordering, lock, lock_soon};
use crate::shard::{self, CachePadded, SHARDS};
use crate::trace::Chunk;

/// How many bytes a shard claims from the room at a time, but no more than a 64th of it. The larger this is, the more
/// rarely threads contend for the counter of the room.
const CLAIM_BYTES: usize = 64 * 1024;
/// How many spans in one shard wake the worker before its interval is over: about half a megabyte when encoded.
const WAKE_SPANS: usize = 3_000;
/// The shards also wake the worker when they have claimed this share of the room together (an eighth), because large
/// texts fill the room with few spans. It is small, so that what comes while the worker wakes up still fits.
const WAKE_SHARE: usize = 8;

/// Chunks on their way to the worker.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(super) shards: [CachePadded<Mutex<Shard>>; SHARDS],
    /// What the shards have claimed from the room, used or not.
    claimed: CachePadded<AtomicUsize>,
    /// The byte budget for what waits here and for what the worker has.
    pub(super) room: Room,
}

/// A chunk that waits, and the bytes of the room that it claims. Whoever takes the chunk releases them.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) chunk: Chunk,
    pub(crate) bytes: usize,
}

/// What some of the threads have handed over. Each thread always uses the same shard.
#[derive(Debug, Default)]
pub(super) struct Shard {
    chunks: Vec<Queued>,
    spans: usize,
    bytes: usize,
    /// How many bytes it may hold before it has to claim more.
    claimed: usize,
    is_closed: bool,
}

/// What happened to a chunk that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// Queued, and the worker should not wait for its interval to end.
    QueuedWake,
    Full,
}

impl Queue {
    /// `max_bytes` is the room: what everything that waits to be sent may hold in memory.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Queue {
            shards: Default::default(),
            claimed: CachePadded::default(),
            room: Room::new(max_bytes),
        }
    }

    /// Adds a chunk. A chunk that does not fit is dropped, so that the caller never waits; a queue that is closed gives
    /// it back.
    #[inline]
    pub(crate) fn push(&self, chunk: Chunk) -> Result<Pushed, Chunk> {
        self.push_into(shard::of_thread(&self.shards), chunk)
    }

    #[inline(always)]
    pub(super) fn push_into(
        &self,
        shard: &CachePadded<Mutex<Shard>>,
        chunk: Chunk,
    ) -> Result<Pushed, Chunk> {
        let (spans, bytes) = (chunk.len(), chunk.bytes());
        let mut shard = lock(&shard.0);
        if shard.is_closed {
            return Err(chunk);
        }
        let held = shard.bytes + bytes;
        let mut is_much = false;
        if held > shard.claimed {
            match self.claim(&mut shard, held) {
                Some(much) => is_much = much,
                None => {
                    // The chunk, which may be large, is dropped outside the lock.
                    drop(shard);
                    return Ok(Pushed::Full);
                }
            }
        }
        let before = shard.spans;
        shard.spans = before + spans;
        shard.bytes = held;
        shard.chunks.push(Queued { chunk, bytes });
        // Once per batch: each further call would only cost its thread a system call.
        let is_many = before < WAKE_SPANS && shard.spans >= WAKE_SPANS;
        Ok(if is_much || is_many { Pushed::QueuedWake } else { Pushed::Queued })
    }

    /// Claims room so that a shard may hold so many bytes, and some more where there is room for that. Returns whether
    /// the shards have now claimed so much together that the worker should be woken; `None` where there is no room.
    #[cold]
    fn claim(&self, shard: &mut Shard, held: usize) -> Option<bool> {
        let need = held - shard.claimed;
        let max_bytes = self.room.max_bytes();
        let some_more = need.max(CLAIM_BYTES.min(max_bytes / 64));
        let bytes = [some_more, need].into_iter().find(|bytes| self.room.claim(*bytes))?;
        shard.claimed += bytes;
        let before = self.claimed.0.fetch_add(bytes, Ordering::Relaxed);
        let much = max_bytes / WAKE_SHARE;
        Some(before < much && before + bytes >= much)
    }

    /// Takes everything, and leaves the vector `empty` in the first shard that had chunks. The chunks keep their claim
    /// on the room; what the shards have claimed beyond that is released.
    pub(crate) fn take(&self, mut empty: Vec<Queued>) -> Vec<Queued> {
        empty.clear();
        let mut taken = empty;
        for shard in &self.shards {
            let mut shard = lock(&shard.0);
            let Shard { chunks, spans, bytes, claimed, .. } = &mut *shard;
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

    /// How many spans wait.
    pub(crate) fn spans(&self) -> u64 {
        self.shards.iter().map(|shard| lock(&shard.0).spans as u64).sum()
    }

    /// Whether this thread holds none of the locks, for the end of the process.
    pub(crate) fn is_free(&self) -> bool {
        self.shards.iter().all(|shard| lock_soon(&shard.0).is_some())
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            lock(&shard.0).is_closed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testkit::chunk;

    fn pushed(queue: &Queue, chunk: Chunk) -> Pushed {
        queue.push(chunk).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_there_stays() {
        // One chunk fits, and so does one that is larger than all the room, where it is alone.
        for room in [1_500, 10] {
            let queue = Queue::new(room);
            assert_eq!(pushed(&queue, chunk(5, 0)), Pushed::QueuedWake);
            assert_eq!(pushed(&queue, chunk(5, 0)), Pushed::Full);
            let taken = queue.take(Vec::new());
            assert_eq!(pushed(&queue, chunk(5, 0)), Pushed::Full, "whoever took it still has it");
            taken.into_iter().for_each(|queued| queue.room.release(queued.bytes));
            assert_eq!(pushed(&queue, chunk(5, 0)), Pushed::QueuedWake);
        }
    }

    #[test]
    fn the_worker_is_woken_once_per_batch() {
        let queue = Queue::new(usize::MAX);
        assert_eq!(pushed(&queue, chunk(WAKE_SPANS, 0)), Pushed::QueuedWake);
        assert_eq!(pushed(&queue, chunk(WAKE_SPANS, 0)), Pushed::Queued);
        queue.take(Vec::new());
        assert_eq!(pushed(&queue, chunk(WAKE_SPANS, 0)), Pushed::QueuedWake);
    }

    #[test]
    fn large_texts_wake_the_worker_long_before_the_room_is_full() {
        let queue = Queue::new(4_000_000);
        for _ in 0..2 {
            let mut calls = Vec::new();
            for pushed in 0..200 {
                match queue.push_into(&queue.shards[pushed % SHARDS], chunk(2, 10_000)).unwrap() {
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
            assert!(queue.push_into(shard, chunk(1, 0)).is_err());
        }
    }

    #[test]
    fn the_shards_share_one_room_and_are_taken_together() {
        let each = chunk(5, 0).bytes();
        for room in [10 * each, 1_000 * each] {
            let queue = Queue::new(room);
            let mut pushed = 0;
            while queue.push_into(&queue.shards[pushed % SHARDS], chunk(5, 0)).unwrap()
                != Pushed::Full
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
        const EACH: usize = 20;
        for round in 0..50 {
            let queue = Queue::new(usize::MAX);
            let push_all = |shard| {
                let pushed = (0..EACH).map(|_| queue.push_into(shard, chunk(1, 0)));
                pushed.filter(Result::is_err).count()
            };
            let push_all = &push_all;
            let (taken, refused) = std::thread::scope(|scope| {
                let shards = queue.shards.iter().take(3);
                let threads: Vec<_> =
                    shards.map(|shard| scope.spawn(move || push_all(shard))).collect();
                let mut taken: usize = (0..round).map(|_| queue.take(Vec::new()).len()).sum();
                queue.close();
                // Nothing comes any more: what is taken now is all that there is.
                taken += queue.take(Vec::new()).len();
                assert!(queue.take(Vec::new()).is_empty());
                let refused = threads.into_iter().map(|thread| thread.join().unwrap());
                (taken, refused.sum::<usize>())
            });
            assert_eq!(taken + refused, 3 * EACH);
            assert!(queue.take(Vec::new()).is_empty());
        }
    }
}
