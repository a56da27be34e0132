//! The bounded hand-off from the application's threads to the worker.

use super::room::Room;
use crate::primitives::{AtomicUsize, Mutex, Ordering, lock, lock_soon};
use crate::shard::{self, CachePadded, SHARDS};
use crate::trace::Chunk;

/// What a shard takes of the room at a time, and at most a 64th of all: so seldom do threads meet at that.
const CLAIM_BYTES: usize = 64 * 1024;
/// Spans in a shard that wake the worker before its interval is over: about half a megabyte to write.
const WAKE_SPANS: usize = 3_000;
/// The share of the room that wakes it as well when the shards have claimed it together. Little enough that what
/// comes while the worker is getting up still fits beside what it has: large texts fill the room with few spans.
const WAKE_SHARE: usize = 8;

/// Chunks on their way to the worker.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(super) shards: [CachePadded<Mutex<Shard>>; SHARDS],
    /// What the shards have taken of the room, used or not.
    claimed: CachePadded<AtomicUsize>,
    /// For what waits here, and for what the worker has.
    pub(super) room: Room,
}

/// A chunk that waits, and the bytes of the room that are its own until whoever takes it releases them.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) chunk: Chunk,
    pub(crate) bytes: usize,
}

/// What some of the threads have handed over.
#[derive(Debug, Default)]
pub(super) struct Shard {
    chunks: Vec<Queued>,
    spans: usize,
    bytes: usize,
    /// What it may hold before it claims more.
    claimed: usize,
    is_closed: bool,
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
            room: Room::new(max_bytes),
        }
    }

    /// Puts a chunk in; one that does not fit is dropped, so that the caller never waits.
    #[inline]
    pub(crate) fn push(&self, chunk: Chunk) -> Pushed {
        self.push_into(shard::of_thread(&self.shards), chunk)
    }

    #[inline(always)]
    pub(super) fn push_into(&self, shard: &CachePadded<Mutex<Shard>>, chunk: Chunk) -> Pushed {
        let (spans, bytes) = (chunk.len(), chunk.bytes());
        let mut shard = lock(&shard.0);
        if shard.is_closed {
            // The chunk, which may be large, is dropped outside the lock.
            drop(shard);
            return Pushed::Closed;
        }
        let held = shard.bytes + bytes;
        let mut is_much = false;
        if held > shard.claimed {
            match self.claim(&mut shard, held) {
                Some(much) => is_much = much,
                None => {
                    drop(shard);
                    return Pushed::Full;
                }
            }
        }
        let before = shard.spans;
        shard.spans = before + spans;
        shard.bytes = held;
        shard.chunks.push(Queued { chunk, bytes });
        // Once per batch: each further call would only cost its thread a system call.
        let is_many = before < WAKE_SPANS && shard.spans >= WAKE_SPANS;
        if is_much || is_many { Pushed::QueuedWake } else { Pushed::Queued }
    }

    /// Gets room for a shard that wants to hold so much: some more than that, where there is. Says whether that
    /// made it so much in all shards together that the worker should come; `None` where there is no room.
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

    /// Takes everything, leaving `empty` in the place of the first that there is. The bytes of the room go with
    /// the chunks; what the shards have claimed beyond them is free again.
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

    /// Whether the thread holds none of the locks.
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

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_there_stays() {
        // One chunk fits, and so does one that is larger than all the room, where it is alone.
        for room in [1_500, 10] {
            let queue = Queue::new(room);
            assert_eq!(queue.push(chunk(5, 0)), Pushed::QueuedWake);
            assert_eq!(queue.push(chunk(5, 0)), Pushed::Full);
            let taken = queue.take(Vec::new());
            assert_eq!(queue.push(chunk(5, 0)), Pushed::Full, "whoever took it still has it");
            taken.into_iter().for_each(|queued| queue.room.release(queued.bytes));
            assert_eq!(queue.push(chunk(5, 0)), Pushed::QueuedWake);
        }
    }

    #[test]
    fn the_worker_is_woken_once_per_batch() {
        let queue = Queue::new(usize::MAX);
        assert_eq!(queue.push(chunk(WAKE_SPANS, 0)), Pushed::QueuedWake);
        assert_eq!(queue.push(chunk(WAKE_SPANS, 0)), Pushed::Queued);
        queue.take(Vec::new());
        assert_eq!(queue.push(chunk(WAKE_SPANS, 0)), Pushed::QueuedWake);
    }

    #[test]
    fn large_texts_wake_the_worker_long_before_the_room_is_full() {
        let queue = Queue::new(4_000_000);
        for _ in 0..2 {
            let mut calls = Vec::new();
            for pushed in 0..200 {
                match queue.push_into(&queue.shards[pushed % SHARDS], chunk(2, 10_000)) {
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
            assert_eq!(queue.push_into(shard, chunk(1, 0)), Pushed::Closed);
        }
    }

    #[test]
    fn the_shards_share_one_room_and_are_taken_together() {
        let each = chunk(5, 0).bytes();
        for room in [10 * each, 1_000 * each] {
            let queue = Queue::new(room);
            let mut pushed = 0;
            while queue.push_into(&queue.shards[pushed % SHARDS], chunk(5, 0)) != Pushed::Full {
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
}
