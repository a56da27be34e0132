//! On serverless platforms a trace is sent before the thread that ended it goes on, and to where somebody takes it.
//!
//! Each program is this file again, started with its name and the variables of a platform. It is stopped as a platform
//! stops a process: without a word, so that nothing is sent at its end.

#![cfg_attr(not(unix), allow(dead_code, unused_imports))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing
)]

mod common;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;
use tracehound::Tracer;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply};

use common::programs::{self, Ended, run};

const LAMBDA: (&str, &str) = ("AWS_LAMBDA_FUNCTION_NAME", "checkout");

// ===== the programs =====

const PROGRAMS: &[programs::Named] = &[
    ("answers_a_request", || answers_a_request(&tracer(None))),
    ("waits_although_no_platform_asks", || answers_a_request(&tracer(Some(true)))),
    ("does_not_wait", || answers_a_request(&tracer(Some(false)))),
    ("ends_children_only", ends_children_only),
];

/// A tracer that sends by itself only after a long time.
fn tracer(flush_on_root_end: Option<bool>) -> Tracer {
    let builder = Tracer::builder().flush_interval(Duration::from_secs(3600));
    match flush_on_root_end {
        Some(wanted) => builder.flush_on_root_end(wanted).build(),
        None => builder.build(),
    }
}

fn answers_a_request(tracer: &Tracer) {
    let start = Instant::now();
    tracer.in_span("request", |_| tracer.in_span("step", |_| ()));
    eprintln!("took {}", start.elapsed().as_millis());
    stop();
}

/// Its agent never answers, and the deadline is a minute.
fn ends_children_only() {
    let tracer = tracer(None);
    let root = tracer.trace("request");
    for _ in 0..100 {
        tracer.in_span("step", |_| ());
    }
    std::mem::forget(root);
    stop();
}

/// As the platform does it.
fn stop() {
    std::process::abort();
}

/// How long ending the request took.
fn took(ended: &Ended) -> Duration {
    let line = ended.said.lines().find_map(|line| line.strip_prefix("took "));
    Duration::from_millis(line.expect(&ended.said).parse().unwrap())
}

/// The names of the spans in lines of JSON.
fn written(ended: &Ended) -> Vec<String> {
    let mut names = Vec::new();
    for line in ended.told.lines() {
        let line: Value = serde_json::from_str(line).expect(line);
        for span in line["traces"].as_array().unwrap().iter().flat_map(|of| of.as_array().unwrap())
        {
            names.push(span["name"].as_str().unwrap().to_owned());
        }
    }
    names
}

/// The names of the spans that the agent got.
fn arrived(agent: &FaultAgent) -> Vec<String> {
    agent.spans().into_iter().map(|span| span.name).collect()
}

// ===== the tests =====

const TESTS: &[programs::Named] = &[
    ("without_an_agent_a_lambda_writes_lines_of_json", || {
        let ended = run("answers_a_request", &[LAMBDA]);
        assert_eq!(written(&ended), ["request", "step"], "{}", ended.said);
    }),
    ("with_an_agent_it_is_sent_there_before_the_request_ends", || {
        let both = [("GCP_PROJECT", "p"), ("FUNCTION_NAME", "f")];
        for platform in [&[LAMBDA][..], &both] {
            let agent = FaultAgent::start(scripts::healthy);
            let url = agent.url();
            // Long enough for a busy machine: it is over as soon as the agent has answered.
            let own =
                [("DD_TRACE_AGENT_URL", &*url), ("DD_APM_FLUSH_DEADLINE_MILLISECONDS", "30000")];
            let ended = run("answers_a_request", &[platform, &own].concat());
            assert_eq!(arrived(&agent), ["request", "step"], "{}", ended.said);
            assert_eq!(ended.told, "");
        }
    }),
    ("a_collector_is_used_where_it_was_asked_for", || {
        let collector = FaultAgent::start(|_| Reply::json(&serde_json::json!({})));
        let url = collector.url();
        let own = [
            LAMBDA,
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
            ("DD_APM_FLUSH_DEADLINE_MILLISECONDS", "30000"),
        ];
        let ended = run("answers_a_request", &own);
        assert_eq!(collector.requests_to("/v1/traces").len(), 1, "{}", ended.said);
        assert_eq!(ended.told, "");
    }),
    ("nobody_waits_longer_than_the_deadline", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let url = agent.url();
        for (milliseconds, least) in [("300", 300), ("0", 0)] {
            let own = [
                LAMBDA,
                ("DD_TRACE_AGENT_URL", &*url),
                ("DD_APM_FLUSH_DEADLINE_MILLISECONDS", milliseconds),
            ];
            let took = took(&run("answers_a_request", &own));
            assert!(took >= Duration::from_millis(least), "{took:?}");
            assert!(took < Duration::from_secs(5), "{took:?}");
        }
    }),
    ("only_the_end_of_a_local_root_is_waited_for", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let url = agent.url();
        let own = [
            LAMBDA,
            ("DD_TRACE_AGENT_URL", &*url),
            ("DD_APM_FLUSH_DEADLINE_MILLISECONDS", "60000"),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "10"),
        ];
        // A single wait would take longer than any program may.
        run("ends_children_only", &own);
    }),
    ("code_has_the_last_word", || {
        let agent = FaultAgent::start(scripts::healthy);
        let url = agent.url();
        let own = [("DD_TRACE_AGENT_URL", &*url), ("DD_APM_FLUSH_DEADLINE_MILLISECONDS", "30000")];
        run("does_not_wait", &[&[LAMBDA][..], &own].concat());
        assert_eq!(arrived(&agent), [""; 0]);
        run("waits_although_no_platform_asks", &own);
        assert_eq!(arrived(&agent), ["request", "step"]);
    }),
    ("elsewhere_nobody_waits", || {
        let agent = FaultAgent::start(scripts::healthy);
        let url = agent.url();
        let ended = run("answers_a_request", &[("DD_TRACE_AGENT_URL", &*url)]);
        assert_eq!((arrived(&agent), ended.told.as_str()), (vec![], ""));
    }),
];

fn main() -> ExitCode {
    programs::main(PROGRAMS, TESTS)
}
