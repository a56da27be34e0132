//! docs/migrating.md cannot rot: its code is that of programs that compile, and what it says arrives is what
//! Datadog's own test agent receives from them.
//!
//! Each program is this file again, started with its name, so that its global provider is its own.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../examples/from_datadog_opentelemetry.rs"]
mod from_datadog_opentelemetry;
#[path = "../../examples/from_opentelemetry_datadog.rs"]
mod from_opentelemetry_datadog;
#[path = "../../examples/from_opentelemetry_otlp.rs"]
mod from_opentelemetry_otlp;
mod guide;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../../tests/common/programs.rs"]
mod programs;

use std::process::ExitCode;
use std::time::Duration;

use tracehound_test_support::span::tree;
use tracehound_test_support::{Span, TestAgent};

/// More than any of it takes.
const LIMIT: Duration = Duration::from_secs(120);

const PROGRAMS: [programs::Named; 3] = [
    ("from-opentelemetry-datadog", || from_opentelemetry_datadog::main().unwrap()),
    ("from-datadog-opentelemetry", || from_datadog_opentelemetry::main().unwrap()),
    ("from-otlp-export", || from_opentelemetry_otlp::main().unwrap()),
];

const TESTS: [programs::Named; 6] = [
    ("what_the_guide_says_arrives", what_the_guide_says_arrives),
    ("what_is_not_kept_arrives_with_its_priority", what_is_not_kept_arrives_with_its_priority),
    ("its_code_is_compiled", guide::its_code_is_compiled),
    ("instrumented_code_stays", guide::instrumented_code_stays),
    ("its_dependencies_are_these", guide::its_dependencies_are_these),
    ("its_settings_exist", guide::its_settings_exist),
];

fn main() -> ExitCode {
    programs::main(&PROGRAMS, &TESTS)
}

/// Runs a program, and takes the two spans of its trace.
fn arrived_of(program: &str, agent: &TestAgent, settings: &[(&str, &str)]) -> [Span; 2] {
    let url = agent.url();
    let settings = [&[("DD_TRACE_AGENT_URL", &*url)], settings].concat();
    let ended = programs::run(program, &settings);
    assert_eq!((ended.code, &*ended.said), (Some(0), ""), "{program}");
    let mut traces = agent.wait_for_spans(2, LIMIT);
    assert_eq!(traces.len(), 1, "{program}");
    agent.assert_no_check_failures();
    traces.remove(0).try_into().unwrap()
}

fn what_is_not_kept_arrives_with_its_priority() {
    for (program, _) in PROGRAMS {
        let agent = TestAgent::start();
        let [server, _] = arrived_of(program, &agent, &[("DD_TRACE_SAMPLE_RATE", "0")]);
        assert_eq!(server.metric("_sampling_priority_v1"), Some(-1.0), "{program}");
    }
}

fn what_the_guide_says_arrives() {
    for (program, _) in PROGRAMS {
        let agent = TestAgent::start();
        let trace = arrived_of(program, &agent, &[]);
        assert_eq!(tree(&trace), guide::tree_of(program));
        let [server, query] = &trace;
        assert_ne!(server.full_trace_id() >> 64, 0, "{program}");
        for (span, tag, value) in [
            (server, "env", "prod"),
            (server, "version", "1.4"),
            (server, "http.status_code", "503"),
            (query, "error.message", "deadlock detected"),
            (query, "db.system.name", "postgresql"),
        ] {
            assert_eq!(span.meta(tag), Some(value), "{program}: {tag}");
        }
        assert_eq!(server.metric("_sampling_priority_v1"), Some(1.0), "{program}");
        assert_eq!(server.metric("_dd.top_level"), Some(1.0), "{program}");
    }
}
