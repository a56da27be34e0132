//! Scripts and peers, with the real `ddtrace`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::json;
use tracehound_test_support::TestAgent;
use tracehound_test_support::python::Script;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_script_has_its_arguments_and_variables_and_nobody_elses() {
    let source = "import os, sys; print(sys.argv[1:], os.environ['DD_SERVICE'], \
                  sorted(k for k in os.environ if k.startswith('OTEL_')))";
    let output = Script::new(source).arg("a b").env("DD_SERVICE", "peer").run().ok();
    assert_eq!(output.trim(), "['a b'] peer []");
}

#[test]
fn a_failure_shows_its_traceback() {
    let output = Script::new("def f():\n  raise ValueError('of the script')\nf()").run();
    assert!(!output.status.success());
    assert!(output.stderr.contains("ValueError: of the script"), "{}", output.stderr);
}

#[test]
fn a_script_that_hangs_is_killed() {
    let start = Instant::now();
    let hang = Script::new("import time\nprint('so far', flush=True)\ntime.sleep(600)");
    let panic = message(|| drop(hang.name("hang.py").limit(Duration::from_secs(1)).run()));
    assert!(panic.starts_with("hang.py: not done within 1s; until then:\nso far"), "{panic}");
    assert!(start.elapsed() < LIMIT);
}

#[test]
fn a_peer_answers_call_after_call() {
    let peer = Script::new(
        "calls = []\n\
         def handle(message):\n    print('to stderr')\n    calls.append(message)\n    return calls",
    )
    .serve();
    peer.call(&json!({"text": "ä\n", "number": u64::MAX}));
    let both = peer.call(&json!(null));
    assert_eq!(both, json!([{"text": "ä\n", "number": u64::MAX}, null]));
    peer.stop();
}

#[test]
fn a_peer_that_raises_answers_again() {
    let peer =
        Script::new("def handle(message):\n    return 1 / message").name("divide.py").serve();
    let panic = message(|| drop(peer.call(&json!(0))));
    assert!(
        panic.starts_with("divide.py: Traceback") && panic.contains("ZeroDivisionError"),
        "{panic}"
    );
    assert_eq!(peer.call(&json!(2)), json!(0.5));
}

#[test]
fn a_late_answer_is_not_taken_for_the_next() {
    let source = "import time\ndef handle(message):\n    time.sleep(message)\n    return message";
    let peer = Script::new(source).limit(Duration::from_secs(2)).serve();
    assert_eq!(peer.call(&json!(0)), json!(0));
    assert!(message(|| drop(peer.call(&json!(2.5)))).contains("no answer within 2s"));
    assert_eq!(peer.call(&json!(0.1)), json!(0.1));
}

#[test]
fn a_peer_that_ends_says_how() {
    let peer = Script::new("import sys\nprint('no handle here')\nsys.exit(3)").serve();
    let panic = message(|| drop(peer.call(&json!(1))));
    assert!(panic.contains("has ended") && panic.contains('3'), "{panic}");
}

#[test]
fn the_real_tracer_reports_to_the_real_agent() {
    let agent = TestAgent::start();
    let peer = Script::new(
        "from ddtrace.trace import tracer\n\
         from ddtrace.propagation.http import HTTPPropagator\n\
         def handle(headers):\n\
         \x20   tracer.context_provider.activate(HTTPPropagator.extract(headers))\n\
         \x20   with tracer.trace('peer.work', resource='work') as span:\n\
         \x20       HTTPPropagator.inject(span.context, out := {})\n\
         \x20   return out",
    )
    .env("DD_TRACE_AGENT_URL", agent.url())
    .env("DD_SERVICE", "peer")
    .serve();
    let headers = json!({"x-datadog-trace-id": "7", "x-datadog-parent-id": "8",
        "x-datadog-sampling-priority": "2"});
    let injected = peer.call(&headers);
    assert_eq!(injected["x-datadog-trace-id"], "7");
    peer.stop(); // which flushes
    let traces = agent.wait_for_spans(1, LIMIT);
    let span = &traces[0][0];
    assert_eq!((span.trace_id, span.parent_id), (7, 8));
    assert_eq!([&span.service, &span.name, &span.resource], ["peer", "peer.work", "work"]);
    assert_eq!(injected["x-datadog-parent-id"], span.span_id.to_string());
    agent.assert_no_check_failures();
}

/// The message of the panic in `act`.
fn message(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}
