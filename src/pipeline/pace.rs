//! How large a request may be.

use std::time::Duration;

/// The first request, and what a healthy agent is not slower for.
const FIRST_BYTES: usize = 1024 * 1024;
/// No request is made smaller than this because the agent is slow.
const LEAST_BYTES: usize = 256 * 1024;

/// The size of the next request: it doubles while the agent keeps up and there is more to send, and halves when
/// it stalls, so that a slow agent gets requests that it can finish, and little is lost with one of them.
///
/// What the agent has read is not to be seen from here: the system takes some megabytes for it. So a request must
/// also not take the agent near to the time for which it is waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    bytes: usize,
    most: usize,
    /// For how long the agent is waited for.
    limit: Duration,
}

impl Pace {
    /// `most`: what the agent takes at all.
    pub(super) fn new(most: usize, limit: Duration) -> Self {
        Pace { bytes: FIRST_BYTES.min(most), most, limit }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The agent takes so much at the most.
    pub(super) fn bound(&mut self, most: usize) {
        self.most = most;
        self.bytes = self.bytes.min(most);
    }

    /// It has taken a request of so many bytes, and that long for it. One that was small because there was no more
    /// says nothing.
    pub(super) fn succeeded(&mut self, bytes: usize, time: Duration) {
        if time.saturating_mul(2) > self.limit {
            self.failed(bytes);
        } else if time.saturating_mul(4) <= self.limit && bytes > self.bytes / 2 {
            self.bytes = self.bytes.saturating_mul(2).min(self.most);
        }
    }

    /// It did not take one of so many bytes.
    pub(super) fn failed(&mut self, bytes: usize) {
        let half = self.bytes.min(bytes) / 2;
        self.bytes = half.max(LEAST_BYTES).min(self.most).min(self.bytes);
    }

    /// It said that one of so many bytes is too large (413).
    pub(super) fn refused_as_too_large(&mut self, bytes: usize) {
        self.bound((bytes / 2).min(self.most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;
    const LIMIT: Duration = Duration::from_secs(2);
    const AT_ONCE: Duration = Duration::from_millis(1);

    #[test]
    fn requests_grow_with_what_there_is_to_send_and_shrink_with_a_stall() {
        let mut pace = Pace::new(9 * MIB, LIMIT);
        pace.succeeded(MIB / 3, AT_ONCE);
        assert_eq!(pace.bytes(), MIB, "there was no more to send");
        for expected in [2, 4, 8, 9, 9] {
            pace.succeeded(pace.bytes(), AT_ONCE);
            assert_eq!(pace.bytes(), expected * MIB);
        }
        pace.failed(3 * MIB);
        assert_eq!(pace.bytes(), 3 * MIB / 2);
        for _ in 0..10 {
            pace.failed(pace.bytes());
        }
        assert_eq!(pace.bytes(), LEAST_BYTES);
    }

    #[test]
    fn no_request_takes_the_agent_nearly_as_long_as_it_is_waited_for() {
        let mut pace = Pace::new(64 * MIB, LIMIT);
        // An agent of three megabytes in a second.
        for _ in 0..20 {
            let time = Duration::from_secs(1) * u32::try_from(pace.bytes()).unwrap() / 3_000_000;
            assert!(time < LIMIT / 2, "{time:?}");
            pace.succeeded(pace.bytes(), time);
        }
        assert_eq!(pace.bytes(), 2 * MIB);
        pace.succeeded(2 * MIB, LIMIT * 2 / 3);
        assert_eq!(pace.bytes(), MIB, "it has become slower");
    }

    #[test]
    fn no_request_is_larger_than_the_agent_takes() {
        let mut pace = Pace::new(1_000, LIMIT);
        pace.failed(1_000);
        pace.succeeded(1_000, AT_ONCE);
        assert_eq!(pace.bytes(), 1_000);
        pace.bound(MIB);
        pace.succeeded(1_000, AT_ONCE);
        assert_eq!(pace.bytes(), 2_000);
        pace.refused_as_too_large(2_000);
        pace.succeeded(1_000, AT_ONCE);
        assert_eq!(pace.bytes(), 1_000);
    }
}
