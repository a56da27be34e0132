//! What is written while the agent reads: payloads in parts, and nothing lost or sent twice between them.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use tracehound::{SpanEvent, Tracer};
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const TRACES: &str = "/v0.4/traces";

/// Traces of one span, numbered.
fn make(tracer: &Tracer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let span = tracer.span("numbered").start();
        span.set_metric("number", f64::from(number));
        span.set_tag("fill", "0123456789".repeat(10));
    }
}

fn assert_each_came_once(agent: &FaultAgent, spans: u32) {
    let mut numbers: Vec<f64> =
        agent.spans().iter().filter_map(|span| span.metric("number")).collect();
    numbers.sort_by(f64::total_cmp);
    assert_eq!(numbers, (0..spans).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn what_a_flush_waits_for_goes_in_parts_and_in_order() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        make(&tracer, 0..10_000);
        tracer.flush(LIMIT).unwrap();
        let requests = agent.requests_to(TRACES);
        assert!(requests.len() > 4, "{} requests", requests.len());
        let largest = requests.iter().map(|request| request.body.len()).max().unwrap();
        assert!(largest <= 1024 * 1024, "{largest} bytes");
        let firsts: Vec<f64> = requests
            .iter()
            .map(|request| request.chunks()[0][0].metric("number").unwrap())
            .collect();
        assert!(firsts.is_sorted(), "{firsts:?}");
        assert_each_came_once(&agent, 10_000);
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn a_part_that_is_not_taken_at_first_is_sent_again_before_the_next_one() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::first(1, Reply::status(503)));
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        make(&tracer, 0..5_000);
        tracer.flush(LIMIT).unwrap();
        let requests = agent.requests_to(TRACES);
        let chunks = requests[0].chunks();
        assert!(chunks.starts_with(&requests[1].chunks()));
        let taken = requests[1..].iter().flat_map(|request| request.chunks().concat());
        let numbers: Vec<f64> = taken.map(|span| span.metric("number").unwrap()).collect();
        assert_eq!(numbers, (0..5_000).map(f64::from).collect::<Vec<_>>(), "each once, in order");
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn what_finishes_while_a_payload_is_on_its_way_is_there_at_the_end() {
    within(LIMIT, || {
        let (is_sent, answer) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (sent, answered) = (Arc::clone(&is_sent), Arc::clone(&answer));
        let first = std::sync::Once::new();
        let agent = FaultAgent::start(move |request| {
            if request.path == TRACES {
                first.call_once(|| {
                    sent.wait();
                    answered.wait();
                });
            }
            scripts::healthy(request)
        });
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        // Enough to wake the worker, and once more.
        make(&tracer, 0..4_000);
        is_sent.wait();
        make(&tracer, 4_000..9_000);
        std::thread::scope(|scope| {
            let end = scope.spawn(|| tracer.shutdown(LIMIT));
            answer.wait();
            end.join().unwrap().unwrap();
        });
        assert_each_came_once(&agent, 9_000);
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn events_wait_for_what_the_agent_says_of_itself() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|request: &Received| match request.path.as_str() {
            "/info" => scripts::healthy(request).after(Duration::from_millis(100)),
            _ => scripts::healthy(request),
        });
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        make(&tracer, 0..500);
        let span = tracer.span("eventful").start();
        span.add_event(SpanEvent::new("event"));
        drop(span);
        make(&tracer, 500..1_000);
        tracer.flush(LIMIT).unwrap();
        assert_eq!(agent.requests()[0].path, "/info");
        let spans = agent.spans();
        let eventful = spans.iter().find(|span| span.name == "eventful").unwrap();
        assert_eq!((eventful.span_events.len(), eventful.meta("events")), (1, None));
        assert_each_came_once(&agent, 1_000);
    });
}
