//! Exponential backoff between attempts.

use std::time::{Duration, Instant};

use crate::id;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Exponential backoff: 100 ms, doubling up to 5 s. Each delay is shortened by up to half at random, so that the
/// processes of a host do not all return to a restarted agent at the same moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    pub(super) fn fail(&mut self) {
        let full = (FIRST_DELAY * (1 << self.failures.min(6))).min(LONGEST_DELAY);
        let half = full / 2;
        let jitter = half.mul_f64(f64::from(id::random_u16()) / f64::from(u16::MAX));
        self.failures = self.failures.saturating_add(1);
        self.until = Instant::now().checked_add(half + jitter);
    }

    /// No attempt before this time is over.
    pub(super) fn hold(&mut self, pause: Duration) {
        let until = Instant::now().checked_add(pause);
        self.until = self.until.max(until);
    }

    /// How long to wait before the next attempt.
    pub(super) fn remaining(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_bound() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.remaining(), Duration::ZERO);
        backoff.fail();
        assert!(backoff.remaining() <= FIRST_DELAY);
        for _ in 0..100 {
            backoff.fail();
        }
        let longest = backoff.remaining();
        assert!(longest > LONGEST_DELAY / 3 && longest <= LONGEST_DELAY);
        backoff.hold(Duration::from_secs(3600));
        backoff.hold(Duration::ZERO);
        assert!(backoff.remaining() > Duration::from_secs(3000));
    }
}
