//! Telemetry that is suppressed, by either API, is so for both.

#![allow(clippy::unwrap_used)]

mod common;

use std::thread;

use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use tokio::task::yield_now;
use tracehound::SpanRef;

use common::tracers;

type Start = fn(&tracehound::Tracer, &tracehound_opentelemetry::Tracer, &SpanRef) -> bool;

/// Every way to start a span, and whether there is one then.
const WAYS: [(&str, Start); 8] = [
    ("trace", |native, _, _| native.trace("n").is_some()),
    ("start_span", |native, _, _| native.start_span("n").is_some()),
    ("a builder", |native, _, _| native.span("n").start().is_some()),
    ("a builder with a parent", |native, _, root| {
        native.span("n").child_of(root).start().is_some()
    }),
    ("in_span", |native, _, _| native.in_span("n", |span| span.is_some())),
    ("start", |_, otel, _| otel.start("o").handle().is_some()),
    ("a builder of OpenTelemetry", |_, otel, _| {
        otel.span_builder("o").start(otel).handle().is_some()
    }),
    ("in_span of OpenTelemetry", |_, otel, _| otel.in_span("o", |cx| cx.span().is_recording())),
];

#[test]
fn nothing_starts_in_a_suppressed_scope_of_either_api() {
    let (native, otel, captured) = tracers();
    let root = native.trace("root");
    let all = |expected: bool, place: &str| {
        for (way, start) in WAYS {
            assert_eq!(start(&native, &otel, &root), expected, "{way}, {place}");
        }
        assert_eq!(native.current_span(), Some(root.handle()), "{place}");
    };
    {
        let _off = Context::enter_telemetry_suppressed_scope();
        all(false, "suppressed by OpenTelemetry");
        {
            // What is activated below stays below.
            let _again = root.activate();
            all(false, "suppressed by OpenTelemetry, above");
        }
        let _twice = tracehound::suppress();
        all(false, "suppressed by both");
    }
    {
        let _off = tracehound::suppress();
        all(false, "suppressed natively");
    }
    let before = captured.spans().len();
    all(true, "not suppressed");
    drop(root);
    assert_eq!(before, 0);
    assert_eq!(captured.spans().len(), WAYS.len() + 1);
}

#[test]
fn a_span_that_was_there_before_can_be_changed() {
    let (native, _, captured) = tracers();
    native.in_span("root", |root| {
        let _off = Context::enter_telemetry_suppressed_scope();
        root.set_tag("k", "v");
        root.finish();
    });
    assert_eq!(captured.tree(), "root k=v\n");
}

#[test]
fn suppression_goes_where_its_context_goes() {
    let (native, otel, captured) = tracers();
    let off = Context::current().with_telemetry_suppressed();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let work = async {
            yield_now().await;
            native.in_span("native", |_| ());
            drop(otel.start("otel"));
        };
        // In turns with one that is not suppressed.
        tokio::join!(work.with_context(off.clone()), async {
            yield_now().await;
            native.in_span("beside", |_| ());
        });
    });
    thread::scope(|scope| {
        scope.spawn(|| {
            let _there = off.attach();
            native.in_span("on a thread", |_| ());
        });
    });
    assert_eq!(captured.tree(), "beside\n");
}

/// As with OpenTelemetry's SDK, which asks the context that is the parent.
#[test]
fn a_parent_that_is_not_suppressed_has_children_everywhere() {
    let (_, otel, captured) = tracers();
    let parent = Context::new();
    let _off = Context::enter_telemetry_suppressed_scope();
    drop(otel.start_with_context("otel", &parent));
    assert_eq!(captured.tree(), "internal [otel]\n");
}

#[test]
fn suppression_can_be_asked_for_while_the_context_is_borrowed() {
    let (native, _, captured) = tracers();
    let _off = Context::enter_telemetry_suppressed_scope();
    Context::map_current(|_| assert!(native.span("n").start().is_none()));
    assert!(captured.spans().is_empty());
}
