//! What the span context of a span says, before and after the trace has been decided on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::sync::Barrier;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanContext, TraceContextExt as _, TraceFlags, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{SamplingMechanism, SamplingPriority};
use tracehound_opentelemetry::{Span, Tracer, TracerProvider, decided_span_context};
use tracehound_test_support::within;

use common::tracers;

const LIMIT: Duration = Duration::from_secs(60);

/// The parts of the member `dd`; empty where there is none.
fn dd(context: &SpanContext) -> HashMap<String, String> {
    let member = context.trace_state().get("dd").unwrap_or_default();
    let part =
        |part: &str| part.split_once(':').map(|(key, value)| (key.to_owned(), value.to_owned()));
    member.split(';').filter_map(part).collect()
}

#[track_caller]
fn says(context: &SpanContext, priority: &str, mechanism: &str) {
    let dd = dd(context);
    assert_eq!(context.is_sampled(), !["0", "-1"].contains(&priority), "{context:?}");
    assert_eq!(dd.get("s").map(String::as_str), Some(priority), "{context:?}");
    assert_eq!(dd.get("t.dm").map(String::as_str), Some(mechanism), "{context:?}");
    assert_eq!(dd["p"], context.span_id().to_string(), "{context:?}");
    assert!(!context.is_remote());
}

fn remote(flags: TraceFlags, state: &str) -> Context {
    remote_with(flags, state.parse().unwrap())
}

fn remote_with(flags: TraceFlags, state: TraceState) -> Context {
    let context = SpanContext::new(77.into(), 88.into(), flags, true, state);
    Context::new().with_remote_span_context(context)
}

type Decide = fn(&tracehound::Tracer, &Span);

#[test]
fn a_span_context_follows_the_decision_whoever_takes_it() {
    let ways: [(&str, Decide, &str, &str); 6] = [
        ("kept by hand", |_, span| span.handle().keep_trace(), "2", "-4"),
        ("dropped by hand", |_, span| span.handle().drop_trace(), "-1", "-4"),
        (
            "dropped by an attribute",
            |native, _| native.current_span().unwrap().set_tag("manual.drop", true),
            "-1",
            "-4",
        ),
        (
            "headers written natively",
            |native, span| native.inject_span(span.handle(), &mut HashMap::new()),
            "-1",
            "-3",
        ),
        (
            "headers written through OpenTelemetry",
            |native, _| {
                TracerProvider::new(native.clone()).propagator().inject(&mut HashMap::new());
            },
            "-1",
            "-3",
        ),
        (
            "a link",
            |native, span| native.span("linked").root().start().link_to(span.handle()),
            "-1",
            "-3",
        ),
    ];
    for (way, decide, priority, mechanism) in ways {
        let (native, otel, captured) = tracers();
        captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
        let span = otel.start("span");
        let _active = span.handle().activate();
        let before = span.span_context();
        assert!(before.is_sampled() && dd(before).is_empty(), "{way}: {before:?}");
        decide(&native, &span);
        says(span.span_context(), priority, mechanism);
        assert!(before.is_sampled(), "{way}: what was given out does not change");
        // A child that starts now says so at once, and a context that it is put into.
        says(otel.start("child").span_context(), priority, mechanism);
        otel.in_span("child", |cx| says(cx.span().span_context(), priority, mechanism));
    }
}

#[test]
fn a_decision_that_changes_is_followed_back_and_forth() {
    let (_, otel, _) = tracers();
    let span = otel.start("span");
    let first: *const SpanContext = span.span_context();
    span.handle().keep_trace();
    says(span.span_context(), "2", "-4");
    let kept: *const SpanContext = span.span_context();
    span.handle().drop_trace();
    says(span.span_context(), "-1", "-4");
    span.handle().keep_trace();
    says(span.span_context(), "2", "-4");
    assert!(std::ptr::eq(span.span_context(), kept), "one for each decision");
    assert!(!std::ptr::eq(first, kept));
}

#[test]
fn a_span_context_can_be_asked_for_after_the_end() {
    let (_, otel, captured) = tracers();
    let mut span = otel.start("span");
    span.handle().drop_trace();
    span.end();
    says(span.span_context(), "-1", "-4");
    assert_eq!(captured.spans().len(), 1);
}

#[test]
fn threads_that_ask_at_once_are_told_the_same() {
    let (_, otel, _) = tracers();
    let span = otel.start("span");
    span.handle().keep_trace();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| says(span.span_context(), "2", "-4"));
        }
    });
}

#[test]
fn a_decision_taken_while_a_span_starts_is_followed() {
    within(LIMIT, || {
        let (_, otel, _) = tracers();
        let parents = [
            Context::new(),
            remote(TraceFlags::SAMPLED, "vendor=1"),
            remote(TraceFlags::SAMPLED, "dd=s:2;t.dm:-4,vendor=1"),
        ];
        for round in 0..3000 {
            let root = otel.start_with_context("root", &parents[round % parents.len()]);
            let handle = root.handle().clone();
            let cx = Context::new().with_span(root);
            let barrier = Barrier::new(2);
            let child = std::thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    handle.drop_trace();
                });
                barrier.wait();
                otel.start_with_context("child", &cx)
            });
            says(child.span_context(), "-1", "-4");
        }
    });
}

#[test]
fn a_decision_that_changes_while_a_thread_asks_is_followed() {
    within(LIMIT, || {
        let (_, otel, _) = tracers();
        for _ in 0..10_000 {
            let span = otel.start("span");
            let handle = span.handle().clone();
            handle.keep_trace();
            let barrier = Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    handle.drop_trace();
                    handle.keep_trace();
                });
                barrier.wait();
                let _ = span.span_context();
            });
            says(span.span_context(), "2", "-4");
        }
    });
}

#[test]
fn asking_takes_no_decision() {
    let (_, otel, _) = tracers();
    let span = otel.start("span");
    assert!(span.span_context().is_sampled());
    assert_eq!(span.handle().sampling_decision(), None);
}

#[test]
fn the_decided_context_of_what_is_active_takes_the_decision() {
    let (native, otel, captured) = tracers();
    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    otel.in_span("otel", |cx| {
        assert!(cx.span().span_context().is_sampled(), "a copy made at the activation");
        says(&decided_span_context(&cx), "-1", "-3");
        native.in_span("native", |_| says(&Context::map_current(decided_span_context), "-1", "-3"));
        native.current_span().unwrap().keep_trace();
        says(&decided_span_context(&cx), "2", "-4");
    });
}

#[test]
fn the_decided_context_of_what_is_elsewhere_is_its_own() {
    let parent = remote(TraceFlags::SAMPLED, "vendor=1,dd=s:2");
    assert_eq!(decided_span_context(&parent), *parent.span().span_context());
    assert!(!decided_span_context(&Context::new()).is_valid());
}

#[test]
fn other_vendors_and_what_came_in_stay_in_the_trace_state() {
    let (_, otel, _) = tracers();
    let parent = remote(TraceFlags::SAMPLED, "dd=s:2;o:rum;t.usr:u;t.dm:-4,vendor=1");
    let span = otel.start_with_context("span", &parent);
    let cx = Context::new().with_span(span);
    let context = decided_span_context(&cx);
    says(&context, "2", "-4");
    assert_eq!(context.trace_state().get("vendor"), Some("1"));
    assert_eq!((dd(&context)["o"].as_str(), dd(&context)["t.usr"].as_str()), ("rum", "u"));
}

/// A tracer for which the flags of a remote parent are no decision.
fn without_apm() -> Tracer {
    let environment = Environment::from_pairs([("DD_APM_TRACING_ENABLED", "false")]);
    let builder = tracehound::Tracer::builder().environment(environment).service("test");
    TracerProvider::new(builder.capture(&Captured::default()).build()).tracer("")
}

#[test]
fn another_vendors_member_stays_at_every_level_whatever_is_decided() {
    let vendors = "vendor=1".parse::<TraceState>().unwrap();
    let empty = vendors.delete("vendor").unwrap();
    assert_ne!(empty, TraceState::NONE, "there, and empty");
    for (state, vendor) in [(vendors, Some("1")), (empty, None)] {
        for (otel, is_decided) in [(tracers().1, true), (without_apm(), false)] {
            let parent = remote_with(TraceFlags::SAMPLED, state.clone());
            let outer = otel.start_with_context("outer", &parent);
            let handle = outer.handle().clone();
            assert_eq!(handle.priority().is_some(), is_decided);
            let is_first = |span: &Span| {
                let context = span.span_context();
                assert!(context.is_sampled());
                if is_decided {
                    assert_eq!(dd(context)["s"], "1");
                    assert_eq!(dd(context)["p"], context.span_id().to_string());
                    assert_eq!(context.trace_state().get("vendor"), vendor);
                } else {
                    assert_eq!(context.trace_state(), &state);
                }
            };
            is_first(&outer);
            let cx = Context::new().with_span(outer);
            let inner = otel.start_with_context("inner", &cx);
            is_first(&inner);
            assert_eq!(handle.priority().is_some(), is_decided, "asking takes no decision");

            handle.drop_trace();
            let has_both = |context: &SpanContext| {
                says(context, "-1", "-4");
                assert_eq!(context.trace_state().get("vendor"), vendor, "{is_decided}");
            };
            has_both(&decided_span_context(&cx));
            has_both(inner.span_context());
            // Below a copy from before the decision, and below one from after it.
            has_both(otel.start_with_context("late", &cx).span_context());
            let cx = Context::new().with_span(inner);
            has_both(otel.start_with_context("later", &cx).span_context());
        }
    }
}

/// A program whose headers OpenTelemetry's own propagator reads and writes.
#[test]
fn below_a_trace_state_with_our_member_every_span_has_its_own() {
    let (_, otel, _) = tracers();
    let propagator = TraceContextPropagator::new();
    let incoming = HashMap::from([
        (
            "traceparent".to_owned(),
            "00-00000000000000000000000000000001-0000000000000002-01".to_owned(),
        ),
        ("tracestate".to_owned(), "dd=s:2;p:0000000000000002;o:rum;t.dm:-4".to_owned()),
    ]);
    let _upstream = propagator.extract(&incoming).attach();
    otel.in_span("server", |_| {
        otel.in_span("client", |cx| {
            says(cx.span().span_context(), "2", "-4");
            let mut headers = HashMap::new();
            propagator.inject(&mut headers);
            assert_eq!(headers["tracestate"], cx.span().span_context().trace_state().header());
            assert!(headers["traceparent"].ends_with("-01"));
        });
    });
}

#[test]
fn our_member_is_not_handed_on_where_nothing_is_decided() {
    let (native, otel, _) = tracers();
    let undecided = native.start_span("root");
    let _active = undecided.activate();
    let stray = "dd=s:2;p:00000000000000ff,vendor=1".parse::<TraceState>().unwrap();
    let copy = Context::current().span().span_context().clone();
    let copy = SpanContext::new(copy.trace_id(), copy.span_id(), copy.trace_flags(), false, stray);
    let child = otel.start_with_context("child", &Context::new().with_remote_span_context(copy));
    assert_eq!(child.span_context().trace_state().header(), "vendor=1");
}

#[test]
fn a_span_context_of_a_span_that_does_not_exist_is_its_parents() {
    let (_, otel, _) = tracers();
    let parent = remote(TraceFlags::SAMPLED, "vendor=1");
    let _off = tracehound::suppress();
    let span = otel.start_with_context("none", &parent);
    assert_eq!(span.span_context(), parent.span().span_context());
    assert!(!span.is_recording());
}
