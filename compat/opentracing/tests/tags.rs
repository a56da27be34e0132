//! What becomes of a tag, set at the start and later.

#![allow(clippy::indexing_slicing)]

mod common;

use opentracing_rs::{Span, Value, tags};
use tracehound::testing::CapturedSpan;
use tracehound::{SamplingPriority, SpanKind};

use common::tracers;

/// A span with one tag, once set by the builder and once on the span.
fn tagged<'a>(key: &'a str, value: impl Into<Value<'a>>) -> [CapturedSpan; 2] {
    let value = value.into();
    let (tracer, _, captured) = tracers();
    tracer.build_span("built").tag(key, value.clone()).start().finish();
    let span: Span = tracer.start_span("set");
    span.set_tag(key, value).finish();
    [captured.span("built"), captured.span("set")]
}

#[test]
fn plain_tags_are_text_or_numbers() {
    let texts =
        [("k", Value::from("v")), ("k", "é".into()), ("ключ", "v".into()), ("k", true.into())];
    for (key, value) in texts {
        for span in tagged(key, value.clone()) {
            assert_eq!(span.tags[key], value.to_string());
            assert!(span.metrics.is_empty());
        }
    }
    for (value, number) in [(Value::from(3), 3.0), (0.5.into(), 0.5), (7_u64.into(), 7.0)] {
        for span in tagged("k", value.clone()) {
            assert_eq!(span.metrics["k"], number);
            assert!(span.tags.is_empty());
        }
    }
    for span in tagged("k", u64::MAX) {
        assert_eq!(span.tags["k"], u64::MAX.to_string());
    }
    for span in tagged("k", f64::NAN) {
        assert!(span.tags.is_empty() && span.metrics.is_empty());
    }
    let error = "x".parse::<u8>().map(drop).map_err(|error| {
        for span in tagged("k", Value::Error(&error)) {
            assert_eq!(span.tags["k"], "invalid digit found in string");
        }
    });
    assert!(error.is_err());
}

#[test]
fn names_that_mean_something_to_datadog_are_fields() {
    for span in tagged("service.name", "db") {
        assert_eq!((span.service.as_str(), span.tags.len()), ("db", 0));
    }
    for key in ["resource.name", tags::DB_STATEMENT] {
        for span in tagged(key, "SELECT 1") {
            assert_eq!((span.resource.as_str(), span.tags.len()), ("SELECT 1", 0));
        }
    }
    for span in tagged("span.type", "sql") {
        assert_eq!((span.span_type.as_deref(), span.tags.len()), (Some("sql"), 0));
    }
    for span in tagged(tags::SPAN_KIND, tags::SPAN_KIND_PRODUCER) {
        assert_eq!((span.kind, span.tags.len()), (Some(SpanKind::Producer), 0));
    }
}

#[test]
fn the_other_side_has_datadogs_names() {
    for span in tagged(tags::PEER_HOSTNAME, "db.local") {
        assert_eq!(span.tags, [("out.host".into(), "db.local".into())].into());
    }
    for port in [Value::from(5432), "5432".into()] {
        for span in tagged(tags::PEER_PORT, port) {
            assert_eq!(span.metrics, [("network.destination.port".into(), 5432.0)].into());
            assert!(span.tags.is_empty());
        }
    }
    for key in [tags::PEER_SERVICE, tags::PEER_ADDRESS, tags::DB_INSTANCE, tags::SERVICE] {
        for span in tagged(key, "v") {
            assert_eq!(span.tags, [(key.into(), "v".into())].into());
        }
    }
}

#[test]
fn error_marks_the_span_and_leaves_no_tag() {
    for on in [Value::from(true), 1.into(), "true".into()] {
        for span in tagged(tags::ERROR, on.clone()) {
            assert!(span.is_error && span.tags.is_empty() && span.metrics.is_empty(), "{on:?}");
        }
    }
    for off in [Value::from(false), 0.into(), "false".into()] {
        for span in tagged(tags::ERROR, off.clone()) {
            assert!(!span.is_error && span.tags.is_empty() && span.metrics.is_empty(), "{off:?}");
        }
    }
    let (tracer, _, captured) = tracers();
    let span = tracer.start_span("recovered");
    span.set_tag(tags::ERROR, true).set_tag(tags::ERROR, false).finish();
    assert!(!captured.span("recovered").is_error);
}

#[test]
fn sampling_is_by_the_users_word() {
    let cases = [
        (tags::SAMPLING_PRIORITY, Value::from(1), SamplingPriority::USER_KEEP),
        (tags::SAMPLING_PRIORITY, 2.into(), SamplingPriority::USER_KEEP),
        (tags::SAMPLING_PRIORITY, 0.into(), SamplingPriority::USER_REJECT),
        (tags::SAMPLING_PRIORITY, (-1).into(), SamplingPriority::USER_REJECT),
        ("manual.keep", true.into(), SamplingPriority::USER_KEEP),
        ("manual.drop", true.into(), SamplingPriority::USER_REJECT),
        ("other", true.into(), SamplingPriority::AUTO_KEEP),
    ];
    for (key, value, priority) in cases {
        for span in tagged(key, value.clone()) {
            assert_eq!(span.priority, Some(priority), "{key} = {value}");
            assert_eq!(span.tags.len() + span.metrics.len(), usize::from(key == "other"));
        }
    }
}

#[test]
fn the_last_value_counts() {
    let (tracer, _, captured) = tracers();
    let builder = tracer.build_span("one").tag("k", "1").tag("k", 2).tag("r", "a");
    let span = builder.tag(tags::DB_STATEMENT, "first").start();
    span.set_tag("r", "b").set_tag("resource.name", "second").set_operation_name("renamed");
    span.finish();
    let span = captured.span("renamed");
    assert_eq!((span.metrics["k"], span.tags["r"].as_str()), (2.0, "b"));
    assert_eq!((span.resource.as_str(), span.tags.len()), ("second", 1));
}
