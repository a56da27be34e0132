//! With debugging on, a tracer says what it started with, what it decided, and what it sent where with which answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracehound::config::Environment;
use tracehound::{LogLevel, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

fn traced(agent: &FaultAgent, debug: bool) -> Vec<String> {
    let said = Said::default();
    let pairs = [("DD_ENV", "prod"), ("DD_TRACE_SAMPLE_RATE", "0")];
    let tracer = Tracer::builder()
        .environment(Environment::from_pairs(pairs))
        .service("shop")
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .debug(debug)
        .log(said.listener())
        .build();
    tracer.in_span("web.request", |span| {
        span.set_resource("GET /cart");
        tracer.in_span("db.query", |_| ());
    });
    let _ = tracer.flush(LIMIT);
    said.lines(LogLevel::Debug)
}

#[test]
fn it_says_what_it_does_where_all_is_well() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let lines = traced(&agent, true);
        let one = |start: &str| {
            let found: Vec<_> = lines.iter().filter(|line| line.starts_with(start)).collect();
            assert_eq!(found.len(), 1, "{start}: {lines:#?}");
            found[0]
        };
        let started = one("started");
        assert!(started.contains("service \"shop\" (code), env \"prod\" (env_var)"), "{started}");
        assert!(started.contains(&format!("agent {} (code)", agent.url())), "{started}");
        let decided = one("trace ");
        let expected = "(\"GET /cart\" of \"shop\") is dropped: priority -1 by a rule";
        assert!(decided.contains(expected), "{decided}");
        let sent = one("sent 2 spans in 1 chunks, ");
        let to = format!("bytes, to {}/v0.4/traces in ", agent.url());
        assert!(sent.contains(&to) && sent.contains(": accepted"), "{sent}");
    });
}

#[test]
fn it_says_what_the_agent_answered() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|_| Reply::status(400));
        let lines = traced(&agent, true);
        assert!(
            lines.iter().any(|line| line.ends_with("answered 400 Bad Request, dropped")),
            "{lines:#?}"
        );
    });
}

/// A line about the trace of a line would be about a trace again.
#[test]
fn a_log_function_that_traces_has_no_trace_of_its_own() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let own: Arc<OnceLock<Tracer>> = Arc::default();
        let of_the_log = Arc::clone(&own);
        let builder = Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .debug(true)
            .log(move |_, _| drop(of_the_log.get().map(|tracer| tracer.trace("line"))));
        let tracer = own.get_or_init(|| builder.build());
        for _ in 0..3 {
            tracer.in_span("work", |_| ());
            tracer.flush(LIMIT).unwrap();
            tracehound::testing::wait_for_lines();
        }
        tracer.flush(LIMIT).unwrap();
        let spans = agent.spans();
        assert!(spans.iter().all(|span| span.name == "work") && spans.len() == 3, "{spans:#?}");
    });
}

#[test]
fn it_says_nothing_of_it_unasked() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        assert_eq!(traced(&agent, false), [""; 0]);
    });
}
