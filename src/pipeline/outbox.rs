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
struct Waiting {
    payload: Sealed,
    since: Instant,
    attempts: u32,
}

impl Waiting {
    fn new(payload: Sealed) -> Self {
        Waiting { payload, since: Instant::now(), attempts: 0 }
    }
}

/// Payloads, the oldest first, which are the first to go when there is no room.
#[derive(Debug)]
pub(super) struct Outbox {
    /// The one that is being sent.
    on_its_way: Option<Waiting>,
    waiting: VecDeque<Waiting>,
    /// Of all of them.
    bytes: usize,
    max_bytes: usize,
}

impl Outbox {
    /// An outbox with room for so many bytes, and never for more than 16 MiB.
    pub(super) fn new(max_bytes: usize) -> Self {
        let max_bytes = max_bytes.min(MAX_BYTES);
        Outbox { on_its_way: None, waiting: VecDeque::new(), bytes: 0, max_bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.on_its_way.is_none() && self.waiting.is_empty()
    }

    /// Whether there is room for more than a payload or two.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.max_bytes / 2
    }

    /// Puts a payload behind the others, and gives back those that have to go to make room.
    pub(super) fn push(&mut self, payload: Sealed) -> Vec<Sealed> {
        self.enter(&payload);
        self.waiting.push_back(Waiting::new(payload));
        let mut evicted = Vec::new();
        while self.bytes > self.max_bytes && self.waiting.len() > 1 {
            let Some(Waiting { payload, .. }) = self.waiting.pop_front() else { break };
            self.leave(&payload);
            evicted.push(payload);
        }
        evicted
    }

    /// The oldest payload, which is now on its way: no other makes it go.
    pub(super) fn next(&mut self) -> Option<&Sealed> {
        if self.on_its_way.is_none() {
            self.on_its_way = self.waiting.pop_front();
        }
        self.on_its_way.as_ref().map(|waiting| &waiting.payload)
    }

    /// Takes out the payload that was on its way: it is settled what becomes of it.
    pub(super) fn settle(&mut self) -> Option<Sealed> {
        let Waiting { payload, .. } = self.on_its_way.take()?;
        self.leave(&payload);
        Some(payload)
    }

    /// Puts the payload that was on its way back to be sent next, or gives it back, because it has been tried
    /// or kept for too long.
    ///
    /// `reached`: whether the agent may have received it.
    pub(super) fn put_back(&mut self, reached: bool) -> Option<Sealed> {
        let mut waiting = self.on_its_way.take()?;
        waiting.attempts = waiting.attempts.saturating_add(reached.into());
        if waiting.attempts >= MAX_ATTEMPTS || waiting.since.elapsed() > MAX_AGE {
            self.leave(&waiting.payload);
            return Some(waiting.payload);
        }
        self.waiting.push_front(waiting);
        None
    }

    /// Puts two halves in the place of the payload that was on its way, to be sent next; gives it back where
    /// there is nothing to divide.
    pub(super) fn split(&mut self) -> Result<(), Sealed> {
        let Some(payload) = self.settle() else { return Ok(()) };
        let (first, second) = payload.split()?;
        for payload in [second, first] {
            self.enter(&payload);
            self.waiting.push_front(Waiting::new(payload));
        }
        Ok(())
    }

    /// Takes all of them out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Sealed> {
        self.bytes = 0;
        self.on_its_way.take().into_iter().chain(self.waiting.drain(..)).map(|one| one.payload)
    }

    fn enter(&mut self, payload: &Sealed) {
        self.bytes = self.bytes.saturating_add(payload.len());
    }

    fn leave(&mut self, payload: &Sealed) {
        self.bytes = self.bytes.saturating_sub(payload.len());
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
    fn what_is_on_its_way_counts_and_does_not_make_room() {
        let mut outbox = Outbox::new(1_000);
        outbox.push(payload(600));
        assert_eq!(outbox.next().unwrap().len(), 600);
        assert!(outbox.push(payload(300)).is_empty());
        assert_eq!(outbox.push(payload(200)).len(), 1);
        assert!(outbox.push(payload(100)).is_empty());
        assert_eq!(outbox.settle().unwrap().len(), 600);
        assert_eq!(outbox.next().unwrap().len(), 200);
        assert!(outbox.put_back(true).is_none());
        assert_eq!(outbox.drain().map(|payload| payload.len()).collect::<Vec<_>>(), [200, 100]);
    }

    #[test]
    fn attempts_are_bounded_only_where_the_agent_was_reached() {
        let mut outbox = Outbox::new(MAX_BYTES);
        outbox.push(payload(1));
        for _ in 0..100 {
            assert!(outbox.next().is_some());
            assert!(outbox.put_back(false).is_none());
        }
        let mut attempts = 0;
        while outbox.next().is_some() {
            attempts += 1;
            outbox.put_back(true);
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
