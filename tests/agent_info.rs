//! What the agent can do is asked before anything is sent, by nobody who would have to wait for it.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const INFO: &str = "/info";

fn tracer(agent: &FaultAgent) -> Tracer {
    let guarded = Environment::from_pairs([("DD_TRACE_ORG_GUARD_ENABLED", "true")]);
    // A request that nobody answers would last.
    let long = Duration::from_secs(600);
    let builder = common::builder(&agent.url(), &Said::default()).environment(guarded);
    builder.agent_timeout(long).build()
}

/// Of an organisation that has a marker.
fn marked(request: &Received) -> Reply {
    if request.path != INFO {
        return scripts::healthy(request);
    }
    let mut info = scripts::info();
    info["org_prop_marker"] = json!("0123456789");
    Reply::json(&info)
}

fn silent(request: &Received) -> Reply {
    if request.path == INFO { Reply::hang() } else { scripts::healthy(request) }
}

/// Waits until headers name the organisation: nothing else is done by the program.
fn wait_for_marker(tracer: &Tracer) {
    let start = Instant::now();
    loop {
        let mut headers = HashMap::<String, String>::new();
        tracer.in_span("root", |_| tracer.inject(&mut headers));
        if headers.values().any(|value| value.contains("0123456789")) {
            return;
        }
        assert!(start.elapsed() < LIMIT / 2, "{headers:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn headers_know_the_organisation_before_anything_is_sent() {
    within(LIMIT, || {
        let agent = FaultAgent::start(marked);
        let tracer = tracer(&agent);
        wait_for_marker(&tracer);
        assert_eq!(agent.requests_to(INFO).len(), 1);
    });
}

#[test]
fn a_program_that_traces_nothing_asks_once() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer(&agent);
        agent.wait_for_requests_to(INFO, 1, LIMIT);
        for _ in 0..3 {
            tracer.flush(LIMIT).unwrap();
        }
        tracer.shutdown(LIMIT).unwrap();
        // A flush that came while it was being asked does not wait for that.
        assert!(agent.requests().len() <= 2, "{:?}", agent.requests());
    });
}

#[test]
fn an_agent_that_comes_later_is_asked_then() {
    within(LIMIT, || {
        let agent = FaultAgent::start(marked);
        agent.refuse();
        let tracer = tracer(&agent);
        agent.accept();
        wait_for_marker(&tracer);
        assert_eq!(agent.requests_to(INFO).len(), 1);
    });
}

#[test]
fn an_agent_that_comes_back_is_asked_again() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer(&agent);
        agent.wait_for_requests_to(INFO, 1, LIMIT);
        tracer.trace("before").finish();
        tracer.flush(LIMIT).unwrap();
        agent.refuse();
        tracer.trace("while it is away").finish();
        assert!(tracer.flush(LIMIT).is_err());
        agent.answer(marked);
        agent.accept();
        tracer.flush(LIMIT).unwrap();
        wait_for_marker(&tracer);
    });
}

#[test]
fn nobody_waits_for_an_agent_that_does_not_say() {
    within(LIMIT, || {
        let agent = FaultAgent::start(silent);
        let tracer = tracer(&agent);
        agent.wait_for_requests_to(INFO, 1, LIMIT);
        tracer.flush(LIMIT).unwrap();
        tracer.shutdown(LIMIT).unwrap();
    });
}

#[test]
fn a_program_without_tracing_connects_to_nobody() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).enabled(false).build();
        tracer.trace("root").finish();
        tracer.flush(LIMIT).unwrap();
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(agent.accepted_connections(), 0);
    });
}
