//! Every Rust snippet of the READMEs is a program that ends well, whatever the settings are, and the spans that it
//! makes arrive.
//!
//! Each is this file again, started with the snippet's name.

#![allow(
    unreachable_pub,
    unused,
    clippy::all,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "the snippets are what users write"
)]

#[path = "../../../tests/common/programs.rs"]
mod programs;

use std::process::ExitCode;
use std::time::Duration;

use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

include!(concat!(env!("OUT_DIR"), "/snippets.rs"));

/// No wait is longer.
const LIMIT: Duration = Duration::from_secs(120);
/// An address that nobody listens at.
const NOBODY: &str = "http://127.0.0.1:1";

/// What arrives of each README with no other setting, in the order of its snippets.
const ARRIVES: &[(&str, &[&str])] = &[
    ("root_1", &["db.query", "web.request"]),
    ("root_2", &["readmes::root_2::load"]),
    ("root_3", &["web.request"]),
    ("root_4", &["internal"]),
    ("root_5", &["internal"]),
    ("root_6", &["internal"]),
    ("root_7", &["charge"]),
    ("opentelemetry_1", &["card.check", "internal"]),
    ("opentelemetry_2", &["internal"]),
    ("opentelemetry_3", &["internal"]),
    ("opentelemetry_4", &["internal"]),
    ("opentracing_1", &["cart.price", "checkout"]),
    ("opentracing_2", &["charge"]),
];

/// Beside an agent that is not there.
const SETTINGS: &[&[(&str, &str)]] = &[
    &[],
    &[("DD_TRACE_ENABLED", "false")],
    &[("DD_TRACE_OTEL_ENABLED", "false")],
    &[("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")],
    &[("DD_TRACE_DEBUG", "true"), ("DD_TRACE_SAMPLE_RATE", "0")],
    &[
        ("DD_SERVICE", " "),
        ("DD_TAGS", "::,,"),
        ("DD_TRACE_ENABLED", "perhaps"),
        ("DD_TRACE_OTEL_ENABLED", "perhaps"),
        ("DD_TRACE_DEBUG", "perhaps"),
        ("DD_TRACE_SAMPLE_RATE", "many"),
        ("DD_TRACE_SAMPLING_RULES", "[{"),
        ("DD_TRACE_PROPAGATION_STYLE", "pigeon"),
        ("DD_TRACE_AGENT_URL", "not an address"),
        ("DD_AGENT_HOST", "a b"),
        ("DD_TRACE_AGENT_PORT", "-1"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "many"),
        ("OTEL_RESOURCE_ATTRIBUTES", "%%%"),
    ],
];

fn no_snippet_fails_under_any_setting() {
    for settings in SETTINGS {
        let settings = [&[("DD_TRACE_AGENT_URL", NOBODY)], *settings].concat();
        for (name, _) in SNIPPETS {
            let ended = programs::run(name, &settings);
            assert_eq!(ended.code, Some(0), "{name} with {settings:?}: {}", ended.said);
            assert!(!ended.said.contains("panicked"), "{name} with {settings:?}: {}", ended.said);
        }
    }
}

fn what_a_snippet_makes_arrives() {
    for (name, _) in SNIPPETS {
        let agent = FaultAgent::start(scripts::healthy);
        let ended = programs::run(name, &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""), "{name}");
        let mut names: Vec<String> = agent.spans().into_iter().map(|span| span.name).collect();
        names.sort();
        let expected = ARRIVES.iter().find(|(of, _)| of == name).map(|(_, spans)| *spans);
        assert_eq!(names, expected.unwrap_or_default(), "{name}");
    }
}

/// A README that is written in another way must not leave nothing to run.
fn there_are_snippets_of_each() {
    let count = |readme: &str| SNIPPETS.iter().filter(|(name, _)| name.starts_with(readme)).count();
    let readmes = ["root_", "opentelemetry_", "opentracing_", "opentracing_rs_"];
    assert_eq!(readmes.map(count), [7, 5, 8, 5]);
    for (name, _) in ARRIVES {
        assert!(SNIPPETS.iter().any(|(other, _)| other == name), "{name}");
    }
}

const TESTS: &[programs::Named] = &[
    ("there_are_snippets_of_each", there_are_snippets_of_each),
    ("no_snippet_fails_under_any_setting", no_snippet_fails_under_any_setting),
    ("what_a_snippet_makes_arrives", what_a_snippet_makes_arrives),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--program") {
        let name = arguments.next().unwrap();
        return SNIPPETS.iter().find(|(other, _)| *other == name).unwrap().1();
    }
    programs::main(&[], TESTS)
}
