//! How much a span may hold.

use opentelemetry::KeyValue;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer,
};

use crate::table::{Row, row};
use crate::world::{Notes, World};

const ATTRIBUTES: &str = "Attributes are not limited by default; the SDK keeps the first 128 that are set, and \
                          counts a key that is set again twice.";

const DROPPED: &str = "What the limits drop is counted in tags of the span, as the exporter does.";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(as_many_as_the_sdk_allows),
        row!(more_events_and_links).provider_differs(DROPPED, |world| {
            world.set("span", "metrics.otel.dropped_events_count", 2);
            world.set("span", "metrics.otel.dropped_links_count", 2);
        }),
        row!(more_attributes).provider_differs(ATTRIBUTES, |world| {
            (128..130).for_each(|n| set(world, "later", n));
            (128..130).for_each(|n| set(world, "at the start", n));
        }),
        row!(a_key_again_and_again)
            .provider_differs(ATTRIBUTES, |world| world.set("span", "metrics.n", 199)),
    ]
}

fn set(world: &mut World, span: &str, n: usize) {
    world.set(span, &format!("metrics.key {n}"), n);
}

fn attributes(count: i64) -> impl Iterator<Item = KeyValue> {
    (0..count).map(|n| KeyValue::new(format!("key {n}"), n))
}

fn as_many_as_the_sdk_allows<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.set_attributes(attributes(128));
    for n in 0..128 {
        span.add_event_with_timestamp(format!("event {n}"), super::at(n), attributes(2).collect());
    }
    span.end();
}

fn more_attributes<T: Tracer>(tracer: &T, _: &mut Notes) {
    tracer.span_builder("at the start").with_attributes(attributes(130)).start(tracer).end();
    let mut span = tracer.start("later");
    span.set_attributes(attributes(130));
    span.end();
}

fn more_events_and_links<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    for n in 1..=130 {
        span.add_event_with_timestamp("event", super::at(n), vec![]);
        let (trace, id) = (TraceId::from(7), SpanId::from(n));
        let state = TraceState::NONE;
        span.add_link(SpanContext::new(trace, id, TraceFlags::SAMPLED, true, state), vec![]);
    }
    span.end();
}

fn a_key_again_and_again<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    (0..200).for_each(|n| span.set_attribute(KeyValue::new("n", n)));
    span.end();
}
