//! Traces and texts that are large: divided, sent in time, and lost only where a single span is too large.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::{Arc, Barrier};

use serde_json::json;
use tracehound::{LossReason, Tracer};
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, Span, within};

use common::{LIMIT, Said};

const TRACES: &str = "/v0.4/traces";

/// The largest request so far.
fn largest(agent: &FaultAgent) -> usize {
    agent.requests_to(TRACES).iter().map(|request| request.body.len()).max().unwrap()
}

/// Asserts that the agent has the spans of these numbers, each once, and gives all of its spans.
#[track_caller]
fn assert_numbers(agent: &FaultAgent, expected: impl Iterator<Item = u32>) -> Vec<Span> {
    let spans = agent.spans();
    let mut numbers: Vec<f64> = spans.iter().filter_map(|span| span.metric("number")).collect();
    numbers.sort_by(f64::total_cmp);
    assert!(numbers.into_iter().eq(expected.map(f64::from)), "each once");
    spans
}

/// One trace whose steps are all open at once.
fn fan_out(tracer: &Tracer, steps: u32) {
    let root = tracer.trace("request");
    let steps: Vec<_> = (0..steps)
        .map(|number| {
            let step = tracer.span("step").child_of(&root).start();
            step.set_metric("number", f64::from(number));
            step
        })
        .collect();
    steps.into_iter().for_each(|step| step.finish());
}

#[test]
fn a_fan_out_beyond_the_largest_payload_is_delivered_whole() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default())
            .max_payload_bytes(400_000)
            .buffer_bytes(200_000_000)
            .build();
        fan_out(&tracer, 20_000);
        tracer.flush(LIMIT).unwrap();
        let spans = assert_numbers(&agent, 0..20_000);
        assert_eq!(spans.len(), 20_001);
        assert!(largest(&agent) <= 400_000);
        assert_eq!(tracer.losses().total(), 0);
        // What is said once for each chunk is said for each part of it.
        for request in agent.requests_to(TRACES) {
            for chunk in request.chunks() {
                assert_eq!(chunk[0].metric("_sampling_priority_v1"), Some(1.0));
                assert_eq!(chunk[0].meta("language"), Some("rust"));
            }
        }
    });
}

#[test]
fn only_a_span_that_alone_is_too_large_is_lost_and_said_by_name() {
    within(LIMIT, || {
        let said = Said::default();
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &said).max_payload_bytes(100_000).build();
        {
            let _root = tracer.trace("request");
            for number in 0..40u32 {
                let step = tracer.span("step").resource("SELECT 1").start();
                step.set_metric("number", f64::from(number));
                let texts = if number == 17 { 8 } else { 1 };
                for text in 0..texts {
                    step.set_tag(format!("text.{text}"), "x".repeat(20_000));
                }
            }
        }
        assert!(tracer.flush(LIMIT).unwrap_err().is_undelivered());
        assert_numbers(&agent, (0..40).filter(|number| *number != 17));
        assert!(largest(&agent) <= 100_000);
        assert_eq!(tracer.losses().to_string(), "1 span lost: 1 too_large");
        let lines = said.warnings();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(r#"span "step" (resource "SELECT 1") takes 16"#), "{lines:?}");
        assert!(lines[0].contains("100000"), "{lines:?}");
    });
}

/// The largest request to an agent that says that it takes so much.
fn largest_where_the_agent_says(max_request_bytes: u64) -> usize {
    let agent = FaultAgent::start(move |request: &Received| match request.path.as_str() {
        "/info" => Reply::json(&json!({
            "endpoints": ["/v0.4/traces"],
            "config": {"max_request_bytes": max_request_bytes},
        })),
        _ => scripts::healthy(request),
    });
    let tracer = common::builder(&agent.url(), &Said::default()).max_payload_bytes(200_000).build();
    // What is said comes with the first delivery, and holds for a trace and for many.
    tracer.span("first").start().finish();
    tracer.flush(LIMIT).unwrap();
    fan_out(&tracer, 1_000);
    for number in 1_000..2_000 {
        let span = tracer.span("numbered").root().start();
        span.set_metric("number", f64::from(number));
    }
    tracer.flush(LIMIT).unwrap();
    assert_numbers(&agent, 0..2_000);
    assert_eq!(tracer.losses().total(), 0);
    largest(&agent)
}

#[test]
fn what_the_agent_says_it_takes_holds_where_it_is_less_than_what_is_set() {
    within(LIMIT, || {
        let largest = largest_where_the_agent_says(50_000);
        assert!((25_000..=50_000).contains(&largest), "{largest}");
        for more in [0, 3, 25_000_000, u64::MAX] {
            let largest = largest_where_the_agent_says(more);
            assert!((100_000..=200_000).contains(&largest), "{more}: {largest}");
        }
    });
}

/// Traces of one span with a text of ten kilobytes, numbered.
fn large_texts(tracer: &Tracer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let span = tracer.span("numbered").root().start();
        span.set_metric("number", f64::from(number));
        span.set_tag("fill", "0123456789".repeat(1_000));
    }
}

#[test]
fn few_spans_with_large_texts_are_sent_before_the_room_is_full() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer =
            common::builder(&agent.url(), &Said::default()).buffer_bytes(4_000_000).build();
        // A quarter of the room at a time, and nobody asks for a flush.
        for round in 0..8 {
            large_texts(&tracer, round * 100..(round + 1) * 100);
            agent.wait_for(LIMIT, |requests| {
                let traces = requests.iter().filter(|request| request.path == TRACES);
                let spans: usize = traces.map(|request| request.chunks().concat().len()).sum();
                spans > round as usize * 100
            });
        }
        tracer.flush(LIMIT).unwrap();
        assert_numbers(&agent, 0..800);
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn what_fits_into_the_room_is_not_lost_while_an_agent_that_is_well_takes_its_time() {
    within(LIMIT, || {
        let (is_there, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (there, going) = (Arc::clone(&is_there), Arc::clone(&go_on));
        let first = std::sync::Once::new();
        let agent = FaultAgent::start(move |request| {
            if request.path == TRACES {
                first.call_once(|| {
                    there.wait();
                    going.wait();
                });
            }
            scripts::healthy(request)
        });
        let tracer = common::builder(&agent.url(), &Said::default())
            .buffer_bytes(4_000_000)
            .agent_timeout(LIMIT)
            .build();
        large_texts(&tracer, 0..60);
        is_there.wait();
        // With what is on its way, nearly all of the room; and then more than there is.
        large_texts(&tracer, 60..300);
        assert_eq!(tracer.losses().total(), 0);
        large_texts(&tracer, 300..600);
        let refused = tracer.losses().spans(LossReason::QueueFull);
        assert!(refused > 0);
        go_on.wait();
        tracer.flush(LIMIT).unwrap();
        let losses = tracer.losses();
        assert_eq!((losses.total(), losses.spans(LossReason::QueueFull)), (refused, refused));
        assert_eq!(agent.spans().len() as u64 + refused, 600, "{losses}");
    });
}
