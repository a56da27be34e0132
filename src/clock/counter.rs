//! The processor's counter as a clock: a third of what the system's costs, and there are two readings a span.
//!
//! The kernel's own clocks count with it where it is steady. Nobody waits for its rate to be measured: until it is known
//! the system's clock is read, and again from the moment on at which the keeper gives the counter up.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::rate::{Moment, Rate};
use super::ticks::Ticks;

/// The clock of this process. A forked child goes on with it as it was at the fork.
pub(super) static CLOCK: CounterClock = CounterClock::new();

/// What turns counts into nanoseconds: read by all threads, written by the keeper alone.
///
/// In one cache line, and so in one page: a child finds what the keeper has written, up to one moment.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct CounterClock {
    /// The [`Rate`]; none while the system's clock is read. Written after the moment, which does not change while there
    /// is one.
    rate: AtomicU64,
    /// The moment, by both clocks, from which is counted.
    from_count: AtomicU64,
    from_ns: AtomicI64,
    /// What the counter was ahead of the system's clock when it was given up: that goes on from there.
    ahead_ns: AtomicI64,
}

impl CounterClock {
    pub(super) const fn new() -> Self {
        CounterClock {
            rate: AtomicU64::new(Rate::NONE.0),
            from_count: AtomicU64::new(0),
            from_ns: AtomicI64::new(0),
            ahead_ns: AtomicI64::new(0),
        }
    }

    /// What the clock says, where the counter is in use.
    #[inline]
    pub(super) fn read(&self, count: impl FnOnce() -> u64) -> Option<Ticks> {
        let rate = Rate(self.rate.load(Ordering::Acquire));
        if !rate.is_some() {
            return None;
        }
        // Another processor may be a few counts behind.
        let counts = count().saturating_sub(self.from_count.load(Ordering::Relaxed));
        Some(Ticks(self.from_ns.load(Ordering::Relaxed).saturating_add(rate.ns(counts))))
    }

    /// What the clock says where the counter is not in use.
    pub(super) fn by_system(&self, system_ns: i64) -> Ticks {
        Ticks(system_ns.saturating_add(self.ahead_ns.load(Ordering::Relaxed)))
    }
}

/// For the keeper.
#[cfg(feature = "agent")]
impl CounterClock {
    /// Where the measurement of the rate, and later the time, begins. Not while the counter is in use.
    pub(super) fn begin(&self, Moment { count, ns }: Moment) {
        self.from_count.store(count, Ordering::Relaxed);
        self.from_ns.store(ns, Ordering::Relaxed);
    }

    pub(super) fn beginning(&self) -> Moment {
        Moment {
            count: self.from_count.load(Ordering::Relaxed),
            ns: self.from_ns.load(Ordering::Relaxed),
        }
    }

    pub(super) fn is_in_use(&self) -> bool {
        Rate(self.rate.load(Ordering::Relaxed)).is_some()
    }

    pub(super) fn start(&self, rate: Rate) {
        self.rate.store(rate.0, Ordering::Release);
    }

    /// The system's clock is read from now on, put forward by so much more: open spans go on without a jump.
    pub(super) fn stop(&self, ahead_ns: i64) {
        self.ahead_ns.fetch_add(ahead_ns, Ordering::Relaxed);
        self.rate.store(Rate::NONE.0, Ordering::Release);
    }
}
