//! Payloads that wait to be sent, within a bound of bytes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::encode::Sealed;
use crate::id;

/// What payloads that wait to be sent again may hold, while the agent is away, at the most.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How often a payload is sent that the agent may have received: a busy answer, a broken exchange.
const MAX_ATTEMPTS: u32 = 5;
/// How long a payload is kept while the agent cannot be reached at all.
const MAX_AGE: Duration = Duration::from_secs(60);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// A payload that waits, and what was tried with it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) payload: Sealed,
    since: Instant,
    attempts: u32,
}

/// Payloads, the oldest first, which are the first to go when there is no room.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    max_bytes: usize,
}

impl Outbox {
    /// An outbox with room for so many bytes, and never for more than 16 MiB.
    pub(super) fn new(max_bytes: usize) -> Self {
        Outbox { waiting: VecDeque::new(), bytes: 0, max_bytes: max_bytes.min(MAX_BYTES) }
    }

    /// Puts a payload behind the others, and gives back those that have to go to make room.
    pub(super) fn push(&mut self, payload: Sealed) -> Vec<Sealed> {
        self.bytes = self.bytes.saturating_add(payload.len());
        self.waiting.push_back(Waiting { payload, since: Instant::now(), attempts: 0 });
        let mut evicted = Vec::new();
        while self.bytes > self.max_bytes && self.waiting.len() > 1 {
            evicted.extend(self.pop().map(|waiting| waiting.payload));
        }
        evicted
    }

    /// Takes the oldest payload out.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(waiting.payload.len());
        Some(waiting)
    }

    /// Puts a payload back to be sent next, unless it has been tried or kept for too long.
    ///
    /// `reached`: whether the agent may have received it.
    pub(super) fn put_back(&mut self, mut waiting: Waiting, reached: bool) -> Result<(), Sealed> {
        waiting.attempts = waiting.attempts.saturating_add(reached.into());
        if waiting.attempts >= MAX_ATTEMPTS || waiting.since.elapsed() > MAX_AGE {
            return Err(waiting.payload);
        }
        self.bytes = self.bytes.saturating_add(waiting.payload.len());
        self.waiting.push_front(waiting);
        Ok(())
    }

    /// Puts the parts of a payload that was too large in its place, to be sent next.
    pub(super) fn put_parts(&mut self, first: Sealed, second: Sealed) {
        for payload in [second, first] {
            self.bytes = self.bytes.saturating_add(payload.len());
            self.waiting.push_front(Waiting { payload, since: Instant::now(), attempts: 0 });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// When to try again: 100 ms, doubling, at most 5 s, each shortened by up to half at random, so that the
/// processes of a host do not all return to a restarted agent at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    pub(super) fn fail(&mut self) {
        let full = FIRST_DELAY.saturating_mul(1 << self.failures.min(6)).min(LONGEST_DELAY);
        let half = full.checked_div(2).unwrap_or_default();
        let jitter = half.mul_f64(f64::from(id::random_u16()) / f64::from(u16::MAX));
        self.failures = self.failures.saturating_add(1);
        self.until = Instant::now().checked_add(half.saturating_add(jitter));
    }

    /// How long to wait before the next attempt.
    pub(super) fn remaining(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(bytes: usize) -> Sealed {
        Sealed::of_size(bytes)
    }

    #[test]
    fn the_oldest_make_room() {
        for (given, room) in [(usize::MAX, MAX_BYTES), (1_000, 1_000)] {
            let mut outbox = Outbox::new(given);
            assert!(outbox.push(payload(room / 2)).is_empty());
            assert!(outbox.push(payload(room / 2)).is_empty());
            assert_eq!(outbox.push(payload(1)).len(), 1);
            assert_eq!(outbox.bytes, room / 2 + 1);
        }
    }

    #[test]
    fn a_payload_alone_stays_whatever_its_size() {
        let mut outbox = Outbox::new(MAX_BYTES);
        assert!(outbox.push(payload(MAX_BYTES + 1)).is_empty());
    }

    #[test]
    fn attempts_are_bounded_only_where_the_agent_was_reached() {
        let mut outbox = Outbox::new(MAX_BYTES);
        outbox.push(payload(1));
        for _ in 0..100 {
            let waiting = outbox.pop().unwrap();
            outbox.put_back(waiting, false).unwrap();
        }
        let mut attempts = 0;
        loop {
            let waiting = outbox.pop().unwrap();
            attempts += 1;
            if outbox.put_back(waiting, true).is_err() {
                break;
            }
        }
        assert_eq!(attempts, MAX_ATTEMPTS);
        assert_eq!(outbox.bytes, 0);
    }

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
    }
}
