//! One budget of bytes for all that waits, from the application's threads to the socket.

use crate::primitives::{AtomicUsize, Ordering};
use crate::shard::CachePadded;

/// What waits may hold in memory, and how much of that is in use.
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
        let before = self.used.0.fetch_add(bytes, Ordering::Relaxed);
        // What is larger than all of it still gets its chance when nothing else waits.
        if before.saturating_add(bytes) <= self.max_bytes || before == 0 {
            return true;
        }
        self.release(bytes);
        false
    }

    pub(crate) fn release(&self, bytes: usize) {
        self.used.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What is kept in another form now: as bytes to send and not as spans.
    pub(crate) fn exchange(&self, before: usize, now: usize) {
        if now > before {
            self.used.0.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
        } else {
            self.release(before.saturating_sub(now));
        }
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
    }
}
