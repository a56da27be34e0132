//! Each span that the packer takes is delivered or lost, and counted once.

use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::pipeline::outbox::RetryReason::{NotSent, Refused, Unanswered};
use crate::pipeline::testkit::{Step, chunk, one_of};
use crate::sync::lock;
use crate::trace::testkit::Bench;

struct Fixture {
    inner: Arc<Inner>,
    packer: Packer,
    lines: Arc<Mutex<Vec<String>>>,
    made: u64,
    delivered: u64,
}

impl Fixture {
    fn new(queue_bytes: usize, max_payload_bytes: usize) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&lines);
        let log = move |_, line: &str| lock(&said).push(line.to_owned());
        let inner = Inner::for_tests(queue_bytes, max_payload_bytes, log);
        let packer = Packer::new(Arc::clone(&inner));
        Fixture { inner, packer, lines, made: 0, delivered: 0 }
    }

    /// A trace of so many spans with so much text each.
    fn make(&mut self, spans: usize, text: usize) {
        self.made += spans as u64;
        self.inner.submit(chunk(spans, text));
    }

    /// The same, taken by the worker and written.
    fn write(&mut self, spans: usize, text: usize) {
        self.make(spans, text);
        self.packer.take();
        self.packer.write_all();
    }

    /// Begins to send what is the next.
    fn send(&mut self) -> bool {
        let terms = self.packer.terms();
        let Some(parcel) = self.packer.outbox.next(terms) else { return false };
        let spans = parcel.spans();
        self.inner.ledger.begin(spans)
    }

    /// Sends what is the next, and has this answer to it.
    fn send_and(&mut self, answer: fn(&mut Packer)) {
        if self.send() {
            answer(&mut self.packer);
        }
    }

    fn send_and_deliver(&mut self) {
        if self.send() {
            self.delivered += self.packer.delivered(Duration::from_millis(1));
        }
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
        assert_eq!(held.total(), self.held(), "what is counted is what is here");
    }

    /// Ends, and asserts that each span has been counted once.
    #[track_caller]
    fn end(self) -> String {
        let Fixture { inner, packer, made, delivered, .. } = self;
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
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    fixture.write(3, 10);
    assert!(fixture.send());
    fixture.write(5, 10);
    fixture.make(7, 10);
    fixture.packer.take();
    fixture.make(11, 10);
    fixture.packer = Packer::new(Arc::clone(&fixture.inner));
    fixture.check();
    let losses = fixture.inner.diag.losses();
    assert_eq!(losses.spans(LossReason::Unconfirmed), 3);
    assert_eq!(losses.spans(LossReason::WorkerFailed), 12);
    fixture.packer.take();
    assert_eq!(fixture.held(), 11, "what is in the queue outlives the worker");
    fixture.end();
}

#[test]
fn the_oldest_go_where_there_is_no_room_while_the_agent_is_away() {
    let mut fixture = Fixture::new(400_000, 20_000);
    for _ in 0..100 {
        fixture.write(2, 8_000);
        fixture.check();
        assert!(fixture.packer.outbox.bytes() <= 300_000);
        assert!(fixture.inner.queue.room.used() <= 400_000);
    }
    let held = fixture.held();
    let losses = fixture.inner.diag.losses();
    assert_eq!(losses.spans(LossReason::AgentUnreachable), 200 - held);
    assert!((60..=80).contains(&held), "{held}");
    fixture.end();
}

#[test]
fn nothing_goes_to_make_room_while_the_agent_is_busy_with_a_request() {
    let mut fixture = Fixture::new(400_000, 20_000);
    let mut is_full = false;
    for _ in 0..100 {
        fixture.make(2, 8_000);
        if fixture.packer.may_take() {
            fixture.packer.take();
        }
        while fixture.packer.write_ahead() {}
        is_full |= !fixture.packer.may_write_ahead();
        if fixture.packer.outbox.on_its_way().is_none() {
            fixture.send();
        }
    }
    assert!(is_full);
    let losses = fixture.inner.diag.losses();
    assert_eq!(losses.total(), losses.spans(LossReason::QueueFull), "{losses}");
    fixture.end();
}

#[test]
fn a_span_that_is_lost_is_said_by_name_and_size() {
    let mut fixture = Fixture::new(10_000_000, 1_000);
    fixture.write(3, 2_000);
    fixture.check();
    crate::diag::drain_all_lines(Duration::from_secs(20));
    let lines = lock(&fixture.lines).join("\n");
    assert!(lines.contains("span \"child\" (resource \"child\") takes 2"), "{lines}");
    assert_eq!(fixture.inner.diag.losses().spans(LossReason::TooLarge), 2);
    fixture.end();
}

#[test]
fn after_a_trace_that_the_agent_finds_too_large_the_next_ones_go_in_parts() {
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    fixture.write(20, 8_000);
    assert!(fixture.send());
    fixture.packer.too_large(|_| String::new());
    assert_eq!(fixture.inner.diag.losses().spans(LossReason::AgentRejected), 20);
    fixture.write(20, 8_000);
    while let Some(parcel) = fixture.packer.outbox.next(fixture.packer.terms()) {
        assert!(parcel.payloads().all(|payload| payload.len() <= 81_000));
        fixture.send_and_deliver();
    }
    assert_eq!(fixture.delivered, 20);
    fixture.end();
}

#[test]
fn after_a_413_a_span_that_cannot_be_divided_is_sent_as_before() {
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    fixture.write(20, 8_000);
    assert!(fixture.send());
    fixture.packer.too_large(|_| String::new());
    // Larger than half of what was too large, and the agent may take it.
    let bench = Bench::new();
    let large = ["a", "b", "c", "d"]
        .into_iter()
        .fold(bench.span("large").root(), |span, key| span.tag(key, "x".repeat(24_000)));
    large.start().finish();
    fixture.inner.submit(bench.take_chunks().remove(0));
    fixture.made += 1;
    fixture.write(2, 10);
    while !fixture.packer.outbox.is_empty() {
        fixture.send_and_deliver();
    }
    assert_eq!(fixture.delivered, 3);
    assert_eq!(fixture.end(), "20 spans lost: 20 agent_rejected");
}

type Action = fn(&mut Fixture, usize);

/// What may happen next, with a number of its own.
const STEPS: [Step<Action>; 15] = [
    (6, "make", |it, number| it.make(1 + number % 11, number % 900)),
    (3, "take", |it, _| it.packer.take()),
    (2, "write ahead", |it, _| _ = it.packer.write_ahead()),
    (2, "write next", |it, _| it.packer.write_next(true)),
    (2, "write all", |it, _| it.packer.write_all()),
    (2, "delivered", |it, _| it.send_and_deliver()),
    (1, "not sent", |it, _| it.send_and(|packer| packer.put_back(NotSent, String::new))),
    (1, "refused", |it, _| it.send_and(|packer| packer.put_back(Refused, String::new))),
    (1, "unanswered", |it, _| it.send_and(|packer| packer.put_back(Unanswered, String::new))),
    (1, "unconfirmed", |it, _| it.send_and(|packer| packer.unconfirmed(String::new))),
    (1, "rejected", |it, _| it.send_and(|packer| packer.rejected(String::new))),
    (1, "too large", |it, _| it.send_and(|packer| packer.too_large(|_| String::new()))),
    (1, "bound", |it, number| it.packer.bound_requests(Some(1_000 + number as u64 % 7_000))),
    (1, "fail", |it, _| it.packer = Packer::new(Arc::clone(&it.inner))),
    (1, "abandon", |it, _| it.inner.abandon()),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_each_span_is_delivered_or_lost_and_counted_once(
        steps in prop::collection::vec((one_of(&STEPS), 0..10_000usize), 0..60),
    ) {
        let mut fixture = Fixture::new(60_000, 6_000);
        for ((_, step), number) in steps {
            step(&mut fixture, number);
            if !fixture.inner.ledger.is_closed() {
                fixture.check();
            }
        }
        fixture.end();
    }
}
