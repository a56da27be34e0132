//! What spans may hold: however much a program sets, each call takes about as long, memory has a bound, and what is
//! refused is counted and said once.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::type_complexity)]

mod common;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tracehound::{
    LossReason, Sampler, SamplingDecision, SamplingMechanism, SamplingPriority, SpanEvent, SpanId,
    SpanLink, SpanRef, SpanView, TraceId, Tracer,
};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

const AWAY: &str = "http://127.0.0.1:1";

fn link(number: u64) -> SpanLink {
    SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(number + 1).unwrap())
}

/// A MessagePack document of so many bytes: one text.
fn document(bytes: u16) -> Vec<u8> {
    let head = [&[0xda][..], &(bytes - 3).to_be_bytes()].concat();
    [head, vec![b'x'; usize::from(bytes) - 3]].concat()
}

/// One call of each kind, of which there are many.
const CALLS: [(&str, fn(&SpanRef, u64)); 7] = [
    ("links", |span, number| span.add_link(link(number))),
    ("events", |span, _| span.add_event(SpanEvent::new("e"))),
    ("baggage", |span, number| span.set_baggage_item(format!("k{number}"), "v")),
    ("structured tags", |span, number| span.set_struct_bytes(format!("k{number}"), vec![0xc0])),
    ("tags", |span, number| span.set_tag(format!("k{number}"), number)),
    ("removed tags", |span, number| {
        span.set_tag(format!("k{number}"), "v");
        span.remove_tag(&format!("k{number}"));
    }),
    ("looks between changes", |span, number| {
        span.set_tag(format!("k{number}"), number);
        assert!(span.metric(&format!("k{number}")).is_some());
    }),
];

/// The least of some measurements, which is the one with the fewest disturbances.
fn least(tracer: &Tracer, count: u64, call: fn(&SpanRef, u64)) -> Duration {
    let measure = |_| {
        let span = tracer.start_span("batch");
        let start = Instant::now();
        (0..count).for_each(|number| call(&span, number));
        start.elapsed()
    };
    (0..5).map(measure).min().unwrap()
}

#[test]
fn each_call_takes_as_long_however_many_there_were() {
    within(LIMIT, || {
        let tracer = common::builder(AWAY, &Said::default()).build();
        for (what, call) in CALLS {
            let (few, many) = (least(&tracer, 1_000, call), least(&tracer, 9_000, call));
            // 9 times as long if each takes the same, and 81 if each walks over those before it: a second, where this is
            // not optimised. What memory costs at first comes in steps.
            assert!(
                many < few * 45 + Duration::from_millis(150),
                "{what}: {few:?} for 1,000, {many:?} for 9,000"
            );
        }
    });
}

/// A chain of spans that have all finished, the last of them active: who is asked for the current span walks up.
#[test]
fn a_long_chain_of_finished_spans_is_walked_once() {
    within(LIMIT, || {
        let tracer = common::builder(AWAY, &Said::default()).partial_flush(None).build();
        let root = tracer.start_span("root");
        let mut last = root.handle();
        for _ in 0..20_000 {
            let next = tracer.span("step").child_of(&last).start();
            last = next.handle();
        }
        let _active = tracer.activate(&last);
        for _ in 0..20_000 {
            assert_eq!(tracer.current_span().as_ref(), Some(&*root));
        }
    });
}

/// Says that it was asked, and answers when it may go on.
struct Waits {
    begun: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Waits {
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let ((begun, has_begun), (may_go_on, go_on)) = (channel(), channel());
        (Waits { begun, go_on: Mutex::new(go_on) }, has_begun, may_go_on)
    }
}

impl Sampler for Waits {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        let _ = self.begun.send(());
        // An error, at once, when nobody keeps it back any more.
        let _ = self.go_on.lock().unwrap().recv();
        SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT)
    }
}

#[test]
fn all_that_finished_spans_hold_counts_while_they_wait() {
    within(LIMIT, || {
        const EACH: usize = 100_000;
        let big = || "x".repeat(EACH);
        let cases: [(&str, &dyn Fn(&SpanRef)); 9] = [
            ("an attribute of a link", &|span| span.add_link(link(1).attribute("k", big()))),
            ("a key of a link's attribute", &|span| span.add_link(link(1).attribute(big(), "v"))),
            ("the name of an event", &|span| span.add_event(SpanEvent::new(big()))),
            ("a structured tag", &|span| span.set_struct_bytes("k", vec![0xc0; EACH])),
            ("a service", &|span| span.set_service(big())),
            ("a resource", &|span| span.set_resource(big())),
            ("an error", &|span| span.set_error_message(big())),
            ("a shared text", &|span| span.set_tag("k", std::sync::Arc::<str>::from(big()))),
            ("baggage", &|span| {
                span.set_baggage_item("a", "x".repeat(EACH / 2));
            }),
        ];
        for (what, fill) in cases {
            let (sampler, begun, go_on) = Waits::new();
            let builder = common::builder(AWAY, &Said::default()).sampler(sampler);
            let builder = builder.flush_interval(Duration::from_millis(1));
            let tracer = builder.buffer_bytes(20 * EACH).build();
            let fill_some = |spans| (0..spans).for_each(|_| fill(&tracer.start_span("r")));
            // The worker takes one, and no more until the sampler has answered.
            fill_some(1);
            begun.recv_timeout(LIMIT / 2).unwrap();
            fill_some(60);
            let lost = tracer.losses().spans(LossReason::QueueFull);
            assert!((15..60).contains(&lost), "{what}: lost {lost}");
            assert_eq!(tracer.losses().total(), lost);
            drop(go_on);
        }
    });
}

#[test]
fn a_trace_that_is_never_finished_refuses_what_is_too_much() {
    within(LIMIT, || {
        const MOST: usize = 1_000_000;
        let calls: [(&str, &dyn Fn(&SpanRef, usize)); 6] = [
            ("tags", &|span, number| span.set_tag(format!("key.{number}"), "x".repeat(1_000))),
            ("short tags", &|span, number| span.set_tag(format!("k{number}"), number)),
            ("events", &|span, _| span.add_event(SpanEvent::new("x".repeat(1_000)))),
            ("links", &|span, number| {
                span.add_link(link(number as u64).attribute("k", "x".repeat(1_000)));
            }),
            ("structured tags", &|span, number| {
                span.set_struct_bytes(format!("k{}", number % 120), document(10_000));
            }),
            ("resources", &|span, number| span.set_resource("x".repeat(number * 100))),
        ];
        for (what, call) in calls {
            let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
            let tracer = common::builder(&agent.url(), &said).buffer_bytes(MOST).build();
            let root = tracer.start_span("root");
            root.set_tag("first", "x".repeat(100));
            for number in 0..50_000 {
                call(&root, number);
            }
            // What makes it smaller is never refused, nor is what takes no room.
            root.set_tag("first", "y");
            root.set_error(&std::fmt::Error);
            assert_eq!(root.tag("first").as_deref(), Some("y"));
            assert!(root.is_error());
            let refused = root.metric("tracehound.refused_changes").unwrap();
            assert!((1.0..50_000.0).contains(&refused), "{what}: {refused}");
            let lines = said.warnings();
            assert_eq!(lines.len(), 1, "{what}: {lines:?}");
            assert!(lines[0].contains("holds more than 1000000 bytes"), "{what}: {lines:?}");
            drop(root);
            let _ = tracer.flush(LIMIT);
            let delivered = agent.spans().len() as u64;
            assert_eq!(delivered + tracer.losses().total(), 1, "{what}");
        }
    });
}

#[test]
fn what_has_finished_is_sent_when_it_is_much() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let tracer = common::builder(&agent.url(), &said).build();
        let root = tracer.start_span("root");
        // Twice what an open trace may hold, in fewer spans than make a part of a trace.
        for number in 0..200 {
            let child = tracer.span("child").child_of(&*root).start();
            child.set_tag("k", "x".repeat(200_000));
            if number % 20 == 19 {
                tracer.flush(LIMIT).unwrap();
            }
        }
        assert!(agent.spans().len() > 100, "{}", agent.spans().len());
        drop(root);
        tracer.flush(LIMIT).unwrap();
        assert_eq!(
            (agent.spans().len(), tracer.losses().total()),
            (201, 0),
            "{:?}",
            said.warnings()
        );
    });
}
