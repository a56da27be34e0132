//! Programs that end without a shutdown of the provider: what their exporter holds back arrives.

#![allow(clippy::disallowed_methods, reason = "a program is told by a variable that it is one")]

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::process::Command;
use tracehound_opentelemetry::SpanExporter;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use super::support::LIMIT;

const IS_PROGRAM: &str = "IS_PROGRAM";

/// The program, which the tests start; nothing where it was started as a test.
#[test]
fn program() {
    if std::env::var_os(IS_PROGRAM).is_none() {
        return;
    }
    let exporter = SpanExporter::builder().build();
    let builder = SdkTracerProvider::builder().with_sampler(exporter.sampler());
    let provider = builder.with_simple_exporter(exporter.clone()).build();
    let tracer = provider.tracer("");
    // It does not end, so that the exporter waits with the others, for ten seconds. Not active: what is in the
    // context of a thread at its end is dropped there, where a simple processor of the SDK panics.
    let root = Context::new().with_span(tracer.start("root"));
    for name in ["first", "second"] {
        drop(tracer.start_with_context(name, &root));
    }
    std::process::exit(0);
}

/// Whether the program ended well, and what it said.
fn run(url: &str) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "exit::program", "--nocapture"]).env(IS_PROGRAM, "1");
    command.env("DD_TRACE_AGENT_URL", url).env("DD_SERVICE", "program");
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_the_exporter_holds_back_is_sent_at_the_end_of_the_process() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let (is_well, said) = run(&agent.url());
        assert!(is_well, "{said}");
        let mut names: Vec<_> = agent.spans().into_iter().map(|span| span.resource).collect();
        names.sort();
        assert_eq!(names, ["first", "second"], "{said}");
    });
}

#[test]
fn what_cannot_be_sent_then_is_said() {
    within(LIMIT, || {
        let (is_well, said) = run("http://127.0.0.1:1");
        assert!(is_well, "{said}");
        assert!(said.contains("lost 2 spans (agent_unreachable)"), "{said}");
    });
}
