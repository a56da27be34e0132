//! How large a request may be.

use std::time::Duration;

/// The size of the first request. A healthy agent does not take longer for this than for less.
const FIRST_BYTES: usize = 1024 * 1024;
/// A slow agent does not make requests smaller than this.
const LEAST_BYTES: usize = 256 * 1024;

/// The largest size of the next request. It doubles while the agent keeps up and there is more to send, and halves when
/// the agent stalls. So a slow agent gets requests that it can finish, and little is lost with one of them.
///
/// How much the agent has read cannot be seen from here, because the system buffers some megabytes for it. So the size
/// also halves when a request takes more than half of the timeout.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestSize {
    bytes: usize,
    most: usize,
    /// The timeout of a request.
    limit: Duration,
}

impl RequestSize {
    /// `most` is the largest request that the agent accepts.
    pub(super) fn new(most: usize, limit: Duration) -> Self {
        RequestSize { bytes: FIRST_BYTES.min(most), most, limit }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the largest request that the agent accepts.
    pub(super) fn bound(&mut self, most: usize) {
        self.most = most;
        self.bytes = self.bytes.min(most);
    }

    /// The agent has accepted a request of so many bytes in this time. A request that was small because there was no
    /// more to send tells nothing, and changes nothing.
    pub(super) fn succeeded(&mut self, bytes: usize, time: Duration) {
        if time.saturating_mul(2) > self.limit {
            self.failed(bytes);
        } else if time.saturating_mul(4) <= self.limit && bytes > self.bytes / 2 {
            self.bytes = self.bytes.saturating_mul(2).min(self.most);
        }
    }

    /// The agent did not accept a request of so many bytes.
    pub(super) fn failed(&mut self, bytes: usize) {
        let half = self.bytes.min(bytes) / 2;
        self.bytes = half.max(LEAST_BYTES).min(self.most).min(self.bytes);
    }

    /// The agent answered 413 to a request of so many bytes.
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
        let mut size = RequestSize::new(9 * MIB, LIMIT);
        size.succeeded(MIB / 3, AT_ONCE);
        assert_eq!(size.bytes(), MIB, "there was no more to send");
        for expected in [2, 4, 8, 9, 9] {
            size.succeeded(size.bytes(), AT_ONCE);
            assert_eq!(size.bytes(), expected * MIB);
        }
        size.failed(3 * MIB);
        assert_eq!(size.bytes(), 3 * MIB / 2);
        for _ in 0..10 {
            size.failed(size.bytes());
        }
        assert_eq!(size.bytes(), LEAST_BYTES);
    }

    #[test]
    fn no_request_takes_the_agent_nearly_as_long_as_it_is_waited_for() {
        let mut size = RequestSize::new(64 * MIB, LIMIT);
        // An agent of three megabytes in a second.
        for _ in 0..20 {
            let time = Duration::from_secs(1) * u32::try_from(size.bytes()).unwrap() / 3_000_000;
            assert!(time < LIMIT / 2, "{time:?}");
            size.succeeded(size.bytes(), time);
        }
        assert_eq!(size.bytes(), 2 * MIB);
        size.succeeded(2 * MIB, LIMIT * 2 / 3);
        assert_eq!(size.bytes(), MIB, "it has become slower");
    }

    #[test]
    fn no_request_is_larger_than_the_agent_takes() {
        let mut size = RequestSize::new(1_000, LIMIT);
        size.failed(1_000);
        size.succeeded(1_000, AT_ONCE);
        assert_eq!(size.bytes(), 1_000);
        size.bound(MIB);
        size.succeeded(1_000, AT_ONCE);
        assert_eq!(size.bytes(), 2_000);
        size.refused_as_too_large(2_000);
        size.succeeded(1_000, AT_ONCE);
        assert_eq!(size.bytes(), 1_000);
    }
}
