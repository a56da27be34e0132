//! Events and links, at the start and later.

use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Array, KeyValue, Value};

use crate::rows::at;
use crate::table::{ALL, Row, row};
use crate::world::{Notes, World};

const TWICE: &str = "A second link to the same span replaces the first.";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(events),
        row!(events_at_the_start),
        row!(an_event_of_now),
        row!(links_at_the_start),
        row!(links_later),
        row!(links_to_nowhere),
        row!(a_link_twice).differs(ALL, TWICE, last_link),
    ]
}

fn last_link(world: &mut World) {
    if let Some(last) = world.take("span", "link.1") {
        world.set("span", "link.0", last);
    }
}

fn all_types() -> Vec<KeyValue> {
    vec![
        KeyValue::new("bool", true),
        KeyValue::new("i64", i64::MAX),
        KeyValue::new("f64", 2.5),
        KeyValue::new("nan", f64::NAN),
        KeyValue::new("text", "värde"),
        KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("i64s", Value::Array(Array::I64(vec![1, 2]))),
        KeyValue::new("f64s", Value::Array(Array::F64(vec![0.5, 1.5]))),
        KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
        KeyValue::new("twice", 1),
        KeyValue::new("twice", "two"),
    ]
}

fn events<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.span_builder("span").with_start_time(at(1)).start(tracer);
    span.add_event_with_timestamp("all types", at(2), all_types());
    span.add_event_with_timestamp("without", at(3), vec![]);
    // Not in the order of time, and outside of the span.
    span.add_event_with_timestamp(String::from("early"), at(0), vec![]);
    span.add_event_with_timestamp("without", at(3), vec![]);
    span.end_with_timestamp(at(4));
}

fn events_at_the_start<T: Tracer>(tracer: &T, _: &mut Notes) {
    let events = vec![
        Event::new("first", at(1), all_types(), 0),
        Event::with_name("now"),
        Event::new("exception", at(2), vec![KeyValue::new("exception.message", "gone")], 0),
    ];
    let mut span = tracer.span_builder("span").with_events(events).start(tracer);
    span.add_event_with_timestamp("later", at(3), vec![]);
    span.end();
}

fn an_event_of_now<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.add_event("event", vec![KeyValue::new("n", 1)]);
    span.end();
}

fn other(trace: u128, span: u64, flags: TraceFlags, state: &str) -> SpanContext {
    let state: TraceState = state.parse().unwrap();
    SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, true, state)
}

fn links_at_the_start<T: Tracer>(tracer: &T, _: &mut Notes) {
    let links = vec![
        Link::new(other(1 << 100, 2, TraceFlags::SAMPLED, "other=1"), all_types(), 0),
        Link::with_context(other(3, 4, TraceFlags::NOT_SAMPLED, "")),
    ];
    tracer.span_builder("span").with_links(links).start(tracer).end();
}

fn links_later<T: Tracer>(tracer: &T, _: &mut Notes) {
    let first = vec![Link::with_context(other(3, 4, TraceFlags::SAMPLED, ""))];
    let mut span = tracer.span_builder("span").with_links(first).start(tracer);
    span.add_link(other(1 << 100, 2, TraceFlags::new(0x03), "other=1"), all_types());
    span.end();
}

fn links_to_nowhere<T: Tracer>(tracer: &T, _: &mut Notes) {
    let nowhere = || other(0, 0, TraceFlags::SAMPLED, "");
    let links = vec![Link::with_context(nowhere())];
    let mut span = tracer.span_builder("span").with_links(links).start(tracer);
    span.add_link(nowhere(), vec![KeyValue::new("n", 1)]);
    span.add_link(other(7, 0, TraceFlags::SAMPLED, ""), vec![]);
    span.add_link(other(0, 7, TraceFlags::SAMPLED, ""), vec![]);
    span.end();
}

fn a_link_twice<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.add_link(other(7, 8, TraceFlags::SAMPLED, ""), vec![KeyValue::new("n", 1)]);
    span.add_link(other(7, 8, TraceFlags::SAMPLED, ""), vec![KeyValue::new("n", 2)]);
    span.end();
}
