//! Settings that make no sense are said once, and the tracer works all the same.

#![cfg(feature = "agent")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use std::path::Path;
use std::time::Duration;

use tracehound::config::{Config, Environment};
use tracehound::{Tracer, TracerBuilder};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

/// Where traces go when nothing usable is said.
fn default_url() -> &'static str {
    if Path::new("/var/run/datadog/apm.socket").exists() {
        "unix:///var/run/datadog/apm.socket"
    } else {
        "http://localhost:8126"
    }
}

#[test]
fn an_address_that_is_none_is_said_once_and_not_used() {
    for url in [
        "",
        "localhost:8126",
        "ftp://agent:8126",
        "https://agent:8126",
        "http://",
        "http://agent:70000",
        "http://user:password@agent:8126",
        "http://agent:8126/?query",
        "unix://relative/path",
        "unix:///nul%00",
        "::",
        "\u{0}",
        &"http://x".repeat(10_000),
    ] {
        let said = Said::default();
        let tracer = common::builder(url, &said).build();
        assert_eq!(tracer.agent_url(), Some(default_url()), "{url:.50}");
        let warnings = said.warnings();
        assert_eq!(warnings.len(), 1, "{url:.50}: {warnings:?}");
        assert!(warnings[0].contains("DD_TRACE_AGENT_URL"), "{warnings:?}");
        assert!(!warnings[0].contains("password@"), "{warnings:?}");
        assert!(warnings[0].len() < 500, "a short line");
    }
}

#[test]
fn an_address_that_is_odd_is_used() {
    for (url, used) in [
        (" http://agent ", "http://agent:80"),
        ("HTTP://agent:8126//", "http://agent:8126"),
        ("http://[::1]:8126/a/b/", "http://[::1]:8126/a/b"),
        ("unix:///tmp/no%20such.socket", "unix:///tmp/no%20such.socket"),
    ] {
        let said = Said::default();
        let tracer = common::builder(url, &said).build();
        assert_eq!((tracer.agent_url(), said.warnings().len()), (Some(used), 0), "{url}");
    }
}

/// Builds a tracer with a setting, lets it send a trace, and gives the number of its warnings.
fn warnings(agent: &FaultAgent, setting: fn(TracerBuilder) -> TracerBuilder) -> usize {
    let said = Said::default();
    let before = agent.spans().len();
    let tracer = setting(common::builder(&agent.url(), &said)).build();
    for _ in 0..3 {
        let root = tracer.trace("root");
        root.set_traceback(None);
        tracer.in_span("child", |_| ());
    }
    tracer.flush(LIMIT).unwrap();
    assert_eq!((agent.spans().len() - before, tracer.losses().total()), (6, 0));
    tracer.shutdown(LIMIT).unwrap();
    said.warnings().len()
}

macro_rules! settings {
    ($($name:ident: $warnings:literal of $setting:expr;)*) => {
        $(#[test] fn $name() {
            within(LIMIT, || {
                let agent = FaultAgent::start(scripts::healthy);
                assert_eq!(warnings(&agent, $setting), $warnings);
            });
        })*
    };
}

fn variables(builder: TracerBuilder, pairs: &[(&str, &str)]) -> TracerBuilder {
    builder.environment(Environment::from_pairs(pairs.iter().copied()))
}

settings! {
    no_interval: 1 of |builder| builder.flush_interval(Duration::ZERO);
    an_endless_interval: 1 of |builder| builder.flush_interval(Duration::MAX);
    a_tiny_interval: 0 of |builder| builder.flush_interval(Duration::from_millis(1));
    no_time_for_the_agent: 1 of |builder| builder.agent_timeout(Duration::ZERO);
    endless_time_for_the_agent: 1 of |builder| builder.agent_timeout(Duration::MAX);
    no_buffer: 1 of |builder| builder.buffer_bytes(0);
    a_huge_buffer: 0 of |builder| builder.buffer_bytes(usize::MAX);
    no_payload: 1 of |builder| builder.max_payload_bytes(0);
    a_huge_payload: 1 of |builder| builder.max_payload_bytes(usize::MAX);
    parts_of_nothing: 1 of |builder| builder.partial_flush(Some(0));
    parts_of_one: 0 of |builder| builder.partial_flush(Some(1));
    huge_parts: 1 of |builder| builder.partial_flush(Some(usize::MAX));
    no_parts: 0 of |builder| builder.partial_flush(None);
    no_name: 1 of |builder| builder.service("");
    a_blank_environment: 1 of |builder| builder.env(" ");
    a_tag_without_a_name: 1 of |builder| builder.tag("", "value");
    a_huge_name: 0 of |builder| builder.service("s".repeat(1_000_000));
    no_port: 1 of |builder| builder.agent_port(0);
    variables_of_nonsense: 5 of |builder| variables(builder, &[
        ("DD_TRACE_ENABLED", "perhaps"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "1e400"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "NaN"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "-1"),
        ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "99999999999999999999999"),
    ]);
    no_stacks: 0 of |builder| variables(builder, &[("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "0")]);
}

#[test]
fn a_whole_configuration_takes_the_place_of_the_settings_before() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let config = Config::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .service("configured")
            .traceback_max_frames(usize::MAX)
            .native_span_events(true);
        let tracer = Tracer::builder().service("before").config(config).env("after").build();
        tracer.in_span("span", |span| span.set_traceback(None));
        tracer.flush(LIMIT).unwrap();
        let span = &agent.spans()[0];
        assert_eq!((span.service.as_str(), span.meta("env")), ("configured", Some("after")));
        assert!(span.meta("error.stack").unwrap().lines().count() > 2);
    });
}

#[test]
fn a_wait_without_end_ends_when_the_work_is_done() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        tracer.in_span("span", |_| ());
        tracer.flush(Duration::MAX).unwrap();
        tracer.shutdown(Duration::MAX).unwrap();
        assert_eq!(agent.spans().len(), 1);
    });
}
