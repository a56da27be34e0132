//! Each span that the packer takes is delivered, dropped by a filter or lost, and counted once.

use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::agent::DroppedP0s;
use crate::config::Config;
use crate::diag::Withheld;
use crate::encode::Sealed;
use crate::filter::Verdict;
use crate::id::{SpanId, TraceId};
use crate::pipeline::outbox::RetryReason::{NotSent, Refused, Unanswered};
use crate::pipeline::testkit::{Step, chunk, one_of};
use crate::sampling::{SpanSampler, SpanSamplingRule};
use crate::sync::lock;
use crate::trace::FinishedTrace;
use crate::trace::testkit::Bench;
use crate::trace::{SamplingPriority, SpanContext};

struct Fixture {
    inner: Arc<Inner>,
    packer: Packer,
    lines: Arc<Mutex<Vec<String>>>,
    made: u64,
    delivered: u64,
}

impl Fixture {
    fn new(queue_bytes: usize, max_payload_bytes: usize) -> Self {
        Fixture::with(queue_bytes, max_payload_bytes, |_| ())
    }

    /// One with a filter that drops every trace of a number of spans that is a multiple of three.
    fn filtering(queue_bytes: usize, max_payload_bytes: usize) -> Self {
        let filter = |trace: &mut FinishedTrace<'_>| match trace.spans().count() % 3 {
            0 => Verdict::Drop,
            _ => Verdict::Next,
        };
        Fixture::with(queue_bytes, max_payload_bytes, |inner| {
            inner.filters.push(Arc::new(filter), &inner.diag);
        })
    }

    fn with(queue_bytes: usize, max_payload_bytes: usize, change: impl FnOnce(&mut Inner)) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&lines);
        let log = move |_, line: &str| lock(&said).push(line.to_owned());
        let mut inner = Inner::for_tests(queue_bytes, max_payload_bytes, log);
        change(Arc::get_mut(&mut inner).unwrap());
        let packer = Packer::new(Arc::clone(&inner));
        Fixture { inner, packer, lines, made: 0, delivered: 0 }
    }

    /// A trace of so many spans with so much text each.
    fn make(&mut self, spans: usize, text: usize) {
        self.made += spans as u64;
        self.inner.submit(chunk(spans, text));
    }

    /// A trace of so many spans that is not kept.
    fn make_unsampled(&mut self, spans: usize) {
        self.made += spans as u64;
        self.inner.submit(unsampled(spans, &[]));
    }

    /// How many spans were not sent on purpose.
    fn withheld(&self) -> u64 {
        let diag = &self.inner.diag;
        diag.withheld(Withheld::NotSampled) + diag.withheld(Withheld::AgentFilters)
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
        let withheld = self.withheld();
        let Fixture { inner, packer, made, delivered, .. } = self;
        inner.abandon();
        drop(packer);
        let losses = inner.diag.losses();
        let filtered = inner.diag.filtered();
        let left_out = withheld + filtered.spans();
        assert_eq!(delivered + left_out + losses.total(), made, "{losses}, {left_out} left out");
        assert_eq!(inner.queue.room.used(), 0, "all room is free again");
        losses.to_string()
    }
}

/// A trace of so many spans that is not kept, with these tags on all but its root.
fn unsampled(spans: usize, tags: &[(&'static str, i64)]) -> Chunk {
    let bench = Bench::with(|shared| shared.set_partial_flush(None));
    let root = bench.span("root").root().start();
    root.drop_trace();
    for _ in 1..spans {
        let child = bench.span("child").child_of(&root);
        let child = tags.iter().fold(child, |child, (key, value)| child.tag(*key, *value));
        child.start().finish();
    }
    drop(root);
    bench.take_chunks().remove(0)
}

/// What an agent says that takes statistics, and has these filters.
#[cfg(feature = "client-stats")]
fn info(rejected: &str) -> AgentInfo {
    AgentInfo::of_json(&serde_json::json!({
        "endpoints": ["/v0.6/stats"], "client_drop_p0s": true, "filter_tags": {"reject": [rejected]},
    }))
}

#[cfg(feature = "client-stats")]
#[test]
fn what_is_not_sampled_is_counted_and_not_sent_where_the_agent_takes_statistics() {
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    fixture.make_unsampled(3);
    fixture.packer.take();
    fixture.packer.write_all();
    fixture.packer.follow(Some(&info("")));
    fixture.make_unsampled(5);
    for tags in [&[("error", 1)], &[("_dd1.sr.eausr", 1)], &[("span.kind", 1)]] {
        fixture.made += 3;
        fixture.inner.submit(unsampled(3, tags));
    }
    fixture.write(4, 10);
    fixture.check();
    // Of the first, nothing was dropped; of the others, what has no error and is not analysed by itself.
    assert_eq!(fixture.inner.diag.withheld(Withheld::NotSampled), 5 + 1 + 3);
    let terms = fixture.packer.terms();
    let parcel = fixture.packer.outbox.next(terms).unwrap();
    assert_eq!((parcel.is_counted(), parcel.spans().total()), (false, 3));
    fixture.send_and_deliver();
    let parcel = fixture.packer.outbox.next(terms).unwrap();
    assert_eq!((parcel.is_counted(), parcel.spans().total()), (true, 3 + 2 + 4));
    fixture.send_and_deliver();
    fixture.packer.statistics.collect(true);
    // The roots, since the others are of no kind.
    assert_eq!(fixture.packer.statistics.next().unwrap().spans, 5);
    fixture.end();
}

#[cfg(feature = "client-stats")]
#[test]
fn what_the_agent_does_not_want_is_neither_sent_nor_counted() {
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    fixture.packer.follow(Some(&info("span.kind:server")));
    fixture.write(4, 10);
    let bench = Bench::new();
    bench.span("root").root().tag("span.kind", "server").start().finish();
    fixture.inner.submit(bench.take_chunks().remove(0));
    fixture.made += 1;
    fixture.write(2, 10);
    fixture.send_and_deliver();
    assert_eq!((fixture.delivered, fixture.inner.diag.withheld(Withheld::AgentFilters)), (6, 1));
    assert_eq!(fixture.packer.dropped.tell(), DroppedP0s::default());
    fixture.packer.statistics.collect(true);
    assert_eq!(fixture.packer.statistics.next().unwrap().spans, 2);
    fixture.end();
}

#[cfg(feature = "client-stats")]
#[test]
fn statistics_that_a_worker_had_when_it_failed_are_counted_as_lost() {
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    fixture.packer.follow(Some(&info("")));
    fixture.write(4, 10);
    fixture.packer = Packer::new(Arc::clone(&fixture.inner));
    let lost = &fixture.inner.diag.stats().lost;
    assert_eq!(lost.load(std::sync::atomic::Ordering::Relaxed), 1);
    fixture.end();
}

#[test]
fn a_rule_for_single_spans_is_asked_once_for_each_however_often_they_are_encoded() {
    let rule = SpanSamplingRule::new(1.0).unwrap().name("child").max_per_second(4.0);
    let inner = Inner::for_tests(10_000_000, 3_000, |_, _| ());
    let mut inner = Arc::into_inner(inner).unwrap();
    inner.span_sampler = Arc::new(SpanSampler::new([rule]));
    let mut packer = Packer::new(Arc::new(inner));
    // Larger than one payload, so that it is encoded in parts.
    let (root, filler) = (Bench::new(), "x".repeat(500));
    let span = root.span("root").root().start();
    span.drop_trace();
    for _ in 0..20 {
        root.span("child").child_of(&span).tag("fill", &*filler).start().finish();
    }
    drop(span);
    packer.inner.submit(root.take_chunks().remove(0));
    packer.take();
    packer.write_all();
    let mut kept = 0;
    while let Some(parcel) = packer.outbox.next(packer.terms()) {
        let bodies: Vec<_> = parcel.payloads().map(Sealed::body).collect();
        let mechanism = b"_dd.span_sampling.mechanism";
        for body in bodies {
            kept += body.windows(mechanism.len()).filter(|bytes| bytes == mechanism).count();
        }
        packer.outbox.settle();
    }
    assert_eq!(kept, 4);
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

#[test]
fn what_a_filter_drops_is_neither_sent_nor_lost() {
    let mut fixture = Fixture::filtering(10_000_000, 1_000_000);
    for spans in 1..=6 {
        fixture.write(spans, 10);
        fixture.check();
    }
    while !fixture.packer.outbox.is_empty() {
        fixture.send_and_deliver();
    }
    let filtered = fixture.inner.diag.filtered();
    assert_eq!((fixture.delivered, filtered.traces(), filtered.spans()), (12, 2, 9));
    assert!(!fixture.packer.has_lost);
    // What was given up is lost, whatever a filter would have said.
    fixture.make(9, 10);
    fixture.packer.take();
    fixture.inner.abandon();
    fixture.packer.write_all();
    assert_eq!(fixture.end(), "9 spans lost: 9 shutdown_timeout");
}

#[test]
fn what_is_not_sampled_is_withheld_from_a_collector_and_is_no_loss() {
    let destination = Destination::Otlp(Config::builder().build().otlp(None, None, None));
    let inner = Inner::to(destination);
    let mut packer = Packer::new(Arc::clone(&inner));
    for priority in [SamplingPriority::USER_REJECT, SamplingPriority::AUTO_KEEP] {
        let bench = Bench::new();
        let upstream = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8));
        bench.span("op").child_of(upstream.with_priority(priority)).start().finish();
        inner.submit(bench.take_chunks().remove(0));
    }
    packer.take();
    packer.write_all();
    assert_eq!(packer.outbox.next(packer.terms()).unwrap().spans().total(), 1);
    assert_eq!(inner.diag.withheld(Withheld::NotSampled), 1);
    assert_eq!((inner.ledger.held().total(), inner.diag.losses().total()), (1, 0));
    assert!(!packer.has_lost);
}

#[test]
fn what_a_collector_rejects_of_a_request_is_lost_and_the_rest_delivered() {
    let mut fixture = Fixture::new(10_000_000, 1_000_000);
    for (rejected, delivered) in [(0, 10), (4, 6), (100, 0)] {
        fixture.write(10, 10);
        assert!(fixture.send());
        let took = Duration::from_millis(1);
        let said = || "it does not want them".to_owned();
        assert_eq!(fixture.packer.delivered_but(rejected, took, said), delivered);
        fixture.delivered += delivered;
        fixture.check();
    }
    assert_eq!(fixture.end(), "14 spans lost: 14 agent_rejected");
}

/// What an agent says that takes statistics.
fn taking_stats() -> AgentInfo {
    AgentInfo::of_json(&serde_json::json!({"endpoints": ["/v0.6/stats"], "client_drop_p0s": true}))
}

type Action = fn(&mut Fixture, usize);

/// What may happen next, with a number of its own.
const STEPS: [Step<Action>; 18] = [
    (3, "make unsampled", |it, number| it.make_unsampled(1 + number % 11)),
    (1, "statistics on", |it, _| it.packer.follow(Some(&taking_stats()))),
    (1, "statistics off", |it, _| it.packer.follow(None)),
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
    fn whatever_happens_each_span_is_delivered_filtered_or_lost_and_counted_once(
        steps in prop::collection::vec((one_of(&STEPS), 0..10_000usize), 0..60),
    ) {
        let mut fixture = Fixture::filtering(60_000, 6_000);
        for ((_, step), number) in steps {
            step(&mut fixture, number);
            if !fixture.inner.ledger.is_closed() {
                fixture.check();
            }
        }
        fixture.end();
    }
}
