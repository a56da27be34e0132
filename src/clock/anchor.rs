//! Converts readings of the monotonic clock to wall time, and back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::ticks::{Ticks, now};

/// Wall time minus monotonic time, in nanoseconds: what turns [`Ticks`] into Unix time and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anchor(i64);

/// The newest anchor, so that starting a trace reads one clock and not two. Zero means that there is none yet.
static NEWEST: AtomicI64 = AtomicI64::new(0);

impl Anchor {
    /// The anchor for a new trace: that of the last [`Anchor::renew`].
    pub(crate) fn current() -> Self {
        match NEWEST.load(Ordering::Relaxed) {
            0 => Self::renew(),
            anchor => Anchor(anchor),
        }
    }

    /// Reads both clocks. The worker does so once per flush interval, which bounds how long a step of the
    /// wall clock goes unnoticed.
    pub(crate) fn renew() -> Self {
        let ticks = now();
        let anchor = unix_ns(SystemTime::now()).saturating_sub(ticks.0);
        NEWEST.store(anchor, Ordering::Relaxed);
        Anchor(anchor)
    }

    /// Nanoseconds since the Unix epoch at `ticks`.
    pub(crate) fn unix_ns(self, ticks: Ticks) -> i64 {
        self.0.saturating_add(ticks.0)
    }

    /// The monotonic reading that stands for a wall time given by the user.
    pub(crate) fn ticks(self, time: SystemTime) -> Ticks {
        self.ticks_at(unix_ns(time))
    }

    /// The same for nanoseconds since the Unix epoch.
    pub(crate) fn ticks_at(self, unix_ns: i64) -> Ticks {
        Ticks(unix_ns.saturating_sub(self.0))
    }
}

/// Nanoseconds since the Unix epoch; negative before it, saturating in the year 2262.
pub(crate) fn unix_ns(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, i64::wrapping_neg)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wall_time_survives_the_way_through_ticks() {
        let anchor = Anchor::renew();
        for time in [UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001), UNIX_EPOCH] {
            assert_eq!(anchor.unix_ns(anchor.ticks(time)), unix_ns(time));
        }
    }

    #[test]
    fn times_out_of_range_saturate() {
        assert_eq!(unix_ns(UNIX_EPOCH - Duration::from_nanos(5)), -5);
        let far = UNIX_EPOCH.checked_add(Duration::from_secs(1 << 40)).unwrap();
        assert_eq!(unix_ns(far), i64::MAX);
        let _ = Anchor::renew().unix_ns(Ticks(i64::MAX));
    }
}
