//! More spans than the agent takes: bounded memory, counted losses, and nobody waits.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::{Duration, Instant};

use tracehound::{LossReason, Tracer};
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const TRACES: &str = "/v0.4/traces";

/// Answers `/info`, and nothing else.
fn hanging(request: &Received) -> Reply {
    if request.path == "/info" { scripts::healthy(request) } else { Reply::hang() }
}

/// A tracer whose worker waits for the agent, which has got one span.
fn stuck(agent: &FaultAgent, said: &Said, buffer_bytes: usize) -> Tracer {
    let tracer = common::builder(&agent.url(), said)
        .buffer_bytes(buffer_bytes)
        .agent_timeout(LIMIT)
        .flush_interval(Duration::from_millis(20))
        .build();
    tracer.span("first").start().finish();
    agent.wait_for_requests_to(TRACES, 1, LIMIT);
    tracer
}

/// Traces of one span with so many bytes of tags, numbered.
fn make(tracer: &Tracer, traces: u32, bytes: usize) {
    for number in 0..traces {
        let span = tracer.span("more").start();
        span.set_metric("number", f64::from(number));
        span.set_tag("fill", "x".repeat(bytes));
    }
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_them() {
    within(LIMIT, || {
        const BUFFER: usize = 100_000;
        let said = Said::default();
        let agent = FaultAgent::start(hanging);
        let tracer = stuck(&agent, &said, BUFFER);
        make(&tracer, 1_000, 1_000);
        let dropped = tracer.losses().spans(LossReason::QueueFull);
        assert_eq!(tracer.losses().total(), dropped);
        let kept = 1_000 - usize::try_from(dropped).unwrap();
        assert!((BUFFER / 3_000..=BUFFER / 1_000).contains(&kept), "{kept} kept");
        assert_eq!(said.warnings().len(), 1, "{:?}", said.warnings());
        assert!(said.warnings()[0].contains("queue_full"));

        agent.answer(scripts::healthy);
        agent.drop_connections();
        tracer.flush(LIMIT).unwrap();
        let arrived = agent.spans();
        let mut numbers: Vec<f64> =
            arrived.iter().filter_map(|span| span.metric("number")).collect();
        numbers.sort_by(f64::total_cmp);
        assert_eq!(numbers.len(), kept);
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "each once: {numbers:?}");
        // What the worker writes meanwhile takes less room, so that some later ones fit as well.
        let oldest = (0..20).map(f64::from);
        assert!(oldest.eq(numbers.iter().take(20).copied()), "the oldest were kept: {numbers:?}");
        assert_eq!(tracer.losses().total(), dropped);
    });
}

#[test]
fn threads_that_finish_spans_never_wait_for_the_agent() {
    within(LIMIT, || {
        let agent = FaultAgent::start(hanging);
        let tracer = stuck(&agent, &Said::default(), 50_000);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| make(&tracer, 2_500, 100));
            }
        });
        // Far above what they need, and far below what the agent takes.
        assert!(start.elapsed() < LIMIT / 4, "{:?}", start.elapsed());
        assert!(tracer.losses().spans(LossReason::QueueFull) > 9_000);
        agent.answer(scripts::healthy);
        agent.drop_connections();
        tracer.flush(LIMIT).unwrap();
        assert_eq!(agent.requests_to(TRACES)[0].chunks().len(), 1);
        let first = agent.spans().iter().filter(|span| span.name == "first").count();
        let arrived = u64::try_from(agent.spans().len() - first).unwrap();
        assert_eq!(arrived + tracer.losses().total(), 10_000, "every span is accounted for");
    });
}

#[test]
fn later_payloads_tell_the_share_that_was_kept() {
    within(LIMIT, || {
        let agent = FaultAgent::start(hanging);
        let tracer = stuck(&agent, &Said::default(), 10_000);
        make(&tracer, 500, 1_000);
        assert!(tracer.losses().spans(LossReason::QueueFull) > 400);
        agent.answer(scripts::healthy);
        agent.drop_connections();
        let rates = |requests: &[std::sync::Arc<Received>]| -> Vec<f64> {
            let traces = requests.iter().filter(|request| request.path == TRACES);
            let chunks = traces.flat_map(|request| request.chunks());
            chunks.map(|chunk| chunk[0].metric("_dd.tracer_kr").unwrap()).collect()
        };
        let told = loop {
            tracer.span("later").start().finish();
            tracer.flush(LIMIT).unwrap();
            let rates = rates(&agent.requests());
            match rates.iter().position(|rate| *rate < 1.0) {
                Some(place) => break rates[place],
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        // One window of ten, in which all but about ten of five hundred were dropped.
        assert!((0.9..0.92).contains(&told), "{told}");
        // When the bad window is ten back, all is well again.
        loop {
            tracer.span("later").start().finish();
            tracer.flush(LIMIT).unwrap();
            if rates(&agent.requests()).last() == Some(&1.0) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn what_waits_for_an_agent_that_is_away_is_bounded_and_the_oldest_go() {
    within(LIMIT, || {
        let said = Said::default();
        let agent = FaultAgent::start(scripts::healthy);
        agent.refuse();
        let tracer = common::builder(&agent.url(), &said).buffer_bytes(100_000).build();
        for round in 0..20 {
            // A few: finished spans take more room than encoded ones, and most of it is what waits for the agent.
            make(&tracer, 5, 1_000);
            let span = tracer.span("round").start();
            span.set_metric("round", f64::from(round));
            drop(span);
            let _ = tracer.flush(LIMIT);
        }
        let lost = tracer.losses();
        assert_eq!(lost.total(), lost.spans(LossReason::AgentUnreachable));
        agent.accept();
        tracer.flush(LIMIT).unwrap();
        let sent: usize = agent.requests_to(TRACES).iter().map(|request| request.body.len()).sum();
        assert!((60_000..=75_000).contains(&sent), "{sent} bytes were kept");
        let spans = agent.spans();
        let rounds: Vec<f64> = spans.iter().filter_map(|span| span.metric("round")).collect();
        assert_eq!(rounds.last(), Some(&19.0));
        assert!(rounds.is_sorted() && rounds[0] > 5.0, "{rounds:?}");
        assert_eq!(u64::try_from(spans.len()).unwrap() + lost.total(), 20 * 6);
    });
}

#[test]
fn a_trace_larger_than_the_queue_is_sent_all_the_same() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).buffer_bytes(1_000).build();
        make(&tracer, 1, 20_000);
        tracer.flush(LIMIT).unwrap();
        assert_eq!((agent.spans().len(), tracer.losses().total()), (1, 0));
    });
}
