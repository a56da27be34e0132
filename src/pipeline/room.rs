//! The byte budget for everything that waits, from the application's threads to the socket.

use crate::primitives::{AtomicUsize, Ordering};
use crate::shard::CachePadded;

/// How much memory what waits may hold, and how much of that is in use.
///
/// Claimed bytes are released exactly once, by whoever holds them then: the queue, the packer, or the ledger at the
/// end.
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

    /// Claims so many bytes, if there is room for them.
    pub(crate) fn claim(&self, bytes: usize) -> bool {
        // A chunk that is larger than the whole budget may pass when nothing else waits.
        let fits = |used: usize| used == 0 || used + bytes <= self.max_bytes;
        self.update(|used| fits(used).then_some(used + bytes))
    }

    /// Replaces a claim by another one, such as that of spans by that of their encoded form.
    pub(crate) fn exchange(&self, before: usize, now: usize) {
        // Saturating: if a mistake released room twice, a count that wraps around would refuse everything for ever.
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
