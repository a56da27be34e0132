//! The monotonic clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use tracehound_fork::WriteOnce;

use super::counted;

/// A reading of the monotonic clock, in nanoseconds since this process first asked.
///
/// Signed, because a user may give a span a start time that lies before that moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) i64);

/// The moment all [`Ticks`] of this process count from, and those of the processes forked from it.
static BASE: WriteOnce<Instant> = WriteOnce::new();

/// What the processor's counter was ahead of the system's clock when it was given up; see [`counted`].
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// The monotonic clock now: by the processor's counter once its rate is known, by the system until then.
#[inline]
pub(crate) fn now() -> Ticks {
    counted::now().unwrap_or_else(by_system)
}

/// The system's clock. Not inlined: where the counter is used, this is code in its way.
#[inline(never)]
fn by_system() -> Ticks {
    Ticks(system_ns().saturating_add(AHEAD.load(Ordering::Relaxed)))
}

/// The system's monotonic clock, from [`BASE`] on. In 64 bits, good for three hundred years.
pub(super) fn system_ns() -> i64 {
    let since = BASE.get_or_make(Instant::now).elapsed();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    seconds.saturating_mul(1_000_000_000).saturating_add(since.subsec_nanos().into())
}

/// Goes on from where the counter was: so much ahead of the system's clock.
#[cfg(feature = "agent")]
pub(super) fn stay_ahead(nanoseconds: i64) {
    AHEAD.store(nanoseconds, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_never_go_back() {
        let mut last = now();
        for _ in 0..1000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }
}
