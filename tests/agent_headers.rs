//! What is asked of the agent, and with which headers.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const TRACES: &str = "/v0.4/traces";

/// Sends a payload of so many traces.
fn send(tracer: &Tracer, traces: usize) {
    for _ in 0..traces {
        tracer.span("web.request").start().finish();
    }
    tracer.flush(LIMIT).unwrap();
}

fn paths(agent: &FaultAgent) -> Vec<String> {
    agent.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

/// Every header of a request in lower case, without those of the container, which not every machine has.
fn headers(request: &Received) -> Vec<(String, String)> {
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .filter(|(name, _)| name != "datadog-container-id" && name != "datadog-entity-id")
        .collect();
    headers.sort();
    headers
}

#[test]
fn a_payload_says_what_it_is_and_who_sends_it() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        send(&tracer, 3);

        let request = &agent.requests_to(TRACES)[0];
        assert_eq!((request.method.as_str(), request.chunks().len()), ("POST", 3));
        let host = agent.url().replace("http://", "");
        let length = request.body.len().to_string();
        let headers = headers(request);
        let version = headers.iter().find(|(name, _)| name == "datadog-meta-lang-version");
        let version = version.map(|(_, version)| version.as_str()).unwrap();
        assert!(version.starts_with("1."), "of the compiler: {version}");
        let expected = [
            ("content-length", length.as_str()),
            ("content-type", "application/msgpack"),
            ("datadog-client-computed-top-level", "true"),
            ("datadog-meta-lang", "rust"),
            ("datadog-meta-lang-interpreter", "rustc"),
            ("datadog-meta-lang-version", version),
            ("datadog-meta-tracer-version", env!("CARGO_PKG_VERSION")),
            ("datadog-rates-payload-version", "0"),
            ("datadog-send-real-http-status", "1"),
            ("host", host.as_str()),
            ("x-datadog-trace-count", "3"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        // Each once, and no transfer encoding.
        assert_eq!(headers, expected);
    });
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_a_host_without_a_name() {
    within(LIMIT, || {
        let agent = FaultAgent::start_unix(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        send(&tracer, 1);
        assert_eq!(agent.requests_to(TRACES)[0].header("Host"), Some("localhost"));
    });
}

#[test]
fn the_agent_is_asked_what_it_can_do_before_the_first_payload() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        agent.wait_for_requests_to("/info", 1, LIMIT);
        send(&tracer, 1);
        send(&tracer, 1);
        let paths = paths(&agent);
        let (asked, sent) = paths.split_at(paths.len() - 2);
        assert_eq!(sent, ["POST /v0.4/traces", "POST /v0.4/traces"]);
        // Who flushes does not wait for an answer: it may be asked for again.
        assert!(asked.len() <= 2 && asked.iter().all(|path| path == "GET /info"), "{asked:?}");
        let info = headers(&agent.requests()[0]);
        let names: Vec<&str> = info.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "datadog-meta-lang",
            "datadog-meta-lang-interpreter",
            "datadog-meta-lang-version",
            "datadog-meta-tracer-version",
            "host",
        ];
        assert_eq!(names, expected);
    });
}

#[test]
fn an_agent_that_has_changed_is_asked_again() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        let with_state = |state: &'static str| {
            move |request: &Received| scripts::healthy(request).header("Datadog-Agent-State", state)
        };
        // The question of the start may have been answered before there was a state: an agent that does not change is
        // asked no more in the end.
        let send_until_not_asked = || while send_and_count_asked(&tracer, &agent) > 0 {};
        agent.answer(with_state("one"));
        send_until_not_asked();
        assert_eq!(send_and_count_asked(&tracer, &agent), 0);

        agent.answer(with_state("two"));
        let before = paths(&agent).len();
        send(&tracer, 1);
        send(&tracer, 1);
        assert_eq!(paths(&agent)[before..][..2], ["POST /v0.4/traces", "GET /info"]);
        send_until_not_asked();
        assert_eq!(send_and_count_asked(&tracer, &agent), 0);
    });
}

/// Sends two payloads and returns how often the agent was asked what it can do from the first one's arrival on to the
/// second's.
fn send_and_count_asked(tracer: &Tracer, agent: &FaultAgent) -> usize {
    let before = agent.requests_to(TRACES).len();
    send(tracer, 1);
    send(tracer, 1);
    let paths = paths(agent);
    let mut sent = (0..paths.len()).filter(|at| paths[*at] != "GET /info").skip(before);
    let (first, second) = (sent.next().unwrap(), sent.next().unwrap());
    second - first - 1
}

#[test]
fn one_connection_serves_all_requests() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        // A flush cuts the question of the start short, and with it that connection.
        send(&tracer, 1);
        let connections = agent.accepted_connections();
        for _ in 0..20 {
            send(&tracer, 1);
        }
        assert_eq!(agent.requests_to(TRACES).len(), 21);
        assert_eq!(agent.accepted_connections(), connections);
    });
}

#[test]
fn the_path_of_the_url_stays_before_every_other() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|_| Reply::ok());
        let url = format!("{}/proxy/agent/", agent.url());
        let tracer = common::builder(&url, &Said::default()).build();
        send(&tracer, 1);
        let mut paths = paths(&agent);
        // Who flushes does not wait for an answer: it may be asked for again.
        paths.dedup();
        assert_eq!(paths, ["GET /proxy/agent/info", "POST /proxy/agent/v0.4/traces"]);
        assert_eq!(tracer.agent_url(), Some(url.trim_end_matches('/')));
    });
}

#[test]
fn the_version_of_the_rates_goes_back_to_the_agent() {
    const VERSION: &str = "Datadog-Rates-Payload-Version";
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        let rates = |version: &'static str| {
            move |_: &Received| Reply::rates(&[("service:,env:", 0.5)]).header(VERSION, version)
        };
        let said = |agent: &FaultAgent| {
            let last: Arc<Received> = Arc::clone(agent.requests_to(TRACES).last().unwrap());
            last.header(VERSION).map(str::to_owned).unwrap()
        };
        agent.answer(rates("first"));
        send(&tracer, 1);
        assert_eq!(said(&agent), "0");
        send(&tracer, 1);
        assert_eq!(said(&agent), "first");
        agent.answer(|_| Reply::invalid_json().header(VERSION, "broken"));
        send(&tracer, 2);
        agent.answer(rates("second"));
        send(&tracer, 1);
        assert_eq!(said(&agent), "first", "rates that were not read are asked for again");
        send(&tracer, 1);
        assert_eq!(said(&agent), "second");
    });
}

#[test]
fn the_external_environment_is_passed_on() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let header = |value: &str| {
            let said = Said::default();
            let environment = Environment::from_pairs([("DD_EXTERNAL_ENV", value)]);
            let tracer = common::builder(&agent.url(), &said).environment(environment).build();
            send(&tracer, 1);
            let request = Arc::clone(agent.requests_to(TRACES).last().unwrap());
            (request.header("Datadog-External-Env").map(str::to_owned), said.warnings().len())
        };
        assert_eq!(header("it-false,cn-app,pu-7"), (Some("it-false,cn-app,pu-7".to_owned()), 0));
        assert_eq!(header("a\nb"), (None, 1), "what no header can carry is left out, and said");
    });
}
