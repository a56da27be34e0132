//! Links and events.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer as _,
};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use tracehound::{EventValue, SpanEvent, SpanLink};

use common::tracers;

const TRACE: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;

fn linked(flags: u8, state: &str) -> SpanContext {
    let state = TraceState::from_str(state).unwrap();
    SpanContext::new(TRACE.into(), SpanId::from(7), TraceFlags::new(flags), true, state)
}

fn link() -> SpanLink {
    SpanLink::new(tracehound::TraceId::new(TRACE).unwrap(), tracehound::SpanId::new(7).unwrap())
}

fn list(values: &[&'static str]) -> Value {
    Value::Array(Array::String(values.iter().map(|value| StringValue::from(*value)).collect()))
}

#[test]
fn a_link_is_the_same_given_at_the_start_or_later() {
    let (_, otel, captured) = tracers();
    let attributes = || vec![KeyValue::new("reason", "retry"), KeyValue::new("attempt", 2)];
    let context = linked(1, "vendor=1,dd=s:1");
    drop(
        otel.span_builder("at the start")
            .with_links(vec![Link::new(context.clone(), attributes(), 0)])
            .start(&otel),
    );
    let mut later = otel.start("later");
    later.add_link(context.clone(), attributes());
    drop(later);
    otel.in_span("erased", |cx| cx.span().add_link(context.clone(), attributes()));
    let expected = link()
        .trace_flags(1)
        .tracestate("vendor=1,dd=s:1")
        .attribute("reason", "retry")
        .attribute("attempt", "2");
    let spans = captured.spans();
    assert_eq!(spans.len(), 3);
    for span in spans {
        assert_eq!(span.links, std::slice::from_ref(&expected), "{}", span.resource);
    }
}

#[test]
fn the_flags_of_a_link_are_those_of_its_context() {
    for flags in [0, 1, 2, 3] {
        let (_, otel, captured) = tracers();
        otel.in_span("n", |cx| cx.span().add_link(linked(flags, ""), vec![]));
        assert_eq!(captured.span("internal").links, [link().trace_flags(flags)]);
    }
}

#[test]
fn attributes_of_a_link_are_flat_text() {
    let (_, otel, captured) = tracers();
    let attributes = vec![
        KeyValue::new("bool", true),
        KeyValue::new("int", -1),
        KeyValue::new("double", 1.5),
        KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2]))),
        KeyValue::new("doubles", Value::Array(Array::F64(vec![0.5]))),
        KeyValue::new("texts", list(&["a", "b"])),
        KeyValue::new("none", list(&[])),
    ];
    otel.in_span("n", |cx| cx.span().add_link(linked(1, ""), attributes));
    let expected = [
        ("bool", "true"),
        ("int", "-1"),
        ("double", "1.5"),
        ("bools.0", "true"),
        ("bools.1", "false"),
        ("ints.0", "1"),
        ("ints.1", "2"),
        ("doubles.0", "0.5"),
        ("texts.0", "a"),
        ("texts.1", "b"),
    ]
    .into_iter()
    .fold(link().trace_flags(1), |link, (key, value)| link.attribute(key, value));
    assert_eq!(captured.span("internal").links, [expected]);
}

#[test]
fn a_link_to_nowhere_is_ignored() {
    let (_, otel, captured) = tracers();
    let state = TraceState::default;
    let no_trace = SpanContext::new(TraceId::INVALID, 7.into(), TraceFlags::SAMPLED, true, state());
    let no_span =
        SpanContext::new(TRACE.into(), SpanId::INVALID, TraceFlags::SAMPLED, true, state());
    let links = [no_trace, no_span, SpanContext::NONE];
    let builder = otel
        .span_builder("n")
        .with_links(links.iter().map(|context| Link::with_context(context.clone())).collect());
    let mut span = builder.start(&otel);
    links.into_iter().for_each(|context| span.add_link(context, vec![]));
    drop(span);
    assert!(captured.span("internal").links.is_empty());
}

#[test]
fn a_second_link_to_a_span_replaces_the_first() {
    let (_, otel, captured) = tracers();
    otel.in_span("n", |cx| {
        cx.span().add_link(linked(0, ""), vec![KeyValue::new("n", 1)]);
        cx.span().add_link(linked(1, ""), vec![KeyValue::new("n", 2)]);
    });
    assert_eq!(captured.span("internal").links, [link().trace_flags(1).attribute("n", "2")]);
}

#[test]
fn an_event_keeps_its_time_and_the_types_of_its_attributes() {
    let (_, otel, captured) = tracers();
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001);
    let attributes = || {
        vec![
            KeyValue::new("text", "a"),
            KeyValue::new("bool", false),
            KeyValue::new("int", 42),
            KeyValue::new("double", 0.0),
            KeyValue::new("texts", list(&["a", "b"])),
            KeyValue::new("bools", Value::Array(Array::Bool(vec![true]))),
            KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2]))),
            KeyValue::new("doubles", Value::Array(Array::F64(vec![1.0]))),
            KeyValue::new("dropped", f64::NAN),
        ]
    };
    let early = Event::new("event", time, attributes(), 0);
    drop(otel.span_builder("at the start").with_events(vec![early]).start(&otel));
    let mut later = otel.start("later");
    later.add_event_with_timestamp("event", time, attributes());
    drop(later);
    otel.in_span("erased", |cx| cx.span().add_event_with_timestamp("event", time, attributes()));
    let expected = SpanEvent::at("event", time)
        .attribute("text", "a")
        .attribute("bool", false)
        .attribute("int", 42)
        .attribute("double", 0.0)
        .attribute("texts", vec!["a", "b"])
        .attribute("bools", vec![true])
        .attribute("ints", vec![1i64, 2])
        .attribute("doubles", EventValue::Array(vec![1.0.into()]));
    let spans = captured.spans();
    assert_eq!(spans.len(), 3);
    for span in spans {
        assert_eq!(span.events, std::slice::from_ref(&expected), "{}", span.resource);
    }
}

#[test]
fn events_stay_in_order_and_happen_now() {
    let (native, otel, captured) = tracers();
    let before = SystemTime::now();
    otel.in_span("n", |cx| {
        cx.span().add_event("first", vec![]);
        native.current_span().unwrap().add_event(SpanEvent::new("native"));
        cx.span().add_event(String::from("last"), vec![]);
    });
    let after = SystemTime::now();
    let events = captured.span("internal").events;
    assert_eq!(events.len(), 3);
    for (event, name) in events.iter().zip(["first", "native", "last"]) {
        // An event has no getters: it is compared.
        let bounds = [before, after].map(|time| format!("{:?}", SpanEvent::at(name, time)));
        let event = format!("{event:?}");
        assert!(bounds[0] <= event && event <= bounds[1], "{event}");
    }
}

#[test]
fn a_link_natively_made_to_an_otel_span_and_back() {
    let (native, otel, captured) = tracers();
    let target = otel.start("target");
    let source = native.start_span("source");
    source.link_to(target.handle());
    let context = target.span_context().clone();
    otel.in_span("otel", |cx| cx.span().add_link(context.clone(), vec![]));
    drop((source, target));
    let span = |resource| captured.spans().into_iter().find(|span| span.resource == resource);
    let target = span("target").unwrap();
    let natively = SpanLink::new(target.trace_id, target.span_id.unwrap()).trace_flags(1);
    assert_eq!(span("source").unwrap().links, std::slice::from_ref(&natively));
    // The link has taken the decision, which a span context says in its trace state from then on.
    let state = context.trace_state().header();
    assert!(state.starts_with("dd="), "{state}");
    assert_eq!(span("otel").unwrap().links, [natively.tracestate(state)]);
}
