//! How much a span may hold: by the variables of OpenTelemetry's specification, or in code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, Status, TraceFlags, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Array, KeyValue, Value};
use tracehound::config::Environment;
use tracehound::testing::{Captured, CapturedSpan};
use tracehound_opentelemetry::{Span, SpanLimits, Tracer, TracerProvider, share_context};

fn by_environment(pairs: &[(&str, &str)]) -> (Tracer, Captured) {
    assert!(share_context());
    let captured = Captured::default();
    let builder =
        tracehound::Tracer::builder().environment(Environment::from_pairs(pairs.iter().copied()));
    let tracer = builder.service("test").capture(&captured).build();
    (TracerProvider::new(tracer).tracer("test"), captured)
}

fn in_code(limits: SpanLimits) -> (Tracer, Captured) {
    assert!(share_context());
    let (native, captured) = tracehound::testing::tracer();
    let provider = TracerProvider::builder().tracer(native).limits(limits).build();
    (provider.tracer("test"), captured)
}

fn linked(id: u64) -> SpanContext {
    SpanContext::new(1.into(), id.into(), TraceFlags::SAMPLED, true, Default::default())
}

type Variables = &'static [(&'static str, &'static str)];

fn many(count: usize) -> Vec<KeyValue> {
    (0..count).map(|n| KeyValue::new(format!("k{n:03}"), "v")).collect()
}

/// Attributes, events and links beyond any limit of 128, each given at the start and later.
fn filled(tracer: &Tracer) -> Span {
    let mut span = tracer
        .span_builder("n")
        .with_attributes(many(100))
        .with_links((1..=100).map(|id| Link::with_context(linked(id))).collect())
        .start(tracer);
    span.set_attributes(many(200).split_off(100));
    for id in 101..=200 {
        span.add_link(linked(id), many(if id == 200 { 0 } else { 1 }));
        span.add_event(format!("early {id}"), vec![]);
        span.add_event(format!("late {id}"), vec![]);
    }
    span
}

fn only(captured: &Captured) -> CapturedSpan {
    captured.spans().try_into().map(|[span]: [_; 1]| span).unwrap()
}

fn dropped(span: &CapturedSpan) -> [Option<f64>; 3] {
    ["attributes", "events", "links"]
        .map(|of| span.metrics.get(format!("otel.dropped_{of}_count").as_str()).copied())
}

fn attributes(span: &CapturedSpan) -> usize {
    span.tags.keys().filter(|key| key.starts_with('k')).count()
}

#[test]
fn each_limit_holds_by_itself() {
    let none = SpanLimits::default().events(None).links(None);
    #[rustfmt::skip]
    let cases: [(Variables, SpanLimits, [usize; 3], [f64; 3]); 7] = [
        (&[], SpanLimits::default(), [200, 128, 128], [0.0, 72.0, 72.0]),
        (
            &[("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128")],
            SpanLimits::default().attributes(128),
            [128, 128, 128], [72.0, 72.0, 72.0],
        ),
        (
            &[("OTEL_ATTRIBUTE_COUNT_LIMIT", "3")],
            SpanLimits::default().attributes(3),
            [3, 128, 128], [197.0, 72.0, 72.0],
        ),
        (
            &[("OTEL_ATTRIBUTE_COUNT_LIMIT", "3"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4")],
            SpanLimits::default().attributes(4),
            [4, 128, 128], [196.0, 72.0, 72.0],
        ),
        (
            &[("OTEL_SPAN_EVENT_COUNT_LIMIT", "0"), ("OTEL_SPAN_LINK_COUNT_LIMIT", "1")],
            SpanLimits::default().events(0).links(1),
            [200, 0, 1], [0.0, 200.0, 199.0],
        ),
        (
            &[("OTEL_SPAN_EVENT_COUNT_LIMIT", "1000"), ("OTEL_SPAN_LINK_COUNT_LIMIT", "1000")],
            none,
            [200, 200, 200], [0.0, 0.0, 0.0],
        ),
        // What does not parse leaves the default.
        (
            &[("OTEL_SPAN_EVENT_COUNT_LIMIT", "many"), ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1")],
            SpanLimits::default(),
            [200, 128, 128], [0.0, 72.0, 72.0],
        ),
    ];
    for (variables, limits, kept, lost) in cases {
        for (tracer, captured) in [by_environment(variables), in_code(limits)] {
            drop(filled(&tracer));
            let span = only(&captured);
            let seen = [attributes(&span), span.events.len(), span.links.len()];
            assert_eq!(seen, kept, "{variables:?}");
            let said = dropped(&span).map(Option::unwrap_or_default);
            assert_eq!(said, lost, "{variables:?}");
            assert_eq!(dropped(&span).map(|said| said.is_some()), lost.map(|lost| lost > 0.0));
        }
    }
}

#[test]
fn code_wins_over_the_environment() {
    let (_, captured) = by_environment(&[]);
    let environment = Environment::from_pairs([("OTEL_SPAN_EVENT_COUNT_LIMIT", "1")]);
    let builder = tracehound::Tracer::builder().environment(environment);
    let tracer = builder.capture(&captured).build();
    let limits = SpanLimits::default();
    let provider = TracerProvider::builder().tracer(tracer).limits(limits).build();
    drop(filled(&provider.tracer("test")));
    assert_eq!(only(&captured).events.len(), 128);
}

#[test]
fn the_first_attributes_stay_and_may_change() {
    let (tracer, captured) = in_code(SpanLimits::default().attributes(2));
    let mut span = tracer.start("n");
    for value in [1, 2, 3] {
        span.set_attribute(KeyValue::new("a", value));
        span.set_attribute(KeyValue::new("b", value));
        span.set_attribute(KeyValue::new("c", value));
    }
    // Natively there is no limit.
    span.handle().set_tag("native", 1);
    drop(span);
    let span = only(&captured);
    assert_eq!((span.metrics["a"], span.metrics["b"], span.metrics["native"]), (3.0, 3.0, 1.0));
    assert!(!span.metrics.contains_key("c"));
    assert_eq!(dropped(&span), [Some(3.0), None, None]);
}

#[test]
fn the_first_events_and_links_stay() {
    let (tracer, captured) = in_code(SpanLimits::default().events(1).links(1));
    drop(filled(&tracer));
    let span = only(&captured);
    assert_eq!(span.links[0].span_id().get(), 1);
    assert!(format!("{:?}", span.events[0]).contains("early 101"), "{:?}", span.events[0]);
}

#[test]
fn an_exception_beyond_the_limit_still_describes_the_span() {
    let (tracer, captured) = in_code(SpanLimits::default().events(0));
    let mut span = tracer.start("n");
    span.record_error(&std::io::Error::other("no such port"));
    span.set_status(Status::error(""));
    drop(span);
    let span = only(&captured);
    assert!(span.is_error && span.events.is_empty());
    assert_eq!(span.tags["error.message"], "no such port");
}

#[test]
fn texts_are_cut_to_so_many_characters() {
    for (tracer, captured) in [
        in_code(SpanLimits::default().value_chars(3)),
        by_environment(&[("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")]),
        by_environment(&[
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9"),
            ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
        ]),
    ] {
        let list = Value::Array(Array::String(vec!["12345".into(), "12".into()]));
        let given = vec![
            KeyValue::new("text", Cow::from("größer")),
            KeyValue::new("list", list),
            KeyValue::new("number", 123_456),
        ];
        let mut span =
            tracer.span_builder("a long name").with_attributes(given.clone()).start(&tracer);
        span.set_attribute(KeyValue::new("later", "12345"));
        span.add_event_with_timestamp("event", SystemTime::UNIX_EPOCH, given.clone());
        span.add_link(linked(1), given);
        drop(span);
        let span = only(&captured);
        let tag = |key: &str| span.tags[key].as_str();
        assert_eq!(
            [tag("text"), tag("list.0"), tag("list.1"), tag("later"), &span.resource],
            ["grö", "123", "12", "123", "a long name"]
        );
        assert_eq!(span.metrics["number"], 123_456.0);
        for shown in [format!("{:?}", span.events), format!("{:?}", span.links)] {
            assert!(shown.contains("\"grö\"") && shown.contains("\"123\""), "{shown}");
            assert!(!shown.contains("größ") && !shown.contains("\"12345\""), "{shown}");
        }
    }
}

#[test]
fn events_and_links_keep_so_many_attributes_and_count_the_rest() {
    for (tracer, captured) in [
        in_code(SpanLimits::default().event_attributes(2).link_attributes(1)),
        by_environment(&[
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "2"),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "1"),
        ]),
    ] {
        let mut span = tracer.start("n");
        span.add_event("event", many(5));
        span.add_link(linked(1), many(5));
        drop(span);
        let span = only(&captured);
        let event = format!("{:?}", span.events);
        assert!(event.contains("k001") && !event.contains("k002"), "{event}");
        assert!(event.contains("(\"otel.dropped_attributes_count\", I64(3))"), "{event}");
        let link = format!("{:?}", span.links);
        assert!(link.contains("k000") && !link.contains("k001"), "{link}");
        assert!(link.contains("(\"otel.dropped_attributes_count\", \"4\")"), "{link}");
    }
}

#[test]
fn attributes_that_an_event_or_a_link_has_lost_are_counted_whoever_dropped_them() {
    let pair = |n: usize| KeyValue::new(format!("k{n:03}"), Value::Array(vec![1, 2].into()));
    let pairs: Vec<_> = (0..600).map(pair).collect();
    let few = SpanLimits::default().event_attributes(2).link_attributes(2);
    let all = SpanLimits::default().event_attributes(None).link_attributes(None);
    for (limits, attributes, lost_before, kept, lost) in [
        (few, many(5), 10, [2, 2], [13, 13]),
        (few, many(2), 10, [2, 2], [10, 10]),
        (all, many(1_000), 0, [1_000, 1_000], [0, 0]),
        // The core keeps 1,024, one of them the count, and flattens arrays of links.
        (all, many(2_000), 0, [1_023, 1_023], [977, 977]),
        (all, pairs, 0, [600, 1_022], [0, 89]),
    ] {
        let (tracer, captured) = in_code(limits);
        let time = SystemTime::UNIX_EPOCH;
        let event = Event::new("event", time, attributes.clone(), lost_before);
        let link = Link::new(linked(1), attributes, lost_before);
        drop(
            tracer.span_builder("n").with_events(vec![event]).with_links(vec![link]).start(&tracer),
        );
        let span = only(&captured);
        let (event, link) = (format!("{:?}", span.events), format!("{:?}", span.links));
        assert_eq!([&event, &link].map(|shown| shown.matches("(\"k").count()), kept);
        let said = [
            format!("(\"otel.dropped_attributes_count\", I64({}))", lost[0]),
            format!("(\"otel.dropped_attributes_count\", \"{}\")", lost[1]),
        ];
        assert_eq!([event.contains(&said[0]), link.contains(&said[1])], lost.map(|lost| lost > 0));
    }
}

#[test]
fn what_is_dropped_after_the_end_is_not_counted() {
    let (tracer, captured) = in_code(SpanLimits::default().attributes(0).events(0).links(0));
    let mut span = tracer.start("n");
    span.end();
    span.set_attribute(KeyValue::new("k", 1));
    span.add_event("event", vec![]);
    span.add_link(linked(1), vec![]);
    assert_eq!(dropped(&only(&captured)), [None; 3]);
}
