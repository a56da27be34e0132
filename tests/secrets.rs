//! A password that is in a setting is in nothing that the library shows: lines, reports, debug output.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use tracehound::config::{Config, Environment};
use tracehound::{LogLevel, Tracer};

use common::{LIMIT, Said};

const SECRET: &str = "hunter2";

/// As people write addresses with a password, well and badly, and as long as they like.
fn addresses() -> Vec<String> {
    let long = "x".repeat(100);
    let mut addresses: Vec<String> = [
        "http://user:hunter2@host:8126",
        "https://hunter2@host",
        "ftp://user:hunter2@ho st/",
        "http://user:hun/hunter2?@host",
        "http://user:a@hunter2@host#",
        "key:https://user:hunter2@host/a.git,other:x",
        "key=https://user:hunter2@host/a.git",
        r#"[{"service": "http://user:hunter2@host", "sample_rate": "http://user:hunter2@host"}]"#,
        r#"{"a": "http://user:hunter2@host"}"#,
        r#"["http://user:hunter2@host"]"#,
    ]
    .map(str::to_owned)
    .into();
    addresses.push(format!("http://user:hunter2{long}@host"));
    addresses
}

/// Those of OpenTelemetry that are read.
const OTEL: [&str; 16] = [
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOG_LEVEL",
    "OTEL_PROPAGATORS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
];

/// All that is shown where a variable has this value, and in code the address of the agent.
fn shown(name: &str, value: &str, in_code: Option<&str>) -> String {
    let environment = Environment::from_pairs([(name, value)]);
    let said = Said::default();
    let mut builder = Tracer::builder()
        .environment(environment.clone())
        .debug(true)
        .flush_interval(Duration::from_secs(3600))
        .log(said.listener());
    let mut config = Config::builder().environment(environment);
    if let Some(url) = in_code {
        builder = builder.agent_url(url.to_owned());
        config = config.agent_url(url.to_owned());
    }
    let mut shown = format!("{builder:?} {config:?}");
    let config = config.build();
    shown += &format!("{config:?} {0} {0:?} {1:?}", config.report(), config.problems());
    shown += &format!("{:?}", config.report().rows());
    let tracer = builder.build();
    shown += &format!("{tracer:?} {:?} {:?}", tracer.agent_url(), tracer.config());
    tracer.shutdown(LIMIT).unwrap();
    for level in [LogLevel::Warn, LogLevel::Info, LogLevel::Debug] {
        shown += &said.lines(level).join("\n");
    }
    shown
}

#[test]
fn a_password_in_a_setting_is_nowhere() {
    let empty = Config::builder().environment(Environment::empty()).build();
    let names: Vec<&str> = empty.report().iter().map(|row| row.name()).chain(OTEL).collect();
    assert!(names.len() > 60, "{}", names.len());
    for address in addresses() {
        assert!(address.contains(SECRET));
        for name in &names {
            let shown = shown(name, &address, None);
            assert!(!shown.contains(SECRET), "{name}={address}: {shown}");
        }
        let shown = shown("DD_SERVICE", "shop", Some(&address));
        assert!(!shown.contains(SECRET), "agent_url({address:?}): {shown}");
    }
}

#[test]
fn a_password_without_a_scheme_is_not_shown_where_an_address_belongs() {
    for name in ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_GIT_REPOSITORY_URL"] {
        let shown = shown(name, "user:hunter2@host:8126", Some("user:hunter2@host"));
        assert!(!shown.contains(SECRET), "{name}: {shown}");
    }
}

#[test]
fn what_is_wrong_with_a_long_value_is_told_in_a_short_line() {
    let long = "x".repeat(10_000);
    let empty = Config::builder().environment(Environment::empty()).build();
    for row in empty.report() {
        let environment = Environment::from_pairs([(row.name(), long.as_str())]);
        let config = Config::builder().environment(environment).build();
        for problem in config.problems() {
            assert!(problem.to_string().len() < 400, "{problem}");
        }
    }
}
