//! The processor's counter as a clock. Reading it costs a third of what the system's clock costs, and each span reads
//! it twice.
//!
//! The kernel's own clocks use the same counter where it is steady. No thread waits until its rate is measured: until
//! then, and again after the keeper has given the counter up, the system's clock is read.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::rate::{Moment, Rate};
use super::ticks::Ticks;

/// The clock of this process. A forked child goes on with it as it was at the fork.
pub(super) static CLOCK: CounterClock = CounterClock::new();

/// What turns counts into nanoseconds. All threads read it; only the keeper writes it.
///
/// It is aligned so that it lies in one page. `fork` copies a page as it is at one moment, so a child finds all that
/// the keeper had written until then, and nothing that it wrote later.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct CounterClock {
    /// The [`Rate`]; [`Rate::NONE`] while the system's clock is read. It is written after the moment below, which does
    /// not change while there is a rate.
    rate: AtomicU64,
    /// The moment from which time is counted, by both clocks.
    from_count: AtomicU64,
    from_ns: AtomicI64,
    /// How far the counter was ahead of the system's clock when it was given up. It is added to the system's clock from
    /// then on, so that no time jumps.
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

    /// The time, if the counter is in use.
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

    /// The time while the counter is not in use, from a reading of the system's clock.
    pub(super) fn by_system(&self, system_ns: i64) -> Ticks {
        Ticks(system_ns.saturating_add(self.ahead_ns.load(Ordering::Relaxed)))
    }
}

/// For the keeper.
#[cfg(feature = "agent")]
impl CounterClock {
    /// Sets the moment from which the rate is measured, and later time is counted. Not to be called while the counter
    /// is in use.
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

    /// Goes back to the system's clock, put forward by `ahead_ns`, so that times of open spans do not jump.
    pub(super) fn stop(&self, ahead_ns: i64) {
        self.ahead_ns.fetch_add(ahead_ns, Ordering::Relaxed);
        self.rate.store(Rate::NONE.0, Ordering::Release);
    }
}
