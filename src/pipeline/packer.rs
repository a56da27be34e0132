//! Chunks into payloads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::inner::Inner;
use super::ledger::Spans;
use super::outbox::{Outbox, Parcel, Setback};
use super::pace::Pace;
use super::queue::{Portion, Queued};
use crate::diag::LossReason;
use crate::encode::{Common, Encoder, NotAdded, Part, Payload, Sealed};
use crate::trace::Chunk;

/// A payload of this size is complete: one larger gains nothing any more. A little below the power of two that
/// its memory grows to.
const ENOUGH_BYTES: usize = 960 * 1024;
/// The same where somebody waits until all is sent: the agent reads it while the next one is written.
const ENOUGH_IN_HASTE_BYTES: usize = 256 * 1024;
/// Spans that are written before somebody looks whether the agent has answered: some thirty microseconds.
const SPANS_AT_ONCE: usize = 64;
/// Places for chunks that are kept after a burst.
const MAX_KEPT_CHUNKS: usize = 4096;
/// Memory of a sent payload that is kept for the next one.
const MAX_KEPT_BYTES: usize = 1024 * 1024;
/// What an agent says that it takes at the most is not believed below this.
const LEAST_REQUEST_BYTES: usize = 1024;

/// Takes chunks from the queue, writes them, and keeps the payloads until the agent has them.
///
/// All that is here counts as part of the room of the queue.
pub(super) struct Packer {
    inner: Arc<Inner>,
    /// Taken from the queue, and not yet written.
    batch: VecDeque<Queued>,
    batch_bytes: usize,
    /// What is here has so many bytes of the room.
    accounted: usize,
    /// The vectors of chunks that have been written.
    blanks: Portion,
    encoder: Encoder,
    /// It is being asked whether the agent takes events: chunks with some have to wait for the answer.
    holds_events: bool,
    payload: Payload,
    /// Of a payload that was sent, for the next one.
    memory: Vec<u8>,
    pub(super) keep_rate: f64,
    pub(super) outbox: Outbox,
    pub(super) pace: Pace,
    /// Something has been lost.
    pub(super) has_lost: bool,
}

impl Packer {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let most = inner.settings.max_payload_bytes;
        Packer {
            batch: VecDeque::new(),
            batch_bytes: 0,
            accounted: 0,
            blanks: Portion::default(),
            holds_events: false,
            encoder: Encoder::new(inner.process.clone(), most),
            payload: Payload::default(),
            memory: Vec::new(),
            keep_rate: 1.0,
            outbox: Outbox::default(),
            pace: Pace::new(most, inner.settings.timeout),
            has_lost: false,
            inner,
        }
    }

    /// Takes what waits in the queue, when all that was taken before has been written.
    pub(super) fn take(&mut self) {
        if self.batch.is_empty() {
            let mut places = Vec::from(std::mem::take(&mut self.batch));
            places.shrink_to(MAX_KEPT_CHUNKS);
            self.batch = self.inner.ledger.take(&self.inner.queue, places).into();
            let bytes = |sum: usize, queued: &Queued| sum.saturating_add(queued.bytes);
            self.batch_bytes = self.batch.iter().fold(0, bytes);
            self.accounted = self.accounted.saturating_add(self.batch_bytes);
        }
    }

    /// Whether nothing is here that waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.payload.is_empty() && self.outbox.is_empty()
    }

    /// Whether it is worth writing more while the agent has not taken what is written: that takes up room as
    /// well, and when there is none left the oldest would have to go, with an agent that is only slow.
    fn may_write_ahead(&self) -> bool {
        self.outbox.bytes() <= self.inner.queue.room.max_bytes() / 4
    }

    /// Whether to take from the queue as well while the agent is busy.
    pub(super) fn may_take(&self) -> bool {
        self.batch.is_empty() && self.may_write_ahead()
    }

    /// From now on, until [`Packer::release_events`], chunks with events are not written.
    pub(super) fn hold_events(&mut self) {
        self.holds_events = true;
    }

    /// It is known whether the agent takes events as they are.
    pub(super) fn release_events(&mut self, native: bool) {
        self.holds_events = false;
        self.encoder.native_events = native;
    }

    /// The agent takes requests of so many bytes, if it has said so; never more than is set.
    pub(super) fn bound_requests(&mut self, said: Option<u64>) {
        let said = said.and_then(|bytes| usize::try_from(bytes).ok());
        let said = said.filter(|bytes| *bytes >= LEAST_REQUEST_BYTES);
        let set = self.inner.settings.max_payload_bytes;
        let most = said.map_or(set, |bytes| bytes.min(set));
        self.encoder.max_bytes = most;
        self.pace.bound(most);
    }

    /// Writes some chunks beside a request; says whether there are more to be written now.
    pub(super) fn write_ahead(&mut self) -> bool {
        self.may_write_ahead() && self.write_some() && self.may_write_ahead()
    }

    /// Writes some chunks, and says whether there are more.
    fn write_some(&mut self) -> bool {
        let mut written = 0usize;
        let mut has_more = true;
        while written < SPANS_AT_ONCE {
            if self.holds_events && self.batch.front().is_some_and(|next| next.chunk.has_events()) {
                has_more = false;
                break;
            }
            let Some(Queued { chunk, bytes }) = self.batch.pop_front() else { break };
            written = written.saturating_add(chunk.len());
            self.batch_bytes = self.batch_bytes.saturating_sub(bytes);
            self.write(chunk);
        }
        if self.payload.len() >= ENOUGH_BYTES {
            self.seal();
        }
        self.account();
        has_more && !self.batch.is_empty()
    }

    /// Sees to it that the outbox has a payload, if there is anything left for one.
    pub(super) fn write_next(&mut self, in_haste: bool) {
        let enough = if in_haste { ENOUGH_IN_HASTE_BYTES } else { ENOUGH_BYTES };
        while self.outbox.is_empty() {
            if self.payload.len() >= enough || !self.write_some() {
                return self.seal();
            }
        }
    }

    /// Writes all that has been taken, because the agent is not to be had: as payloads it takes up less, and the
    /// vectors of the chunks serve other traces. What there is no room for is lost, the oldest first.
    pub(super) fn write_all(&mut self) {
        while self.write_some() {
            self.make_room();
        }
        // It may wait for long.
        self.payload.shrink();
        self.seal();
        self.account();
        self.make_room();
    }

    /// What waits for the agent has three quarters of the room: there is always some for new traces.
    fn make_room(&mut self) {
        let most = self.inner.queue.room.max_bytes();
        while self.outbox.bytes() > most.saturating_sub(most / 4)
            || self.inner.queue.room.used() > most
        {
            let Some(evicted) = self.outbox.evict() else { return };
            self.account();
            self.lose_parcel(LossReason::AgentUnreachable, &evicted, || {
                format!("what waits for the agent fills its part of {most} bytes; the oldest goes")
            });
        }
    }

    fn write(&mut self, mut chunk: Chunk) {
        chunk.settle();
        let mut added = self.add(&chunk);
        if added == Err(NotAdded::Full) {
            self.seal();
            added = self.add(&chunk);
        }
        if added.is_err() {
            self.write_in_parts(&chunk);
        }
        self.blanks.add(chunk.into_buffers());
        if self.blanks.is_full() || self.batch.is_empty() {
            self.inner.queue.give_back(&mut self.blanks);
        }
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), NotAdded> {
        let span_sampler = &self.inner.span_sampler;
        let common = Common { keep_rate: self.keep_rate, span_sampler };
        self.encoder.add(&mut self.payload, chunk, &common)
    }

    /// Writes a chunk that no payload holds; only a span that alone is too large is lost.
    #[cold]
    fn write_in_parts(&mut self, chunk: &Chunk) {
        let mut from = 0;
        while from < chunk.len() {
            let span_sampler = &self.inner.span_sampler;
            let common = Common { keep_rate: self.keep_rate, span_sampler };
            match self.encoder.add_part(&mut self.payload, chunk, from, &common) {
                Part::Written { next } => from = next,
                Part::Full => self.seal(),
                Part::TooLarge { spans, what } => {
                    from = from.saturating_add(spans);
                    let most = self.encoder.max_bytes;
                    self.lose(LossReason::TooLarge, spans as u64, || {
                        format!(
                            "{what}, and a request has {most} at the most; set less or shorter tags on it"
                        )
                    });
                }
            }
        }
    }

    fn seal(&mut self) {
        if self.payload.is_empty() {
            return;
        }
        let memory = std::mem::take(&mut self.memory);
        let payload = std::mem::replace(&mut self.payload, Payload::reusing(memory));
        self.outbox.push(payload.seal());
    }

    /// Sees to it that the room is told what is here.
    fn account(&mut self) {
        let encoded = self.payload.len().saturating_add(self.outbox.bytes());
        let here = encoded.saturating_add(self.batch_bytes);
        self.inner.queue.room.exchange(self.accounted, here);
        self.accounted = here;
    }

    // ===== what becomes of what was sent =====

    /// The agent has what was on its way, and has taken so long. Says how many spans that were.
    pub(super) fn delivered(&mut self, time: Duration) -> u64 {
        let Some(parcel) = self.outbox.settle() else { return 0 };
        self.account();
        self.pace.succeeded(parcel.bytes(), time);
        let spans = parcel.spans();
        self.recycle(parcel);
        let counts = self.inner.ledger.delivered();
        if counts { spans.sure.saturating_add(spans.doubtful) } else { 0 }
    }

    /// The agent does not have what was on its way, or may not have it: it is sent again, as far as it may be.
    pub(super) fn put_back(&mut self, setback: Setback, detail: impl Fn() -> String) {
        self.slow_down();
        let mut spans = self.on_its_way();
        if setback == Setback::Unanswered {
            spans.doubtful = spans.doubtful.saturating_add(std::mem::take(&mut spans.sure));
        }
        self.inner.ledger.returned(spans);
        let over = self.outbox.put_back(setback);
        self.account();
        let reason = match setback {
            Setback::NotSent | Setback::Refused => LossReason::AgentUnreachable,
            Setback::Unanswered => LossReason::Unconfirmed,
        };
        self.lose_parcel(reason, &over, detail);
    }

    /// The agent may have what was on its way, and did not say so in time.
    pub(super) fn unconfirmed(&mut self, detail: impl Fn() -> String) {
        self.slow_down();
        let Spans { sure, doubtful } = self.on_its_way();
        let doubtful = sure.saturating_add(doubtful);
        self.inner.ledger.returned(Spans { sure: 0, doubtful });
        drop(self.outbox.settle());
        self.account();
        self.lose(LossReason::Unconfirmed, doubtful, detail);
    }

    /// The agent does not want what was on its way.
    pub(super) fn rejected(&mut self, detail: impl Fn() -> String) {
        self.inner.ledger.returned(self.on_its_way());
        if let Some(parcel) = self.outbox.settle() {
            self.account();
            self.lose_parcel(LossReason::AgentRejected, &parcel, detail);
        }
    }

    /// The agent says that it was too large: it is sent in smaller requests, if it can be.
    pub(super) fn too_large(&mut self, detail: impl Fn(usize) -> String) {
        let Some((chunks, bytes)) =
            self.outbox.on_its_way().map(|parcel| (parcel.chunk_count(), parcel.bytes()))
        else {
            return;
        };
        if chunks <= 1 {
            return self.rejected(|| detail(bytes));
        }
        self.inner.ledger.returned(self.on_its_way());
        self.pace.refused_as_too_large(bytes);
        let over = self.outbox.put_back(Setback::NotSent);
        self.account();
        self.lose_parcel(LossReason::AgentUnreachable, &over, || detail(bytes));
    }

    fn on_its_way(&self) -> Spans {
        self.outbox.on_its_way().map(Parcel::spans).unwrap_or_default()
    }

    fn slow_down(&mut self) {
        if let Some(bytes) = self.outbox.on_its_way().map(Parcel::bytes) {
            self.pace.failed(bytes);
        }
    }

    /// Keeps memory of payloads that were sent for the next one.
    fn recycle(&mut self, parcel: Parcel) {
        let memory = parcel.into_payloads().filter_map(Sealed::into_memory);
        self.memory =
            memory.filter(|memory| memory.capacity() <= MAX_KEPT_BYTES).last().unwrap_or_default();
    }

    /// Of what is lost, the agent may have what was sent whole before.
    fn lose_parcel(&mut self, reason: LossReason, parcel: &Parcel, detail: impl Fn() -> String) {
        let Spans { sure, doubtful } = parcel.spans();
        self.lose(reason, sure, &detail);
        self.lose(LossReason::Unconfirmed, doubtful, &detail);
    }

    fn lose(&mut self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        self.has_lost |= spans > 0;
        self.inner.ledger.lose(reason, spans, detail);
    }

    /// What is left, here and in the queue, is lost.
    pub(super) fn give_up(&mut self, detail: &str) {
        let Inner { ledger, queue, .. } = &*self.inner;
        ledger.close(queue, LossReason::AgentUnreachable, detail);
    }
}

/// What is not settled when the worker fails is lost, and its room is free again.
impl Drop for Packer {
    fn drop(&mut self) {
        let Inner { ledger, queue, .. } = &*self.inner;
        ledger.lose_all(LossReason::WorkerFailed, "the background worker failed while it had them");
        queue.room.release(self.accounted);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::sync::lock;
    use crate::trace::testkit::Bench;

    struct Desk {
        inner: Arc<Inner>,
        packer: Packer,
        lines: Arc<Mutex<Vec<String>>>,
        bench: Bench,
        made: u64,
        delivered: u64,
    }

    impl Desk {
        fn new(queue_bytes: usize, max_payload_bytes: usize) -> Self {
            let lines = Arc::new(Mutex::new(Vec::new()));
            let said = Arc::clone(&lines);
            let log = move |_, line: &str| lock(&said).push(line.to_owned());
            let inner =
                Inner::for_tests(Duration::from_secs(1), queue_bytes, max_payload_bytes, log);
            let packer = Packer::new(Arc::clone(&inner));
            let bench = Bench::with(|shared| shared.partial_flush = None);
            Desk { inner, packer, lines, bench, made: 0, delivered: 0 }
        }

        /// A trace of so many spans with so much text each.
        fn make(&mut self, spans: usize, text: usize) {
            let root = self.bench.span("root").root().start();
            for _ in 1..spans {
                let child = self.bench.span("child").child_of(&root).start();
                child.set_tag("fill", "x".repeat(text));
                child.finish();
            }
            drop(root);
            for chunk in self.bench.take_chunks() {
                self.made += chunk.len() as u64;
                self.inner.submit(chunk);
            }
        }

        /// Begins to send what is the next.
        fn send(&mut self) -> bool {
            let most = self.packer.pace.bytes();
            let Some(parcel) = self.packer.outbox.next(most) else { return false };
            let spans = parcel.spans();
            self.inner.ledger.begin(spans)
        }

        /// The spans that are with the worker, and not on their way.
        fn held(&self) -> u64 {
            let Packer { batch, payload, outbox, .. } = &self.packer;
            let batch: u64 = batch.iter().map(|queued| queued.chunk.len() as u64).sum();
            batch + payload.span_count() + outbox.waiting_spans()
        }

        #[track_caller]
        fn check(&self) {
            let held = self.inner.ledger.held();
            assert_eq!(held.sure + held.doubtful, self.held(), "what is counted is what is here");
        }

        /// Ends, and asserts that each span has been counted once.
        #[track_caller]
        fn end(self) -> String {
            let Desk { inner, packer, made, delivered, .. } = self;
            inner.abandon();
            drop(packer);
            let losses = inner.diag.losses();
            assert_eq!(delivered + losses.total(), made, "{losses}");
            assert_eq!(inner.queue.room.used(), 0, "all room is free again");
            losses.to_string()
        }
    }

    #[test]
    fn a_worker_that_fails_with_payloads_in_hand_leaves_each_span_counted() {
        let mut desk = Desk::new(10_000_000, 1_000_000);
        desk.make(3, 10);
        desk.packer.take();
        desk.packer.write_all();
        assert!(desk.send());
        desk.make(5, 10);
        desk.packer.take();
        desk.packer.write_all();
        desk.make(7, 10);
        desk.packer.take();
        desk.make(11, 10);
        desk.packer = Packer::new(Arc::clone(&desk.inner));
        desk.check();
        let losses = desk.inner.diag.losses();
        assert_eq!(losses.spans(LossReason::Unconfirmed), 3);
        assert_eq!(losses.spans(LossReason::WorkerFailed), 12);
        desk.packer.take();
        assert_eq!(desk.held(), 11, "what is in the queue outlives the worker");
        desk.end();
    }

    #[test]
    fn the_oldest_go_where_there_is_no_room_while_the_agent_is_away() {
        let mut desk = Desk::new(400_000, 20_000);
        for _ in 0..100 {
            desk.make(2, 8_000);
            desk.packer.take();
            desk.packer.write_all();
            desk.check();
            assert!(desk.packer.outbox.bytes() <= 300_000);
            assert!(desk.inner.queue.room.used() <= 400_000);
        }
        let held = desk.held();
        let losses = desk.inner.diag.losses();
        assert_eq!(losses.spans(LossReason::AgentUnreachable), 200 - held);
        assert!((60..=80).contains(&held), "{held}");
        desk.end();
    }

    #[test]
    fn nothing_goes_to_make_room_while_the_agent_is_busy_with_a_request() {
        let mut desk = Desk::new(400_000, 20_000);
        let mut is_full = false;
        for _ in 0..100 {
            desk.make(2, 8_000);
            if desk.packer.may_take() {
                desk.packer.take();
            }
            while desk.packer.write_ahead() {}
            is_full |= !desk.packer.may_write_ahead();
            if desk.packer.outbox.on_its_way().is_none() {
                desk.send();
            }
        }
        assert!(is_full);
        let losses = desk.inner.diag.losses();
        assert_eq!(losses.total(), losses.spans(LossReason::QueueFull), "{losses}");
        desk.end();
    }

    #[test]
    fn a_span_that_is_lost_is_said_by_name_and_size() {
        let mut desk = Desk::new(10_000_000, 1_000);
        desk.make(3, 2_000);
        desk.packer.take();
        desk.packer.write_all();
        desk.check();
        crate::diag::drain_all_lines(Duration::from_secs(20));
        let lines = lock(&desk.lines).join("\n");
        assert!(lines.contains("span \"child\" (resource \"child\") takes 2"), "{lines}");
        assert_eq!(desk.inner.diag.losses().spans(LossReason::TooLarge), 2);
        desk.end();
    }

    #[derive(Clone, Debug)]
    enum Step {
        Make(usize, usize),
        Take,
        WriteAhead,
        WriteNext,
        WriteAll,
        Delivered,
        PutBack(Setback),
        Unconfirmed,
        Rejected,
        TooLarge,
        Bound(u64),
        Fail,
        Abandon,
    }

    fn step() -> impl Strategy<Value = Step> {
        let setback =
            prop_oneof![Just(Setback::NotSent), Just(Setback::Refused), Just(Setback::Unanswered)];
        prop_oneof![
            6 => (1usize..12, 0usize..900).prop_map(|(spans, text)| Step::Make(spans, text)),
            3 => Just(Step::Take),
            2 => Just(Step::WriteAhead),
            2 => Just(Step::WriteNext),
            2 => Just(Step::WriteAll),
            2 => Just(Step::Delivered),
            3 => setback.prop_map(Step::PutBack),
            1 => Just(Step::Unconfirmed),
            1 => Just(Step::Rejected),
            1 => Just(Step::TooLarge),
            1 => (1_000u64..8_000).prop_map(Step::Bound),
            1 => Just(Step::Fail),
            1 => Just(Step::Abandon),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_happens_each_span_is_delivered_or_lost_and_counted_once(
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let mut desk = Desk::new(60_000, 6_000);
            let mut is_over = false;
            for step in steps {
                let outcome = matches!(
                    step,
                    Step::Delivered
                        | Step::PutBack(_)
                        | Step::Unconfirmed
                        | Step::Rejected
                        | Step::TooLarge
                );
                if outcome && !desk.send() {
                    continue;
                }
                match step {
                    Step::Make(spans, text) => desk.make(spans, text),
                    Step::Take => desk.packer.take(),
                    Step::WriteAhead => {
                        desk.packer.write_ahead();
                    }
                    Step::WriteNext => desk.packer.write_next(true),
                    Step::WriteAll => desk.packer.write_all(),
                    Step::Delivered => {
                        desk.delivered += desk.packer.delivered(Duration::from_millis(1));
                    }
                    Step::PutBack(setback) => desk.packer.put_back(setback, String::new),
                    Step::Unconfirmed => desk.packer.unconfirmed(String::new),
                    Step::Rejected => desk.packer.rejected(String::new),
                    Step::TooLarge => desk.packer.too_large(|_| String::new()),
                    Step::Bound(said) => desk.packer.bound_requests(Some(said)),
                    Step::Fail => desk.packer = Packer::new(Arc::clone(&desk.inner)),
                    Step::Abandon => {
                        desk.inner.abandon();
                        is_over = true;
                    }
                }
                if !is_over {
                    desk.check();
                }
            }
            desk.end();
        }
    }
}
