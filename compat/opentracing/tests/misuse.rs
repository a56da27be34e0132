//! What is done in the wrong order or too late has no effect, and breaks nothing.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime};

use opentracing_rs::mock::MockTracer;
use opentracing_rs::{Format, SpanContext};
use tracehound::config::Environment;
use tracehound_opentracing::{Tracer, native_context, native_span};

use common::tracers;

#[test]
fn a_span_is_finished_once_and_does_not_change_after() {
    let (tracer, _, captured) = tracers();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let span = tracer.build_span("one").start_time(start).start();
    span.finish_at(start + Duration::from_secs(2));
    span.finish();
    span.finish_at(start + Duration::from_secs(9));
    span.set_operation_name("two").set_tag("late", 1).log_event("late");
    let one = captured.span("one");
    assert_eq!(one.start_ns, 1_700_000_000_000_000_000);
    assert_eq!(one.duration, Duration::from_secs(2));
    assert!(one.metrics.is_empty() && one.events.is_empty());
    assert_eq!(captured.spans().len(), 1);
}

#[test]
fn an_end_before_the_start_is_no_duration() {
    let (tracer, _, captured) = tracers();
    let now = SystemTime::now();
    tracer.build_span("one").start_time(now).start().finish_at(now - Duration::from_secs(5));
    assert_eq!(captured.span("one").duration, Duration::ZERO);
}

#[test]
fn of_two_scopes_of_one_span_the_outer_one_cannot_end_it() {
    let (tracer, _, captured) = tracers();
    let outer = tracer.start_active_span("one");
    let inner = outer.span().activate();
    let span = outer.span().clone();
    outer.close();
    assert!(captured.spans().is_empty(), "it is active still");
    assert_eq!(tracer.active_span().unwrap().context().span_id(), span.context().span_id());
    inner.close();
    assert!(tracer.active_span().is_none());
    span.finish();
    assert_eq!(captured.tree(), "one\n");
}

#[test]
fn scopes_closed_in_any_order_leave_nothing_behind() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let (tracer, _, captured) = tracers();
        let mut scopes = ["a", "b", "c"].map(|name| Some(tracer.start_active_span(name)));
        let spans: Vec<_> = scopes.iter().flatten().map(|scope| scope.span().clone()).collect();
        for place in order {
            scopes.get_mut(place).unwrap().take().unwrap().close();
        }
        assert!(tracer.active_span().is_none(), "{order:?}");
        spans.iter().rev().for_each(opentracing_rs::Span::finish);
        assert_eq!(captured.tree(), "a\n  b\n    c\n", "{order:?}");
    }
}

#[test]
fn a_span_of_another_tracer_does_not_become_active() {
    let (tracer, native, captured) = tracers();
    let mock = MockTracer::new();
    let foreign = mock.tracer().start_span("foreign");
    assert!(native_span(&foreign).is_none() && native_context(&foreign.context()).is_empty());
    let outer = tracer.start_active_span("own");
    let scope = tracer.scope_manager().activate(&foreign, true);
    assert_eq!(native.current_span(), native_span(outer.span()));
    scope.close();
    assert_eq!(mock.finished_spans().len(), 1, "it is finished, as was asked");
    outer.close();
    assert_eq!(captured.tree(), "own\n");
}

#[test]
fn where_tracing_is_off_the_trace_goes_on_below() {
    let (tracer, native, captured) = tracers();
    let headers = |context: &SpanContext| {
        let mut headers: Vec<(String, String)> = Vec::new();
        tracer.inject(context, Format::TextMap, &mut headers).unwrap();
        headers
    };
    let outer = tracer.start_active_span("outer");
    outer.set_baggage_item("a", "1");
    {
        let _off = tracehound::suppress();
        let inside = tracer.start_active_span("unwanted");
        inside.set_tag("k", 1).set_baggage_item("b", "2").log_event("e");
        assert_eq!(inside.context().span_id(), outer.context().span_id());
        assert_eq!(headers(&inside.context()), headers(&outer.context()));
        let parent = native_context(&inside.context());
        assert_eq!(native.context().span(), parent.span());
        assert_eq!(tracer.active_span().unwrap().context().span_id(), outer.context().span_id());
    }
    outer.close();
    assert_eq!(captured.tree(), "outer\n");
}

#[test]
fn without_a_native_tracer_nothing_happens() {
    let tracer = Tracer::new(tracehound::Tracer::none());
    let scope = tracer.start_active_span("one");
    scope.set_tag("k", 1).set_baggage_item("a", "1").log_event("e");
    assert!(scope.context().is_empty() && tracer.active_span().is_none());
    let mut headers: Vec<(String, String)> = Vec::new();
    tracer.inject(&scope.context(), Format::TextMap, &mut headers).unwrap();
    assert!(headers.is_empty());
    assert!(tracer.extract(Format::TextMap, &[("traceparent", "x")]).unwrap().is_none());
    assert_eq!(tracer.log_correlation_context().trace_id, "0");
    scope.close();
}

#[test]
fn a_disabled_tracer_passes_contexts_on() {
    let captured = tracehound::testing::Captured::default();
    let native = tracehound::Tracer::builder().environment(Environment::empty());
    let builder = tracehound_opentracing::TracerBuilder::from(native.capture(&captured));
    let tracer = builder.service("test").enabled(false).build().unwrap();
    let scope = tracer.start_active_span("one");
    assert!(tracer.active_span().is_some() && scope.context().trace_id().is_some());
    scope.close();
    assert!(captured.spans().is_empty());
}
