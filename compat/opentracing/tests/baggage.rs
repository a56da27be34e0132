//! Baggage of contexts: copied when one is taken, and never changed after.

#![allow(clippy::unwrap_used)]

mod common;

use opentracing_rs::{Baggage, Span};

use common::tracers;

fn items(baggage: &Baggage) -> Vec<(&str, &str)> {
    baggage.iter().collect()
}

#[test]
fn a_child_takes_the_baggage_of_the_context_it_is_given() {
    let (tracer, native, _) = tracers();
    let parent = tracer.start_span("parent");
    let empty = parent.context();
    parent.set_baggage_item("a", "1");
    let one = parent.context();
    parent.set_baggage_item("a", "2").set_baggage_item("b", "3");
    let of = |span: &Span| span.context().baggage().clone();
    let child = |context| of(&tracer.build_span("child").child_of(context).start());
    assert_eq!(items(&child(&empty)), []);
    assert_eq!(items(&child(&one)), [("a", "1")]);
    assert_eq!(items(&child(&parent.context())), [("a", "2"), ("b", "3")]);
    assert_eq!(items(one.baggage()), [("a", "1")]);
    // The same goes for what is written, and for a native child.
    let mut carrier: Vec<(String, String)> = Vec::new();
    tracer.inject(&one, opentracing_rs::Format::TextMap, &mut carrier).unwrap();
    assert!(carrier.contains(&("baggage".into(), "a=1".into())));
    let place = tracehound_opentracing::native_context(&one);
    let native = native.span("native").child_of(place).start();
    assert_eq!(native.baggage_item("a").as_deref(), Some("1"));
}

#[test]
fn a_context_keeps_its_baggage_when_the_span_was_sent() {
    let (tracer, _, captured) = tracers();
    let span = tracer.start_span("sent");
    span.set_baggage_item("a", "1");
    span.finish();
    assert_eq!(captured.spans().len(), 1);
    span.set_baggage_item("a", "2");
    assert_eq!(span.baggage_item("a").as_deref(), Some("1"));
    assert_eq!(items(span.context().baggage()), [("a", "1")]);
    let late = tracer.build_span("late").child_of(&span).start();
    assert_eq!(late.baggage_item("a").as_deref(), Some("1"));
    late.finish();
    assert_eq!(captured.span("late").parent_id, captured.span("sent").span_id);
}
