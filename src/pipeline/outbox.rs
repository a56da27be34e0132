//! Payloads that wait to be sent, within a bound of bytes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

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

/// Payloads that are sent in one request, and what was tried with them.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) payloads: Vec<Sealed>,
    /// When each of them was put in.
    came: Vec<Instant>,
    attempts: u32,
    /// Whether others may join: what the agent may have seen is sent again as it was.
    is_open: bool,
}

impl Parcel {
    fn new(payload: Sealed, came: Instant) -> Self {
        Parcel { payloads: vec![payload], came: vec![came], attempts: 0, is_open: true }
    }

    /// Whether the oldest has waited for too long.
    fn is_old(&self) -> bool {
        self.came.first().is_some_and(|came| came.elapsed() > MAX_AGE)
    }

    fn bytes(&self) -> usize {
        self.payloads.iter().fold(0, |sum, payload| sum.saturating_add(payload.len()))
    }

    pub(super) fn chunk_count(&self) -> usize {
        self.payloads.iter().fold(0, |sum, payload| sum.saturating_add(payload.chunk_count()))
    }

    pub(super) fn span_count(&self) -> u64 {
        self.payloads.iter().fold(0, |sum, payload| sum.saturating_add(payload.span_count()))
    }

    /// Two parcels in the place of one that is too large; the same again where there is one chunk only.
    fn split(mut self) -> Result<(Parcel, Parcel), Parcel> {
        let closed = |payloads, came| Parcel { payloads, came, attempts: 0, is_open: false };
        if self.payloads.len() > 1 {
            let half = self.payloads.len() / 2;
            let (second, later) = (self.payloads.split_off(half), self.came.split_off(half));
            return Ok((closed(self.payloads, self.came), closed(second, later)));
        }
        let came = self.came.clone();
        match self.payloads.pop().map(Sealed::split) {
            Some(Ok((first, second))) => {
                Ok((closed(vec![first], came.clone()), closed(vec![second], came)))
            }
            Some(Err(whole)) => Err(closed(vec![whole], came)),
            None => Err(self),
        }
    }
}

/// Payloads, the oldest first, which are the first to go when there is no room.
#[derive(Debug)]
pub(super) struct Outbox {
    /// What is being sent.
    on_its_way: Option<Parcel>,
    waiting: VecDeque<Parcel>,
    /// Of all of them.
    bytes: usize,
    max_bytes: usize,
    /// Of one request.
    max_request_bytes: usize,
}

impl Outbox {
    /// An outbox with room for so many bytes, and never for more than 16 MiB.
    pub(super) fn new(max_bytes: usize, max_request_bytes: usize) -> Self {
        let max_bytes = max_bytes.min(MAX_BYTES);
        let waiting = VecDeque::new();
        Outbox { on_its_way: None, waiting, bytes: 0, max_bytes, max_request_bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.on_its_way.is_none() && self.waiting.is_empty()
    }

    /// Whether there is room for more than a payload or two.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.max_bytes / 2
    }

    /// Puts a payload behind the others, and gives back what has to go to make room.
    pub(super) fn push(&mut self, payload: Sealed) -> Vec<Parcel> {
        self.bytes = self.bytes.saturating_add(payload.len());
        self.waiting.push_back(Parcel::new(payload, Instant::now()));
        let mut evicted = Vec::new();
        while self.bytes > self.max_bytes && self.waiting.len() > 1 {
            let Some(parcel) = self.waiting.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(parcel.bytes());
            evicted.push(parcel);
        }
        evicted
    }

    /// The oldest payload, and as many of the next ones as go with it. They are on their way from now on: no
    /// other makes them go.
    pub(super) fn next(&mut self) -> Option<&Parcel> {
        if self.on_its_way.is_none() {
            let mut parcel = self.waiting.pop_front()?;
            let mut bytes = parcel.bytes();
            while parcel.is_open {
                let Some(next) = self.waiting.front().filter(|next| next.is_open) else { break };
                bytes = bytes.saturating_add(next.bytes());
                if bytes > self.max_request_bytes {
                    break;
                }
                let Some(next) = self.waiting.pop_front() else { break };
                parcel.payloads.extend(next.payloads);
                parcel.came.extend(next.came);
            }
            self.on_its_way = Some(parcel);
        }
        self.on_its_way.as_ref()
    }

    /// Takes out what was on its way: it is settled what becomes of it.
    pub(super) fn settle(&mut self) -> Option<Parcel> {
        let parcel = self.on_its_way.take()?;
        self.bytes = self.bytes.saturating_sub(parcel.bytes());
        Some(parcel)
    }

    /// Puts what was on its way back to be sent next, and gives back what has been tried or kept for too long.
    ///
    /// `reached`: whether the agent may have received it. What it cannot have received is each payload by itself
    /// again: the oldest make room, and no others with them.
    pub(super) fn put_back(&mut self, reached: bool) -> Vec<Parcel> {
        let Some(mut parcel) = self.on_its_way.take() else { return Vec::new() };
        parcel.attempts = parcel.attempts.saturating_add(reached.into());
        parcel.is_open &= !reached;
        let parcels = if parcel.is_open {
            parcel
                .payloads
                .into_iter()
                .zip(parcel.came)
                .map(|(one, came)| Parcel::new(one, came))
                .collect()
        } else {
            vec![parcel]
        };
        let is_over = |parcel: &Parcel| parcel.attempts >= MAX_ATTEMPTS || parcel.is_old();
        let (over, again): (Vec<_>, Vec<_>) = parcels.into_iter().partition(is_over);
        for parcel in again.into_iter().rev() {
            self.waiting.push_front(parcel);
        }
        for parcel in &over {
            self.bytes = self.bytes.saturating_sub(parcel.bytes());
        }
        over
    }

    /// Puts two halves in the place of what was on its way, to be sent next; gives it back where there is
    /// nothing to divide.
    pub(super) fn split(&mut self) -> Result<(), Parcel> {
        let Some(parcel) = self.settle() else { return Ok(()) };
        let (first, second) = parcel.split()?;
        for parcel in [second, first] {
            self.bytes = self.bytes.saturating_add(parcel.bytes());
            self.waiting.push_front(parcel);
        }
        Ok(())
    }

    /// Takes all of them out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Parcel> {
        self.bytes = 0;
        self.on_its_way.take().into_iter().chain(self.waiting.drain(..))
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

    fn outbox(max_bytes: usize) -> Outbox {
        Outbox::new(max_bytes, 1_000)
    }

    fn sizes(parcel: &Parcel) -> Vec<usize> {
        parcel.payloads.iter().map(Sealed::len).collect()
    }

    #[test]
    fn the_oldest_make_room() {
        for (given, room) in [(usize::MAX, MAX_BYTES), (1_000, 1_000)] {
            let mut outbox = outbox(given);
            assert!(outbox.push(payload(room / 2)).is_empty());
            assert!(outbox.push(payload(room / 2)).is_empty());
            assert_eq!(outbox.push(payload(1)).len(), 1);
            assert_eq!(outbox.bytes, room / 2 + 1);
        }
    }

    #[test]
    fn a_payload_alone_stays_whatever_its_size() {
        let mut outbox = outbox(MAX_BYTES);
        assert!(outbox.push(payload(MAX_BYTES + 1)).is_empty());
    }

    #[test]
    fn what_is_on_its_way_counts_and_does_not_make_room() {
        let mut outbox = outbox(1_000);
        outbox.push(payload(600));
        assert_eq!(sizes(outbox.next().unwrap()), [600]);
        assert!(outbox.push(payload(300)).is_empty());
        assert_eq!(outbox.push(payload(200)).len(), 1);
        assert!(outbox.push(payload(100)).is_empty());
        assert_eq!(sizes(&outbox.settle().unwrap()), [600]);
        assert_eq!(outbox.bytes, 300);
        assert_eq!(
            outbox.drain().flat_map(|parcel| sizes(&parcel)).collect::<Vec<_>>(),
            [200, 100]
        );
    }

    #[test]
    fn what_waits_goes_together_and_again_as_it_was() {
        let mut outbox = outbox(MAX_BYTES);
        for bytes in [400, 500, 200, 300] {
            outbox.push(payload(bytes));
        }
        assert_eq!(sizes(outbox.next().unwrap()), [400, 500]);
        assert!(outbox.put_back(true).is_empty());
        outbox.push(payload(50));
        assert_eq!(sizes(outbox.next().unwrap()), [400, 500], "the agent may have it");
        assert!(outbox.split().is_ok());
        assert_eq!(sizes(outbox.next().unwrap()), [400]);
        outbox.settle();
        assert_eq!(sizes(outbox.next().unwrap()), [500]);
        assert!(outbox.split().is_err(), "of one chunk");
        assert_eq!(sizes(outbox.next().unwrap()), [200, 300, 50]);
        assert!(outbox.put_back(false).is_empty());
        outbox.push(payload(60));
        assert_eq!(sizes(outbox.next().unwrap()), [200, 300, 50, 60]);
        outbox.settle();
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn what_the_agent_cannot_have_seen_goes_one_by_one() {
        let mut outbox = outbox(1_000);
        for bytes in [300, 300, 300] {
            outbox.push(payload(bytes));
        }
        assert_eq!(sizes(outbox.next().unwrap()), [300, 300, 300]);
        assert!(outbox.put_back(false).is_empty());
        let evicted = outbox.push(payload(200));
        assert_eq!(evicted.iter().flat_map(sizes).collect::<Vec<_>>(), [300]);
        assert_eq!(sizes(outbox.next().unwrap()), [300, 300, 200]);
    }

    #[test]
    fn each_is_kept_for_its_own_time() {
        let mut outbox = outbox(1_000);
        let long_ago = Instant::now().checked_sub(MAX_AGE + Duration::from_secs(1)).unwrap();
        outbox.push(payload(100));
        outbox.waiting[0].came = vec![long_ago];
        outbox.push(payload(200));
        assert_eq!(sizes(outbox.next().unwrap()), [100, 200]);
        let over = outbox.put_back(false);
        assert_eq!(over.iter().flat_map(sizes).collect::<Vec<_>>(), [100]);
        assert_eq!((outbox.bytes, sizes(outbox.next().unwrap())), (200, vec![200]));
    }

    #[test]
    fn attempts_are_bounded_only_where_the_agent_was_reached() {
        let mut outbox = outbox(MAX_BYTES);
        outbox.push(payload(1));
        for _ in 0..100 {
            assert!(outbox.next().is_some());
            assert!(outbox.put_back(false).is_empty());
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
