//! The monotonic clock.

use std::time::Instant;

use tracehound_fork::WriteOnce;
use tracehound_machine::counter;

use super::counter::CLOCK;

/// A reading of the monotonic clock, in nanoseconds since this process first asked.
///
/// Signed, because a user may give a span a start time that lies before that moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(pub(crate) i64);

/// The moment from which all [`Ticks`] count, in this process and in those forked from it.
static BASE: WriteOnce<Instant> = WriteOnce::new();

/// The monotonic clock now: by the processor's counter once its rate is known, by the system until then.
#[inline]
pub(crate) fn now() -> Ticks {
    CLOCK.read(counter).unwrap_or_else(by_system)
}

/// The system's clock. Not inlined, so that this code is not in the way where the counter is in use.
#[inline(never)]
fn by_system() -> Ticks {
    CLOCK.by_system(system_ns())
}

/// Nanoseconds since [`BASE`] by the system's monotonic clock. 64 bits suffice for three hundred years.
pub(super) fn system_ns() -> i64 {
    let since = BASE.get_or_make(Instant::now).elapsed();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    seconds.saturating_mul(1_000_000_000).saturating_add(since.subsec_nanos().into())
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
