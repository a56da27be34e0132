//! Limits how often the same thing is logged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// At most one line about the same thing in this time: what recurs must not fill the program's log.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// Lets one caller pass, and the next one after [`INTERVAL`].
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// When the next caller may pass, in milliseconds since the start of the clock; 0 before the first.
    until: AtomicU64,
}

impl Throttle {
    /// Whether the caller may pass; `now` is the time since the start of the clock.
    pub(super) fn allows(&self, now: Duration) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = self.until.load(Ordering::Relaxed);
        if until > millis(now) {
            return false;
        }
        let next = millis(now.saturating_add(INTERVAL));
        // Of several callers at the same moment only one passes.
        self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passes_in_a_minute() {
        let throttle = Throttle::default();
        let at = |seconds| throttle.allows(Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 59, 60, 61, 119, 500].map(at),
            [true, false, false, true, false, false, true]
        );
    }
}
