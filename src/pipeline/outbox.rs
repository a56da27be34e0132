//! Payloads that wait to be sent, the oldest first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::ledger::Spans;
use crate::encode::{Format, Limits, Sealed};

/// How long a payload is kept while the agent cannot be reached or says that it is busy.
pub(super) const MAX_AGE: Duration = Duration::from_secs(60);
/// A payload that was refused more often than this goes to the back of the queue and is sent alone from then on. If the
/// agent fails because of this payload, the others are not held up by it.
const REFUSALS_IN_PLACE: u32 = 4;

/// A payload that waits, and the history of its attempts.
#[derive(Debug)]
struct Entry {
    payload: Sealed,
    since: Instant,
    /// How often the agent has answered that it does not take it now.
    refusals: u32,
    /// It is not sent together with others.
    is_alone: bool,
    /// It was sent completely once, and the connection ended without an answer: the agent may have it.
    may_be_there: bool,
}

/// The payloads of one request.
#[derive(Debug)]
pub(super) struct Parcel {
    entries: Vec<Entry>,
}

impl Parcel {
    /// The format of its payloads.
    pub(super) fn format(&self) -> Format {
        self.payloads().next().map_or(Format::V04, Sealed::format)
    }

    /// The size of the body, to within a few bytes.
    pub(super) fn bytes(&self) -> usize {
        self.payloads().map(Sealed::len).sum()
    }

    pub(super) fn chunk_count(&self) -> usize {
        self.payloads().map(Sealed::chunk_count).sum()
    }

    pub(super) fn spans(&self) -> Spans {
        let mut spans = Spans::default();
        for Entry { payload, may_be_there, .. } in &self.entries {
            let of_kind =
                if *may_be_there { &mut spans.unconfirmed } else { &mut spans.undelivered };
            *of_kind += payload.span_count();
        }
        spans
    }

    pub(super) fn payloads(&self) -> impl Iterator<Item = &Sealed> + Clone {
        self.entries.iter().map(|entry| &entry.payload)
    }

    pub(super) fn into_payloads(self) -> impl Iterator<Item = Sealed> {
        self.entries.into_iter().map(|entry| entry.payload)
    }
}

/// What the next request may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) max_bytes: usize,
    /// The format that the agent takes beside v0.4.
    pub(super) format: Format,
    /// For what has to be converted.
    pub(super) limits: Limits,
}

/// Why a request is to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryReason {
    /// The agent cannot have the whole request.
    NotSent,
    /// The agent answered that it does not take it now.
    Refused,
    /// The agent was sent the whole request, and the connection ended without an answer. It is sent again once: usually
    /// the agent was restarted, or closed an idle connection, and has read nothing.
    Unanswered,
}

/// Payloads that wait or are on their way, the oldest first. The oldest are also dropped first when there is no room.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    on_its_way: Option<Parcel>,
    waiting: VecDeque<Entry>,
    /// The bytes of all of them. Kept and not summed up, because the packer asks at each step of its work, and while the
    /// agent is away there may be thousands of small payloads.
    bytes: usize,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.on_its_way.is_none() && self.waiting.is_empty()
    }

    /// The bytes of all of them, what is on its way included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The spans of what is not on its way.
    #[cfg(test)]
    pub(super) fn waiting_spans(&self) -> u64 {
        self.waiting.iter().map(|entry| entry.payload.span_count()).sum()
    }

    /// Puts a payload behind the others.
    pub(super) fn push(&mut self, payload: Sealed) {
        self.bytes += payload.len();
        let (since, refusals) = (Instant::now(), 0);
        let entry = Entry { payload, since, refusals, is_alone: false, may_be_there: false };
        self.waiting.push_back(entry);
    }

    /// Takes out the oldest that waits, unless it is the last one. What is on its way stays.
    pub(super) fn evict(&mut self) -> Option<Parcel> {
        let entry = (self.waiting.len() > 1).then(|| self.waiting.pop_front()).flatten()?;
        Some(self.gone(Parcel { entries: vec![entry] }))
    }

    /// The next request: the oldest chunks that fit into so many bytes, and at least one. It counts as on its way until
    /// [`Outbox::settle`] or [`Outbox::put_back`].
    pub(super) fn next(&mut self, terms: Terms) -> Option<&Parcel> {
        if self.on_its_way.is_none() {
            let entries = self.pack(terms);
            self.on_its_way = (!entries.is_empty()).then_some(Parcel { entries });
        }
        self.on_its_way.as_ref()
    }

    /// Removes what goes into the next request.
    fn pack(&mut self, terms: Terms) -> Vec<Entry> {
        let max_bytes = terms.max_bytes;
        let mut packed: Vec<Entry> = Vec::new();
        let mut left = max_bytes;
        while let Some(entry) = self.waiting.front_mut() {
            // Only where it is the next, because it needs more memory then.
            if packed.is_empty() && entry.payload.has_to_be_v04(terms) {
                convert(entry, terms.limits, &mut self.bytes);
            }
            let (bytes, format) = (entry.payload.len(), entry.payload.format());
            let is_alone = entry.is_alone || !format.is_divisible();
            let fits = bytes <= left;
            let is_other = packed.first().is_some_and(|first| first.payload.format() != format);
            if !packed.is_empty() && (is_alone || is_other || !fits) {
                break;
            }
            let front = if fits { None } else { entry.payload.split_front(max_bytes) };
            if let Some(payload) = front {
                // Each of the two has a header.
                self.bytes += payload.len() + entry.payload.len() - bytes;
                packed.push(Entry { payload, ..*entry });
                break;
            }
            packed.extend(self.waiting.pop_front());
            if is_alone || !fits {
                break;
            }
            left -= bytes;
        }
        packed
    }

    /// Converts what is on its way to v0.4. Returns whether that was possible.
    pub(super) fn convert_on_its_way(&mut self, limits: Limits) -> bool {
        let entries = self.on_its_way.iter_mut().flat_map(|parcel| &mut parcel.entries);
        let mut is_done = true;
        for entry in entries {
            is_done &= convert(entry, limits, &mut self.bytes);
        }
        is_done
    }

    /// The request that is being sent.
    pub(super) fn on_its_way(&self) -> Option<&Parcel> {
        self.on_its_way.as_ref()
    }

    /// Removes what was on its way: it was delivered, or is lost.
    pub(super) fn settle(&mut self) -> Option<Parcel> {
        let parcel = self.on_its_way.take()?;
        Some(self.gone(parcel))
    }

    /// Puts what was on its way back, to be sent again. Returns what is not sent again: what was kept for too long, or
    /// was sent completely twice.
    pub(super) fn put_back(&mut self, why: RetryReason) -> Parcel {
        let (mut again, mut over) = (VecDeque::new(), Vec::new());
        for mut entry in self.on_its_way.take().into_iter().flat_map(|parcel| parcel.entries) {
            let is_old = entry.since.elapsed() > MAX_AGE;
            let is_over = match why {
                RetryReason::NotSent => is_old,
                RetryReason::Refused => {
                    entry.refusals += 1;
                    is_old
                }
                RetryReason::Unanswered => std::mem::replace(&mut entry.may_be_there, true),
            };
            if is_over {
                over.push(entry);
            } else if entry.refusals > REFUSALS_IN_PLACE {
                (entry.refusals, entry.is_alone) = (0, true);
                self.waiting.push_back(entry);
            } else {
                again.push_back(entry);
            }
        }
        again.append(&mut self.waiting);
        self.waiting = again;
        self.gone(Parcel { entries: over })
    }

    /// Payloads that have been removed.
    fn gone(&mut self, parcel: Parcel) -> Parcel {
        self.bytes -= parcel.bytes();
        parcel
    }
}

impl Sealed {
    /// Whether it cannot be sent as it is.
    fn has_to_be_v04(&self, terms: Terms) -> bool {
        let is_taken = self.format() == Format::V04 || self.format() == terms.format;
        let is_small = self.len() <= terms.max_bytes || self.chunk_count() <= 1;
        !is_taken || !is_small && !self.format().is_divisible()
    }
}

/// Converts a payload to v0.4, in which it has other bytes. Returns whether that was possible.
fn convert(entry: &mut Entry, limits: Limits, bytes: &mut usize) -> bool {
    let converted = entry.payload.to_v04(limits);
    let is_done = converted.is_some();
    if let Some(converted) = converted {
        *bytes = *bytes + converted.len() - entry.payload.len();
        entry.payload = converted;
    }
    is_done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::testkit::{Step, one_of};

    fn outbox(payloads: impl IntoIterator<Item = usize>) -> Outbox {
        let mut outbox = Outbox::default();
        payloads.into_iter().for_each(|bytes| outbox.push(Sealed::of_size(bytes)));
        outbox
    }

    fn terms(max_bytes: usize) -> Terms {
        let limits = Limits { native_events: true, chunk_bytes: max_bytes };
        Terms { max_bytes, format: Format::V04, limits }
    }

    fn sizes(parcel: &Parcel) -> Vec<usize> {
        parcel.payloads().map(Sealed::len).collect()
    }

    /// Sends all that there is in requests of so many bytes.
    fn sent(outbox: &mut Outbox, max_bytes: usize) -> Vec<Vec<usize>> {
        let mut sent = Vec::new();
        while let Some(parcel) = outbox.next(terms(max_bytes)) {
            sent.push(sizes(parcel));
            outbox.settle();
        }
        assert_eq!((outbox.bytes(), outbox.is_empty()), (0, true));
        sent
    }

    #[test]
    fn the_oldest_make_room_except_for_the_last_and_for_what_is_on_its_way() {
        let mut outbox = outbox([600, 300, 200]);
        assert_eq!(sizes(outbox.next(terms(600)).unwrap()), [600]);
        assert_eq!(sizes(&outbox.evict().unwrap()), [300]);
        assert!(outbox.evict().is_none());
        assert_eq!(outbox.bytes(), 800);
        assert_eq!(sizes(&outbox.settle().unwrap()), [600]);
        assert_eq!(sent(&mut outbox, 1_000), [[200]]);
    }

    #[test]
    fn what_waits_goes_together_as_far_as_a_request_goes() {
        assert_eq!(
            sent(&mut outbox([400, 500, 200, 300]), 1_000),
            [vec![400, 500], vec![200, 300]]
        );
        assert_eq!(sent(&mut outbox([400, 500]), 1), [[400], [500]], "one chunk is not divided");
    }

    #[test]
    fn a_payload_is_divided_where_a_request_is_smaller() {
        let mut outbox = outbox([]);
        outbox.push(Sealed::of_sizes([100, 100, 300, 50, 50]));
        outbox.push(Sealed::of_size(100));
        assert_eq!(sizes(outbox.next(terms(250)).unwrap()), [205]);
        assert_eq!(outbox.bytes(), 205 + 405 + 100);
        outbox.put_back(RetryReason::NotSent);
        assert_eq!(sent(&mut outbox, 250), [vec![205], vec![305], vec![105, 100]]);
    }

    #[test]
    fn what_was_not_taken_is_sent_again_before_the_others() {
        for why in [RetryReason::NotSent, RetryReason::Refused, RetryReason::Unanswered] {
            let mut outbox = outbox([400, 500, 200]);
            assert_eq!(sizes(outbox.next(terms(1_000)).unwrap()), [400, 500]);
            assert!(sizes(&outbox.put_back(why)).is_empty());
            outbox.push(Sealed::of_size(50));
            assert_eq!(sent(&mut outbox, 400), [vec![400], vec![500], vec![200, 50]]);
        }
    }

    #[test]
    fn what_may_be_there_is_sent_once_more_and_then_given_up() {
        let mut outbox = outbox([100]);
        outbox.next(terms(1_000));
        assert!(sizes(&outbox.put_back(RetryReason::Unanswered)).is_empty());
        outbox.push(Sealed::of_size(200));
        let spans = outbox.next(terms(1_000)).unwrap().spans();
        assert_eq!(spans, Spans { undelivered: 1, unconfirmed: 1 });
        assert!(
            sizes(&outbox.put_back(RetryReason::NotSent)).is_empty(),
            "not sent, no second time"
        );
        outbox.next(terms(1_000));
        assert_eq!(sizes(&outbox.put_back(RetryReason::Unanswered)), [100]);
        assert_eq!(
            outbox.next(terms(1_000)).unwrap().spans(),
            Spans { undelivered: 0, unconfirmed: 1 }
        );
    }

    #[test]
    fn each_is_kept_for_its_own_time_however_often_it_is_refused() {
        for why in [RetryReason::NotSent, RetryReason::Refused] {
            let mut outbox = outbox([100, 200]);
            for _ in 0..100 {
                assert!(outbox.next(terms(1_000)).is_some());
                assert!(sizes(&outbox.put_back(why)).is_empty());
            }
            let long_ago = Instant::now().checked_sub(MAX_AGE + Duration::from_secs(1)).unwrap();
            let old = outbox.waiting.iter_mut().find(|entry| entry.payload.len() == 100);
            old.unwrap().since = long_ago;
            let mut over = Vec::new();
            for _ in 0..2 * REFUSALS_IN_PLACE {
                outbox.next(terms(1_000));
                over.extend(sizes(&outbox.put_back(why)));
            }
            assert_eq!(over, [100]);
            assert_eq!(sent(&mut outbox, 1_000), [[200]]);
        }
    }

    #[test]
    fn what_is_always_refused_does_not_hold_up_the_others() {
        let mut outbox = outbox([100, 200]);
        for _ in 0..=REFUSALS_IN_PLACE {
            assert_eq!(sizes(outbox.next(terms(1_000)).unwrap()), [100, 200]);
            outbox.put_back(RetryReason::Refused);
        }
        outbox.push(Sealed::of_size(300));
        // First each alone, and then once more behind the others.
        assert_eq!(sizes(outbox.next(terms(1_000)).unwrap()), [100]);
        for _ in 0..=REFUSALS_IN_PLACE {
            outbox.next(terms(1_000));
            outbox.put_back(RetryReason::Refused);
        }
        assert_eq!(sent(&mut outbox, 1_000), [[200], [300], [100]]);
    }

    #[test]
    fn to_ask_for_the_bytes_takes_no_longer_where_there_are_many_payloads() {
        let outbox = outbox((0..20_000).map(|_| 500));
        let deadline = Instant::now() + Duration::from_secs(20);
        // Summed up each time, these would be minutes.
        for _ in 0..1_000_000 {
            assert_eq!(std::hint::black_box(&outbox).bytes(), 10_000_000);
            assert!(Instant::now() < deadline);
        }
    }

    /// Does something with some sizes; returns what is in the outbox no longer.
    type Action = fn(&mut Outbox, &[usize]) -> Option<Parcel>;

    /// What may happen next.
    const STEPS: [Step<Action>; 7] = [
        (3, PUSH, |outbox, sizes| {
            outbox.push(Sealed::of_sizes(sizes.iter().copied()));
            None
        }),
        (3, "next", |outbox, sizes| {
            let (max_bytes, is_new) = (sizes.iter().sum(), outbox.on_its_way.is_none());
            let parcel = outbox.next(terms(max_bytes))?;
            assert!(parcel.chunk_count() > 0);
            let fits = parcel.bytes() <= max_bytes || parcel.chunk_count() == 1;
            assert!(fits || !is_new);
            None
        }),
        (3, "settle", |outbox, _| outbox.settle()),
        (1, "not sent", |outbox, _| Some(outbox.put_back(RetryReason::NotSent))),
        (1, "refused", |outbox, _| Some(outbox.put_back(RetryReason::Refused))),
        (1, "unanswered", |outbox, _| Some(outbox.put_back(RetryReason::Unanswered))),
        (3, "evict", |outbox, _| outbox.evict()),
    ];
    const PUSH: &str = "push";

    proptest! {
        #[test]
        fn whatever_happens_bytes_and_spans_are_those_of_what_is_here(
            steps in prop::collection::vec(
                (one_of(&STEPS), prop::collection::vec(1usize..300, 1..6)),
                0..60,
            ),
        ) {
            let mut outbox = Outbox::default();
            let (mut came, mut gone) = (0, 0);
            for ((name, step), sizes) in steps {
                gone += step(&mut outbox, &sizes).map_or(0, |parcel| parcel.spans().total());
                came += if name == PUSH { sizes.len() as u64 } else { 0 };
                let on_its_way = outbox.on_its_way.iter().flat_map(|parcel| &parcel.entries);
                let here: Vec<_> = on_its_way.chain(&outbox.waiting).map(|e| &e.payload).collect();
                let bytes: usize = here.iter().map(|payload| payload.body().len()).sum();
                let spans: u64 = here.iter().map(|payload| payload.span_count()).sum();
                prop_assert_eq!((outbox.bytes(), spans + gone), (bytes, came));
                prop_assert_eq!(outbox.is_empty(), here.is_empty());
            }
        }
    }
}
