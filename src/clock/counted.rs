//! The processor's counter as a clock: a third of what the system's costs, and there are two readings a span.
//!
//! Nobody waits for its rate to be measured: the worker notes a moment by both clocks when it starts, and
//! another one a second later. Until then, and wherever the kernel itself does not trust the counter, the
//! system's clock is read. From then on the worker compares the two once a second; where the counter leaps, it
//! is given up.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tracehound_machine::counter;

use super::rate::Rate;
use super::ticks::Ticks;

/// The [`Rate`]; none while the system's clock is read. Written after the other two, which never change then.
static RATE: AtomicU64 = AtomicU64::new(Rate::NONE.bits());
/// A moment by both clocks, from which is counted.
static FROM_COUNT: AtomicU64 = AtomicU64::new(0);
static FROM_NS: AtomicI64 = AtomicI64::new(0);

/// What the clock says, if it is in use.
#[inline]
pub(super) fn now() -> Option<Ticks> {
    let rate = Rate::from_bits(RATE.load(Ordering::Acquire));
    if !rate.is_some() {
        return None;
    }
    Some(at(counter(), rate))
}

#[inline]
fn at(count: u64, rate: Rate) -> Ticks {
    // Another processor may be a few counts behind.
    let counts = count.saturating_sub(FROM_COUNT.load(Ordering::Relaxed));
    Ticks(FROM_NS.load(Ordering::Relaxed).saturating_add(rate.ns(counts)))
}

#[cfg(feature = "agent")]
pub(super) use keeping::keep;

#[cfg(feature = "agent")]
mod keeping {
    use std::fs;
    use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

    use tracehound_machine::{HAS_COUNTER, counter};

    use super::super::rate::{Moment, Rate};
    use super::super::ticks::{stay_ahead, system_ns};
    use super::{FROM_COUNT, FROM_NS, RATE, at};

    /// How far the counter has come. A worker that finds another one at it leaves it alone: in a forked child
    /// that one may not exist, and then the system's clock is good enough.
    static STAGE: AtomicU8 = AtomicU8::new(NEW);
    const NEW: u8 = 0;
    const BUSY: u8 = 1;
    /// [`FROM_COUNT`] and [`FROM_NS`] are known.
    const BEGUN: u8 = 2;
    const IN_USE: u8 = 3;
    const GIVEN_UP: u8 = 4;

    /// How long the rate is measured at the least. The moments are some 50 ns exact: a tenth of a millionth.
    const LEAST_NS: i64 = 500_000_000;

    /// By how much the two clocks may come apart between two comparisons. The system's is slewed by at most
    /// half a thousandth.
    const TOLERANCE_NS: i64 = 5_000_000;

    /// The counter minus the system's clock, at the last comparison.
    static AHEAD: AtomicI64 = AtomicI64::new(0);

    /// Takes the next step. For the worker: it reads a file the first time.
    pub(in super::super) fn keep() {
        let stage = STAGE.load(Ordering::Relaxed);
        if !matches!(stage, NEW | BEGUN | IN_USE) || !advance(stage, BUSY) {
            return;
        }
        let next = match stage {
            NEW => begin(),
            BEGUN => measure(),
            _ => compare(),
        };
        advance(BUSY, next);
    }

    fn advance(from: u8, to: u8) -> bool {
        STAGE.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn begin() -> u8 {
        if !HAS_COUNTER || !is_trusted() {
            return GIVEN_UP;
        }
        let Moment { count, ns } = moment();
        FROM_COUNT.store(count, Ordering::Relaxed);
        FROM_NS.store(ns, Ordering::Relaxed);
        BEGUN
    }

    fn measure() -> u8 {
        let first = Moment {
            count: FROM_COUNT.load(Ordering::Relaxed),
            ns: FROM_NS.load(Ordering::Relaxed),
        };
        let second = moment();
        if second.ns.saturating_sub(first.ns) < LEAST_NS {
            return BEGUN;
        }
        let rate = Rate::between(first, second);
        RATE.store(rate.bits(), Ordering::Release);
        if rate.is_some() { IN_USE } else { GIVEN_UP }
    }

    fn compare() -> u8 {
        let Moment { count, ns } = moment();
        let counted = at(count, Rate::from_bits(RATE.load(Ordering::Relaxed)));
        let ahead = counted.0.saturating_sub(ns);
        let before = AHEAD.swap(ahead, Ordering::Relaxed);
        if ahead.saturating_sub(before).saturating_abs() <= TOLERANCE_NS {
            return IN_USE;
        }
        // Spans that are open go on from where the clock was before it leapt.
        stay_ahead(before);
        RATE.store(Rate::NONE.bits(), Ordering::Release);
        GIVEN_UP
    }

    /// A moment by both clocks: of several tries the one that was interrupted least.
    fn moment() -> Moment {
        let attempt = |_| {
            let before = counter();
            let ns = system_ns();
            let took = counter().saturating_sub(before);
            (took, Moment { count: before.saturating_add(took / 2), ns })
        };
        let best = (0..8).map(attempt).min_by_key(|(took, _)| *took);
        best.map_or(Moment { count: 0, ns: 0 }, |(_, moment)| moment)
    }

    /// Whether the kernel reads the counter for its own clocks. It does so only where it counts always as
    /// fast and all processors agree, and watches it further.
    fn is_trusted() -> bool {
        let name = fs::read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        name.is_ok_and(|name| name.trim_ascii() == b"tsc")
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::time::{Duration, Instant};

        use crate::clock;

        #[test]
        fn the_counter_keeps_time() {
            // Whatever the machine, the clock goes on through every stage of this.
            let deadline = Instant::now() + Duration::from_secs(10);
            let mut last = clock::now();
            while !matches!(STAGE.load(Ordering::Relaxed), IN_USE | GIVEN_UP) {
                assert!(Instant::now() < deadline);
                keep();
                let next = clock::now();
                // The moments are exact to some ten nanoseconds.
                assert!(next.0 > last.0 - 1_000, "{last:?} {next:?}");
                last = next;
            }
            keep();
            let (start, counted) = (Instant::now(), clock::now());
            while start.elapsed() < Duration::from_millis(20) {}
            let (took, counted) = (start.elapsed(), clock::now().0 - counted.0);
            let took = i64::try_from(took.as_nanos()).unwrap();
            // Between the readings of the two clocks the thread may have waited for a processor.
            assert!((counted - took).abs() < 15_000_000, "{counted} {took}");
        }
    }
}
