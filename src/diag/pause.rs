//! How often one thing may be said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Of one topic a line is written this often at the most: what recurs must not fill the program's log.
pub(super) const PAUSE: Duration = Duration::from_secs(60);

/// Lets one caller through, and the next one after a minute.
#[derive(Debug, Default)]
pub(super) struct Pause {
    /// The end of the pause in milliseconds; 0 before the first.
    until: AtomicU64,
}

impl Pause {
    /// Whether the caller is let through, so long after the clock's start.
    pub(super) fn passes(&self, now: Duration) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = self.until.load(Ordering::Relaxed);
        if until > millis(now) {
            return false;
        }
        let next = millis(now.saturating_add(PAUSE));
        // Of several at the same moment one passes.
        self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passes_in_a_minute() {
        let pause = Pause::default();
        let at = |seconds| pause.passes(Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 59, 60, 61, 119, 500].map(at),
            [true, false, false, true, false, false, true]
        );
    }
}
