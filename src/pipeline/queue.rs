//! The bounded hand-off from application threads to the worker, and empty vectors going back.

use std::sync::Mutex;

use crate::sync::lock;
use crate::trace::{Buffers, Chunk};

/// Spans that wake the worker before its interval is over: about half a megabyte to write.
const WAKE_SPANS: usize = 3_000;
/// Pairs of empty vectors kept for new traces, and what they may hold in memory.
const MAX_BLANKS: usize = 256;
const MAX_BLANK_BYTES: usize = 4 * 1024 * 1024;
/// Pairs that a thread fetches at once.
const BLANKS_PER_FETCH: usize = 16;

/// Chunks on their way to the worker.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Apart<Mutex<Waiting>>,
    blanks: Apart<Mutex<Blanks>>,
    max_bytes: usize,
}

/// Two cache lines of its own, which processors fetch together: the threads that write here disturb nobody
/// who reads beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

#[derive(Debug, Default)]
struct Waiting {
    chunks: Vec<Chunk>,
    spans: usize,
    bytes: usize,
    /// Spans that were ever put in.
    accepted: u64,
    closed: bool,
}

/// Empty vectors.
#[derive(Debug, Default)]
struct Blanks {
    pairs: Vec<Buffers>,
    bytes: usize,
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
        Queue { waiting: Apart::default(), blanks: Apart::default(), max_bytes }
    }

    /// Puts a chunk in; one that does not fit is dropped, so that the caller never waits.
    pub(crate) fn push(&self, chunk: Chunk) -> Pushed {
        let (spans, bytes) = (chunk.len(), chunk.bytes());
        let mut waiting = lock(&self.waiting.0);
        if waiting.closed {
            drop(waiting);
            return Pushed::Closed;
        }
        let held = waiting.bytes.saturating_add(bytes);
        // A chunk that is larger than the whole queue still gets its chance when nothing else waits.
        if held > self.max_bytes && !waiting.chunks.is_empty() {
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

    /// Takes everything, leaving `empty` in its place.
    pub(crate) fn take(&self, mut empty: Vec<Chunk>) -> Vec<Chunk> {
        empty.clear();
        let mut waiting = lock(&self.waiting.0);
        waiting.spans = 0;
        waiting.bytes = 0;
        std::mem::replace(&mut waiting.chunks, empty)
    }

    /// Spans that were put in so far.
    pub(crate) fn accepted(&self) -> u64 {
        lock(&self.waiting.0).accepted
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        lock(&self.waiting.0).closed = true;
    }

    /// Keeps the vectors of a chunk for another trace.
    pub(crate) fn give_back(&self, buffers: Buffers) {
        // Emptied before the lock: destructors of long texts take their time.
        let Some(blank) = buffers.recycle() else { return };
        let bytes = blank.bytes();
        let mut blanks = lock(&self.blanks.0);
        let held = blanks.bytes.saturating_add(bytes);
        if blanks.pairs.len() < MAX_BLANKS && held <= MAX_BLANK_BYTES {
            blanks.bytes = held;
            blanks.pairs.push(blank);
        }
    }

    /// Moves empty vectors into `into`.
    pub(crate) fn refill(&self, into: &mut Vec<Buffers>) {
        let before = into.len();
        let mut blanks = lock(&self.blanks.0);
        let keep = blanks.pairs.len().saturating_sub(BLANKS_PER_FETCH);
        into.extend(blanks.pairs.drain(keep..));
        let taken = into.iter().skip(before);
        let bytes = taken.fold(0usize, |sum, blank| sum.saturating_add(blank.bytes()));
        blanks.bytes = blanks.bytes.saturating_sub(bytes);
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
        assert_eq!(queue.push(chunk(&Bench::new(), 1)), Pushed::Closed);
    }

    #[test]
    fn vectors_come_back_empty_and_only_so_many() {
        let bench = Bench::new();
        let queue = Queue::new(usize::MAX);
        for _ in 0..MAX_BLANKS + 50 {
            queue.give_back(chunk(&bench, 2).into_buffers());
        }
        let mut fetched = Vec::new();
        queue.refill(&mut fetched);
        assert_eq!(fetched.len(), BLANKS_PER_FETCH);
        assert!(fetched.iter().all(|blank| blank.spans.is_empty() && blank.spans.capacity() > 0));
        let blanks = lock(&queue.blanks.0);
        assert_eq!(blanks.pairs.len(), MAX_BLANKS - BLANKS_PER_FETCH);
        let bytes: usize = blanks.pairs.iter().map(Buffers::bytes).sum();
        assert_eq!(blanks.bytes, bytes);
    }
}
