//! What the mock tracer keeps.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use opentracing_rs::mock::{MockContext, MockTracer};
use opentracing_rs::{ErrorKind, Format, Reference, ReferenceType, SpanContext, Tracer, tags};

#[test]
fn ids_count_from_one_and_are_not_given_again() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    tracer.in_span("root", |_| tracer.start_span("child").finish());
    let [child, root] = &mock.finished_spans()[..] else { panic!("two spans") };
    assert_eq!((root.trace_id, root.span_id, root.parent_id), (1, 1, None));
    assert_eq!((child.trace_id, child.span_id, child.parent_id), (1, 2, Some(1)));
    mock.reset();
    assert!(mock.finished_spans().is_empty());
    tracer.start_span("next").finish();
    assert_eq!(mock.finished_spans()[0].trace_id, 3);
}

#[test]
fn every_cause_is_kept_the_parent_first() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    let (first, second) = (tracer.start_span("first"), tracer.start_span("second"));
    let span = tracer
        .build_span("child")
        .reference(Reference::follows_from(&first))
        .reference(Reference::child_of(SpanContext::empty()))
        .child_of(&second)
        .start();
    span.finish();
    let kept: Vec<_> = mock.finished_spans()[0]
        .references
        .iter()
        .map(|reference| (reference.kind, reference.span_id))
        .collect();
    assert_eq!(kept, [(ReferenceType::ChildOf, 2), (ReferenceType::FollowsFrom, 1)]);
    // The active span is a cause as well.
    let scope = first.activate();
    tracer.start_span("below").finish();
    scope.close();
    assert_eq!(mock.finished_spans()[1].references[0].span_id, 1);
}

#[test]
fn logs_keep_their_fields_in_order_and_their_times() {
    let mock = MockTracer::new();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let before = SystemTime::now();
    let span = mock.tracer().start_span("one");
    span.log_at(&[("b", 1.into()), ("a", "x".into()), ("b", true.into())], then).log_event("now");
    span.finish();
    let kept = mock.finished_spans().remove(0);
    assert_eq!(kept.logs[0].timestamp, then);
    let names: Vec<_> = kept.logs[0].fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a", "b"]);
    assert_eq!(kept.logs[0].field("b").unwrap().as_i64(), Some(1));
    assert_eq!(kept.logs[1].field("event").unwrap().as_str(), Some("now"));
    assert!(kept.logs[1].timestamp >= before && kept.finish_time.unwrap() >= before);
}

#[test]
fn what_is_done_to_a_finished_span_has_no_effect_and_is_noted() {
    let mock = MockTracer::new();
    let span = mock.tracer().start_span("one");
    assert_eq!(mock.open_spans()[0].operation_name, "one");
    span.finish();
    assert!(mock.open_spans().is_empty());
    let before = mock.finished_spans();
    span.set_tag("late", 1).set_operation_name("late").log_event("late");
    span.set_baggage_item("late", "1");
    span.finish();
    assert_eq!(mock.finished_spans(), before);
    assert!(span.context().baggage().is_empty());
    let expected = [
        "set_tag after span 1 was finished",
        "set_operation_name after span 1 was finished",
        "log after span 1 was finished",
        "set_baggage_item after span 1 was finished",
        "span 1 was finished twice",
    ];
    assert_eq!(mock.misuses(), expected);
    mock.reset();
    assert!(mock.misuses().is_empty());
}

#[test]
fn an_open_span_outlives_a_reset() {
    let mock = MockTracer::new();
    let span = mock.tracer().start_span("one");
    mock.reset();
    span.finish();
    assert_eq!(mock.finished_spans().len(), 1);
    assert!(mock.misuses().is_empty());
}

#[test]
fn baggage_of_any_text_travels_in_every_format() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    let span = tracer.start_span("one");
    for (key, value) in [("Key", "Value"), ("key", "50%"), ("ключ", "значение\r\n"), ("", "")]
    {
        span.set_baggage_item(key, value);
    }
    let context = span.context();
    let mut text: Vec<(String, String)> = vec![("accept".into(), "*/*".into())];
    let mut headers = http::HeaderMap::new();
    let mut bytes: Vec<u8> = Vec::new();
    // A map that knows no upper case would make one of the first two.
    span.finish();
    tracer.inject(&context, Format::HttpHeaders, &mut headers).unwrap();
    tracer.inject(&context, Format::HttpHeaders, &mut text).unwrap();
    tracer.inject(&context, Format::Binary, &mut bytes).unwrap();
    for read in [
        tracer.extract(Format::HttpHeaders, &headers),
        tracer.extract(Format::HttpHeaders, &text),
        tracer.extract(Format::Binary, &bytes),
        tracer.extract(Format::Binary, &&bytes[..]),
    ] {
        let read = read.unwrap().unwrap();
        let read = read.downcast_ref::<MockContext>().unwrap();
        let written = context.downcast_ref::<MockContext>().unwrap();
        assert_eq!((read.trace_id, read.span_id), (written.trace_id, written.span_id));
        let mut items: Vec<_> = read.baggage.iter().collect();
        let mut expected: Vec<_> = written.baggage.iter().collect();
        items.sort_unstable();
        expected.sort_unstable();
        assert_eq!(items, expected);
    }
}

#[test]
fn a_context_that_is_not_whole_is_corrupted() {
    let tracer = MockTracer::new().tracer();
    let cases: [&[(&str, &str)]; 4] = [
        &[("mock-trace-id", "1")],
        &[("mock-span-id", "1")],
        &[("mock-trace-id", "1"), ("mock-span-id", "one")],
        &[("mock-trace-id", "1"), ("mock-span-id", "1"), ("mock-baggage-a", "%")],
    ];
    for carrier in cases {
        let error = tracer.extract(Format::HttpHeaders, &carrier).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SpanContextCorrupted, "{carrier:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn the_context_of_another_tracer_is_refused() {
    #[derive(Debug)]
    struct Foreign(opentracing_rs::Baggage);
    impl opentracing_rs::backend::SpanContextBackend for Foreign {
        fn baggage(&self) -> &opentracing_rs::Baggage {
            &self.0
        }
        fn trace_id(&self) -> Option<String> {
            None
        }
        fn span_id(&self) -> Option<String> {
            None
        }
    }
    let mock = MockTracer::new();
    let foreign = SpanContext::new(Foreign(opentracing_rs::Baggage::new()));
    let mut carrier: Vec<(String, String)> = Vec::new();
    let error = mock.tracer().inject(&foreign, Format::TextMap, &mut carrier).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignSpanContext);
}

#[test]
fn spans_of_two_tracers_do_not_mix() {
    let (one, two) = (MockTracer::new(), MockTracer::new());
    let (first, second): (Tracer, Tracer) = (one.tracer(), two.tracer());
    let scope = first.start_active_span("of one");
    assert!(second.active_span().is_none());
    second.in_span("of two", |_| first.start_span("child").finish());
    scope.close();
    assert_eq!(two.finished_spans()[0].parent_id, None);
    assert_eq!(one.finished_spans()[0].parent_id, Some(1));
}

#[test]
fn tags_of_the_start_and_later_ones_are_one_set() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    let span = tracer.build_span("one").tag(tags::HTTP_METHOD, "GET").tag("n", 1).start();
    span.set_tag("n", 2.5).set_tag(tags::ERROR, false).finish();
    let kept = mock.finished_spans().remove(0);
    assert_eq!(kept.tag("http.method"), Some(&"GET".into()));
    assert_eq!(kept.tag("n"), Some(&2.5.into()));
    assert_eq!(kept.tag("error").unwrap().as_bool(), Some(false));
    assert_eq!(kept.tag("none"), None);
}
