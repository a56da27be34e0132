//! One budget of bytes for all that waits, from the application's threads to the socket.

use crate::primitives::{AtomicUsize, Ordering};
use crate::shard::CachePadded;

/// What waits may hold in memory, and how much of that is in use.
///
/// Bytes that are claimed are released once, by whoever has them then: the queue, the packer, or the ledger at the end.
#[derive(Debug)]
pub(crate) struct Room {
    used: CachePadded<AtomicUsize>,
    max_bytes: usize,
}

impl Room {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Room { used: CachePadded::default(), max_bytes }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(crate) fn used(&self) -> usize {
        self.used.0.load(Ordering::Relaxed)
    }

    /// Takes so many bytes where there is room for them.
    pub(crate) fn claim(&self, bytes: usize) -> bool {
        // What is larger than all of it still gets its chance when nothing else waits.
        let fits = |used: usize| used == 0 || used + bytes <= self.max_bytes;
        self.update(|used| fits(used).then_some(used + bytes))
    }

    /// What is kept in another form now: as bytes to send and not as spans.
    pub(crate) fn exchange(&self, before: usize, now: usize) {
        // Below nothing there is nothing: room that a mistake gave back twice must not be lost for ever.
        self.update(|used| Some((used + now).saturating_sub(before)));
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.exchange(bytes, 0);
    }

    fn update(&self, change: impl FnMut(usize) -> Option<usize>) -> bool {
        self.used.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let room = Room::new(10);
        assert!(room.claim(6));
        assert!(!room.claim(5));
        assert!(room.claim(4));
        room.exchange(10, 3);
        assert!(room.claim(7));
        room.exchange(7, 9);
        assert_eq!(room.used(), 12);
        room.release(12);
        assert!(room.claim(11), "alone");
        assert!(!room.claim(1));
        room.release(12);
        assert_eq!(room.used(), 0, "never below");
    }
}
