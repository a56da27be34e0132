//! The bounded hand-off from application threads to the worker, and empty vectors going back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::lane::{self, Apart, LANES};
use crate::sync::lock;
use crate::trace::{Buffers, Chunk};

/// What a lane takes of the room at a time, and at most a 64th of all: so seldom do threads meet at that.
const CLAIM_BYTES: usize = 64 * 1024;
/// Spans in a lane that wake the worker before its interval is over: about half a megabyte to write.
const WAKE_SPANS: usize = 3_000;
/// Pairs of empty vectors kept for new traces, and what they may hold in memory. Enough for the traces of one span
/// that come between two turns of the worker: a thread that finds none left allocates, and lets them grow.
const MAX_BLANKS: usize = 4_096;
const MAX_BLANK_BYTES: usize = 5 * 1024 * 1024;
/// Pairs that go from the worker to a thread at once.
const PORTION: usize = 16;

/// Chunks on their way to the worker.
#[derive(Debug)]
pub(crate) struct Queue {
    lanes: [Apart<Mutex<Waiting>>; LANES],
    /// What the lanes have taken of the room, used or not.
    claimed: Apart<AtomicUsize>,
    blanks: Apart<Mutex<Blanks>>,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: Vec<Chunk>,
    spans: usize,
    bytes: usize,
    /// What the lane may hold before it claims more.
    claimed: usize,
    /// Spans that were ever put in.
    accepted: u64,
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
    /// `max_bytes`: what the chunks that wait may hold in memory.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Queue {
            lanes: Default::default(),
            claimed: Apart::default(),
            blanks: Apart::default(),
            max_bytes,
        }
    }

    /// Puts a chunk in; one that does not fit is dropped, so that the caller never waits.
    pub(crate) fn push(&self, chunk: Chunk) -> Pushed {
        self.push_into(lane::of_thread(&self.lanes), chunk)
    }

    fn push_into(&self, lane: &Apart<Mutex<Waiting>>, chunk: Chunk) -> Pushed {
        let (spans, bytes) = (chunk.len(), chunk.bytes());
        let mut waiting = lock(&lane.0);
        if waiting.closed {
            drop(waiting);
            return Pushed::Closed;
        }
        let held = waiting.bytes.saturating_add(bytes);
        if held > waiting.claimed && !self.claim(&mut waiting, held) {
            drop(waiting);
            return Pushed::Full;
        }
        let before = waiting.spans;
        waiting.spans = before.saturating_add(spans);
        waiting.bytes = held;
        waiting.accepted = waiting.accepted.saturating_add(spans as u64);
        waiting.chunks.push(chunk);
        // Once per batch: each further chunk would only cost its thread a system call.
        let wake = before < WAKE_SPANS && waiting.spans >= WAKE_SPANS;
        if wake { Pushed::QueuedWake } else { Pushed::Queued }
    }

    /// Gets room for a lane that wants to hold so much: some more than that, where there is.
    #[cold]
    fn claim(&self, waiting: &mut Waiting, held: usize) -> bool {
        let need = held.saturating_sub(waiting.claimed);
        for bytes in [need.max(CLAIM_BYTES.min(self.max_bytes / 64)), need] {
            let before = self.claimed.0.fetch_add(bytes, Ordering::Relaxed);
            // A chunk that is larger than the whole queue still gets its chance when nothing else waits.
            if before.saturating_add(bytes) <= self.max_bytes || before == 0 {
                waiting.claimed = waiting.claimed.saturating_add(bytes);
                return true;
            }
            self.claimed.0.fetch_sub(bytes, Ordering::Relaxed);
        }
        false
    }

    /// Takes everything, leaving `empty` in the place of the first that there is.
    pub(crate) fn take(&self, mut empty: Vec<Chunk>) -> Vec<Chunk> {
        empty.clear();
        let mut taken = empty;
        for lane in &self.lanes {
            let mut waiting = lock(&lane.0);
            let Waiting { chunks, spans, bytes, claimed, .. } = &mut *waiting;
            (*spans, *bytes) = (0, 0);
            self.claimed.0.fetch_sub(std::mem::take(claimed), Ordering::Relaxed);
            if taken.is_empty() {
                std::mem::swap(chunks, &mut taken);
            } else {
                taken.append(chunks);
            }
        }
        taken
    }

    /// Spans that were put in so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.lanes.iter().fold(0, |sum, lane| sum.saturating_add(lock(&lane.0).accepted))
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        for lane in &self.lanes {
            lock(&lane.0).closed = true;
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
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::Queued);
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::Full);
        assert_eq!(queue.take(Vec::new()).len(), 1);
        assert_eq!(queue.push(chunk(&bench, 5)), Pushed::Queued);
    }

    #[test]
    fn a_chunk_larger_than_the_queue_passes_alone() {
        let bench = Bench::new();
        let queue = Queue::new(10);
        assert_eq!(queue.push(chunk(&bench, 1)), Pushed::Queued);
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
    fn a_closed_queue_takes_nothing() {
        let queue = Queue::new(usize::MAX);
        queue.close();
        for lane in &queue.lanes {
            assert_eq!(queue.push_into(lane, chunk(&Bench::new(), 1)), Pushed::Closed);
        }
    }

    #[test]
    fn the_lanes_share_one_room_and_are_taken_together() {
        let bench = Bench::new();
        let each = chunk(&bench, 5).bytes();
        for room in [10 * each, 1_000 * each] {
            let queue = Queue::new(room);
            let mut pushed = 0;
            while queue.push_into(&queue.lanes[pushed % LANES], chunk(&bench, 5)) != Pushed::Full {
                pushed += 1;
            }
            let held: usize = queue.lanes.iter().map(|lane| lock(&lane.0).bytes).sum();
            // What lanes have claimed and not used is lost to the others, and that is little.
            assert!(held <= room && held + room / 16 + each > room, "{held} of {room}");
            assert_eq!(queue.accepted(), pushed as u64 * 5);
            assert_eq!(queue.take(Vec::new()).len(), pushed);
            assert_eq!(queue.claimed.0.load(Ordering::Relaxed), 0);
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
