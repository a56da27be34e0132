//! Each span that the packer takes is delivered or lost, and counted once.

use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::pipeline::outbox::Setback;
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
        let inner = Inner::for_tests(Duration::from_secs(1), queue_bytes, max_payload_bytes, log);
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

#[test]
fn after_a_trace_that_the_agent_finds_too_large_the_next_ones_go_in_parts() {
    let mut desk = Desk::new(10_000_000, 1_000_000);
    let write = |desk: &mut Desk| {
        desk.make(20, 8_000);
        desk.packer.take();
        desk.packer.write_all();
    };
    write(&mut desk);
    assert!(desk.send());
    desk.packer.too_large(|_| String::new());
    assert_eq!(desk.inner.diag.losses().spans(LossReason::AgentRejected), 20);
    write(&mut desk);
    while desk.send() {
        assert!(desk.packer.outbox.on_its_way().unwrap().payloads().all(|p| p.len() <= 81_000));
        desk.delivered += desk.packer.delivered(Duration::from_millis(1));
    }
    assert_eq!(desk.delivered, 20);
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
