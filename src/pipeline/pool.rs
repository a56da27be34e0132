//! Emptied vectors that go back from the worker to the threads that trace, so that new traces need not allocate.

use crate::primitives::{Mutex, lock};
use crate::shard::CachePadded;
use crate::trace::Buffers;

/// How many are kept for new traces, and how much memory they may hold. That is enough for the traces of a single span
/// that come between two turns of the worker. A thread that finds none left allocates new ones.
const MAX_BUFFERS: usize = 4_096;
const MAX_BYTES: usize = 5 * 1024 * 1024;
/// How many go from the worker to a thread at once.
const PORTION: usize = 16;

/// The emptied vectors of traces.
#[derive(Debug, Default)]
pub(crate) struct Pool(CachePadded<Mutex<Pooled>>);

/// They come and go in portions: a thread that fetches a portion takes the whole vector, and moves no elements.
#[derive(Debug, Default)]
struct Pooled {
    portions: Vec<Portion>,
    buffers: usize,
    bytes: usize,
    /// Empty vectors, for the next portions.
    spare: Vec<Vec<Buffers>>,
}

#[derive(Debug, Default)]
pub(crate) struct Portion {
    buffers: Vec<Buffers>,
    /// The memory that they hold.
    bytes: usize,
}

impl Portion {
    /// Adds the vectors of a chunk, emptied, unless they are too large to keep.
    pub(crate) fn add(&mut self, buffers: Buffers) {
        if let Some(empty) = buffers.recycle() {
            self.bytes += empty.bytes();
            self.buffers.push(empty);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.buffers.len() >= PORTION
    }
}

impl Pool {
    /// Keeps the vectors of the portion for other traces, or frees them where there are enough, and empties the
    /// portion.
    pub(crate) fn give_back(&self, portion: &mut Portion) {
        let mut pool = lock(&self.0.0);
        let buffers = pool.buffers + portion.buffers.len();
        let bytes = pool.bytes + portion.bytes;
        if buffers > MAX_BUFFERS || bytes > MAX_BYTES {
            drop(pool);
            portion.buffers.clear();
            portion.bytes = 0;
            return;
        }
        (pool.buffers, pool.bytes) = (buffers, bytes);
        if let Some(last) = pool.portions.last_mut().filter(|last| !last.is_full()) {
            last.bytes += std::mem::take(&mut portion.bytes);
            last.buffers.append(&mut portion.buffers);
            return;
        }
        let empty = Portion { buffers: pool.spare.pop().unwrap_or_default(), bytes: 0 };
        pool.portions.push(std::mem::replace(portion, empty));
    }

    /// Frees what is kept: no trace will ask for it.
    pub(crate) fn clear(&self) {
        let pooled = std::mem::take(&mut *lock(&self.0.0));
        drop(pooled);
    }

    /// Moves a portion into `into`.
    pub(crate) fn refill(&self, into: &mut Vec<Buffers>) {
        let mut pool = lock(&self.0.0);
        let Some(Portion { mut buffers, bytes }) = pool.portions.pop() else { return };
        pool.buffers -= buffers.len();
        pool.bytes -= bytes;
        if into.is_empty() {
            std::mem::swap(into, &mut buffers);
        } else {
            into.append(&mut buffers);
        }
        pool.spare.push(buffers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;

    #[test]
    fn vectors_come_back_empty_and_only_so_many() {
        let bench = Bench::new();
        let pool = Pool::default();
        let mut portion = Portion::default();
        // Now and then one that is not full.
        for number in 0..MAX_BUFFERS + 50 {
            bench.span("child").child_of(&bench.span("root").root().start()).start().finish();
            portion.add(bench.take_chunks().remove(0).into_buffers());
            if portion.is_full() || number % 5 == 0 {
                pool.give_back(&mut portion);
                assert!(portion.buffers.is_empty());
            }
        }
        let kept = lock(&pool.0.0).buffers;
        assert!((MAX_BUFFERS - PORTION..=MAX_BUFFERS).contains(&kept), "{kept}");
        let mut fetched = Vec::new();
        pool.refill(&mut fetched);
        assert!((1..2 * PORTION).contains(&fetched.len()));
        assert!(fetched.iter().all(|empty| empty.spans.is_empty() && empty.spans.capacity() > 0));
        let before = fetched.len();
        pool.refill(&mut fetched);
        assert!(fetched.len() > before);
        let pool = lock(&pool.0.0);
        assert_eq!(pool.buffers, kept - fetched.len());
        let all = pool.portions.iter().flat_map(|portion| &portion.buffers);
        assert_eq!(pool.buffers, all.clone().count());
        assert_eq!(pool.bytes, all.map(|buffers| buffers.bytes()).sum::<usize>());
    }
}
