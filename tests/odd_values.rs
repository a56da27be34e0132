//! What becomes of odd values: each is something sensible, through every way to set it, and nothing panics.
//!
//! What Python's tracer makes of them is compared in `python_oracle.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracehound::bridge::TracerExt as _;
use tracehound::testing::{self, CapturedSpan};
use tracehound::{
    EventValue, SpanContext, SpanEvent, SpanId, SpanLink, SpanRef, TagValue, Text, TraceId, Tracer,
};

#[cfg(feature = "agent")]
mod common;

#[cfg(feature = "agent")]
use tracehound_test_support::fault_agent::scripts;

/// All that a tag may change of a span named `span` in the service `test`, one word for each thing.
fn said(span: &CapturedSpan) -> Vec<String> {
    let mut said = Vec::new();
    let mut unless = |is_default: bool, text: String| {
        if !is_default {
            said.push(text);
        }
    };
    unless(span.service == "test", format!("service={}", span.service));
    unless(span.name == "span", format!("name={}", span.name));
    unless(span.resource == span.name, format!("resource={}", span.resource));
    let span_type = span.span_type.as_deref().unwrap_or_default();
    unless(span_type.is_empty(), format!("type={span_type}"));
    unless(span.kind.is_none(), format!("kind={:?}", span.kind));
    unless(!span.is_error, "error".to_owned());
    let priority = span.priority.unwrap().get();
    unless(priority == 1, format!("priority={priority}"));
    said.extend(span.tags.iter().map(|(key, value)| format!("{key}='{value}'")));
    said.extend(span.metrics.iter().map(|(key, value)| format!("{key}:{value}")));
    said
}

type SetTag = fn(&Tracer, &str, TagValue<'static>);

/// Every way to give one tag to one span.
const WAYS: [(&str, SetTag); 5] = [
    ("SpanRef::set_tag", |tracer, key, value| tracer.start_span("span").set_tag(key, value)),
    ("SpanRef::set_tags", |tracer, key, value| tracer.start_span("span").set_tags([(key, value)])),
    ("SpanBuilder::tag", |tracer, key, value| drop(tracer.span("span").tag(key, value).start())),
    ("SpanBuilder::tags", |tracer, key, value| {
        drop(tracer.span("span").tags([(key, value)]).start());
    }),
    ("RecordedSpan::set_tag", |tracer, key, value| {
        let context = SpanContext::new(TraceId::new(7).unwrap(), None);
        let mut chunk = tracer.chunk(context).unwrap();
        let now = SystemTime::now();
        let mut span = chunk.span(SpanId::new(1).unwrap(), now, now);
        span.set_name("span");
        span.set_tag(key, value);
        chunk.submit();
    }),
];

fn list(values: &[TagValue<'static>]) -> TagValue<'static> {
    TagValue::List(values.to_vec())
}

#[test]
fn each_value_of_a_tag_becomes_what_is_listed_whichever_way_it_is_set() {
    let huge = "k".repeat(100_000);
    #[rustfmt::skip]
    let table: Vec<(&str, TagValue<'static>, &[&str])> = vec![
        // Numbers.
        ("k", f64::NAN.into(), &[]),
        ("k", f32::INFINITY.into(), &[]),
        ("k", f64::NEG_INFINITY.into(), &[]),
        ("k", (-0.0).into(), &["k:-0"]),
        ("k", 1e20.into(), &["k:100000000000000000000"]),
        ("k", 0.1_f32.into(), &["k:0.10000000149011612"]),
        ("k", i64::MIN.into(), &["k='-9223372036854775808'"]),
        ("k", u64::MAX.into(), &["k='18446744073709551615'"]),
        ("k", u128::MAX.into(), &["k='340282366920938463463374607431768211455'"]),
        ("k", i128::MIN.into(), &["k='-170141183460469231731687303715884105728'"]),
        ("k", (-(1_i64 << 53)).into(), &["k:-9007199254740992"]),
        ("k", (-(1_i64 << 53) - 1).into(), &["k='-9007199254740993'"]),
        // Texts, keys.
        ("k", "".into(), &["k=''"]),
        ("k", "a\0\n\u{202e}".into(), &["k='a\0\n\u{202e}'"]),
        ("k", (&b"\xff\xfe"[..]).into(), &["k='\u{fffd}\u{fffd}'"]),
        ("", "v".into(), &["='v'"]),
        ("\0", 1.into(), &["\0:1"]),
        // Nothing, several.
        ("k", ().into(), &[]),
        ("k", None::<String>.into(), &[]),
        ("k", list(&[]), &[]),
        ("k", list(&[().into(), f64::NAN.into(), 1.into()]), &["k.2:1"]),
        ("k", TagValue::Map(vec![("".into(), 1.into())]), &["k.:1"]),
        ("", list(&[1.into()]), &[".0:1"]),
        // Names that mean something, with types that they are not for.
        ("http.status_code", 404.0.into(), &["http.status_code='404'"]),
        ("http.status_code", 404_u128.into(), &["http.status_code='404'"]),
        ("http.status_code", "abc".into(), &["http.status_code='abc'"]),
        ("http.status_code", true.into(), &["http.status_code='true'"]),
        ("http.status_code", f64::NAN.into(), &[]),
        ("http.status_code", ().into(), &[]),
        ("http.status_code", list(&[200.into()]), &["http.status_code.0:200"]),
        ("network.destination.port", " 80 ".into(), &["network.destination.port:80"]),
        ("network.destination.port", "http".into(), &["network.destination.port='http'"]),
        ("network.destination.port", "NaN".into(), &["network.destination.port='NaN'"]),
        ("network.destination.port", (-1).into(), &["network.destination.port:-1"]),
        ("service.name", 7.into(), &["service=7"]),
        ("service.name", "".into(), &[]),
        ("service.name", ().into(), &[]),
        ("service.name", f64::NAN.into(), &[]),
        ("service.name", list(&["a".into()]), &["service.name.0='a'"]),
        ("resource.name", true.into(), &["resource=true"]),
        ("resource.name", "".into(), &[]),
        ("span.name", 7.into(), &["name=7"]),
        ("span.type", 7.into(), &["type=7"]),
        ("span.type", ().into(), &[]),
        ("span.kind", 7.into(), &["span.kind='7'"]),
        ("span.kind", "SERVER".into(), &["span.kind='SERVER'"]),
        ("span.kind", "server".into(), &["kind=Some(Server)"]),
        ("error", "".into(), &[]),
        ("error", ().into(), &[]),
        ("error", "no".into(), &["error"]),
        ("error", 0.0.into(), &[]),
        ("error", f64::NAN.into(), &[]),
        ("error", 2.into(), &["error"]),
        ("service.version", 2.into(), &["service.version='2'", "version='2'"]),
        ("analytics.event", "maybe".into(), &[]),
        ("analytics.event", f64::INFINITY.into(), &[]),
        ("analytics.event", 0.5.into(), &["_dd1.sr.eausr:0.5"]),
        ("_dd.measured", ().into(), &["_dd.measured:1"]),
        ("_dd.measured", "false".into(), &[]),
        ("_dd.measured", (-7).into(), &["_dd.measured:1"]),
        // The user's word on sampling.
        ("manual.keep", ().into(), &["priority=2"]),
        ("manual.keep", None::<bool>.into(), &["priority=2"]),
        ("manual.keep", "".into(), &["priority=2"]),
        ("manual.keep", list(&[]), &["priority=2"]),
        ("manual.keep", TagValue::Map(vec![]), &["priority=2"]),
        ("manual.keep", f64::NAN.into(), &["priority=2"]),
        ("manual.keep", 0.1.into(), &["priority=2"]),
        ("manual.keep", (-1).into(), &["priority=2"]),
        ("manual.keep", u64::MAX.into(), &["priority=2"]),
        ("manual.keep", u128::MAX.into(), &["priority=2"]),
        ("manual.keep", (&b"\xff"[..]).into(), &["priority=2"]),
        ("manual.keep", false.into(), &[]),
        ("manual.keep", "False".into(), &[]),
        ("manual.keep", 0_u8.into(), &[]),
        ("manual.drop", ().into(), &["priority=-1"]),
        ("manual.drop", "".into(), &["priority=-1"]),
        ("manual.drop", 1.0.into(), &["priority=-1"]),
        ("manual.drop", "f".into(), &[]),
        ("manual.drop", 0.into(), &[]),
        ("sampling.priority", "2".into(), &["priority=2"]),
        ("sampling.priority", 0.into(), &["priority=-1"]),
        ("sampling.priority", true.into(), &["priority=2"]),
        ("sampling.priority", ().into(), &[]),
        ("sampling.priority", f64::NAN.into(), &[]),
        ("sampling.priority", "often".into(), &["sampling.priority='often'"]),
    ];
    for (key, value, expected) in table {
        for (way, set) in WAYS {
            let (tracer, captured) = testing::tracer();
            set(&tracer, key, value.clone());
            assert_eq!(said(&captured.spans()[0]), expected, "{way}({key:?}, {value:?})");
        }
    }
    for (way, set) in WAYS {
        let (tracer, captured) = testing::tracer();
        set(&tracer, &huge, huge.clone().into());
        assert_eq!(captured.spans()[0].tags[&huge], huge, "{way}: kept as it is");
    }
}

#[test]
fn a_number_that_is_none_leaves_the_tag_as_it_was() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.start_span("span");
    for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for key in ["k", "http.status_code", "service.name", "error"] {
            span.set_tag(key, 1);
            span.set_tag(key, none);
            span.set_metric(key, none);
            span.set_metrics([(key, none)]);
        }
    }
    drop(span);
    let span = captured.span("span");
    assert_eq!(said(&span), ["service=1", "error", "http.status_code='1'", "k:1"]);
}

#[test]
fn what_the_tracer_says_itself_can_be_set_and_changes_no_decision() {
    for value in [TagValue::from("2"), TagValue::from(2), TagValue::from(()), TagValue::from(true)]
    {
        for key in ["_sampling_priority_v1", "_dd.p.dm", "_dd.p.tid", "_dd.top_level"] {
            let (tracer, captured) = testing::tracer();
            tracer.start_span("span").set_tag(key, value.clone());
            let span = captured.span("span");
            assert_eq!(span.priority.unwrap().get(), 1, "{key} {value:?}");
        }
    }
}

#[test]
fn every_time_is_one() {
    let far = |add: bool| {
        // The farthest that the platform knows.
        let mut time = UNIX_EPOCH;
        for step in (0..=62).rev().map(|bit| Duration::from_secs(1 << bit)) {
            let next = if add { time.checked_add(step) } else { time.checked_sub(step) };
            time = next.unwrap_or(time);
        }
        time
    };
    let times = [far(false), UNIX_EPOCH - Duration::from_nanos(1), UNIX_EPOCH, far(true)];
    for start in times {
        for end in times {
            let (tracer, captured) = testing::tracer();
            let span = tracer.span("span").start_time(start).start();
            let _ = (span.start_time(), span.duration());
            span.set_start_time(end);
            span.set_start_time(start);
            span.add_event(SpanEvent::at("event", start));
            span.finish_at(end);
            let span = captured.span("span");
            assert_eq!(span.duration > Duration::ZERO, end > start, "{start:?} to {end:?}");
        }
    }
}

#[test]
#[cfg(feature = "agent")]
fn every_wait_comes_to_an_end() {
    tracehound_test_support::within(common::LIMIT, || {
        let agent = tracehound_test_support::FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &common::Said::default())
            .flush_interval(Duration::MAX)
            .agent_timeout(Duration::MAX)
            .build();
        drop(tracer.start_span("span"));
        // There may be no time to send anything.
        let _ = tracer.flush(Duration::ZERO);
        let _ = tracer.flush(Duration::from_nanos(1));
        assert!(tracer.flush(Duration::MAX).is_ok());
        assert!(tracer.shutdown(Duration::MAX).is_ok());
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn empty_texts_are_no_names() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.span("").service("").resource("").span_type("").start();
    span.set_service("");
    span.set_resource("");
    span.set_type("");
    span.set_baggage_item("", "");
    span.set_struct_bytes("", Vec::new());
    span.remove_tag("");
    assert_eq!(span.baggage_item("").as_deref(), Some(""));
    drop(span);
    let span = captured.span("");
    assert_eq!((&*span.service, &*span.resource), ("test", ""));
    assert!(span.span_type.unwrap_or_default().is_empty());
}

// ===== events and links =====

#[test]
fn each_type_is_an_attribute_of_an_event() {
    let integers: [EventValue; 12] = [
        1_i8.into(),
        1_i16.into(),
        1_i32.into(),
        1_i64.into(),
        1_isize.into(),
        1_i128.into(),
        1_u8.into(),
        1_u16.into(),
        1_u32.into(),
        1_u64.into(),
        1_usize.into(),
        1_u128.into(),
    ];
    assert!(integers.iter().all(|value| *value == EventValue::I64(1)));
    let shared: std::sync::Arc<str> = "a".into();
    let texts: [EventValue; 9] = [
        "a".into(),
        String::from("a").into(),
        (&String::from("a")).into(),
        Text::literal("a").into(),
        (&Text::literal("a")).into(),
        std::borrow::Cow::Borrowed("a").into(),
        Box::<str>::from("a").into(),
        shared.into(),
        'a'.into(),
    ];
    assert!(texts.iter().all(|value| *value == EventValue::Text("a".into())));
    assert_eq!(EventValue::from(0.5_f32), EventValue::F64(0.5));
    assert_eq!(EventValue::from(true), EventValue::Bool(true));
    let array = EventValue::Array(vec![EventValue::I64(1), EventValue::I64(2)]);
    assert_eq!(EventValue::from([1_u8, 2]), array);
    assert_eq!(EventValue::from(vec![1_usize, 2]), array);
    assert_eq!(EventValue::from(&[1_i16, 2][..]), array);
    assert_eq!(EventValue::from(i128::MIN), EventValue::Text(i128::MIN.to_string().into()));
    assert_eq!(EventValue::from(u64::MAX), EventValue::Text("18446744073709551615".into()));
}

fn link() -> SpanLink {
    SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap())
}

#[test]
fn each_type_is_an_attribute_of_a_link_in_words() {
    let nested = list(&["a".into(), list(&[2.into(), false.into()]), ().into()]);
    for (value, expected) in [
        (TagValue::from("text"), &[("k", "text")][..]),
        (true.into(), &[("k", "true")]),
        (7_u8.into(), &[("k", "7")]),
        ((-7_i64).into(), &[("k", "-7")]),
        (u64::MAX.into(), &[("k", "18446744073709551615")]),
        (u128::MAX.into(), &[("k", "340282366920938463463374607431768211455")]),
        (1.5.into(), &[("k", "1.5")]),
        (f64::NAN.into(), &[("k", "NaN")]),
        (f64::INFINITY.into(), &[("k", "inf")]),
        ("".into(), &[("k", "")]),
        ([1, 2].into(), &[("k.0", "1"), ("k.1", "2")]),
        (nested, &[("k.0", "a"), ("k.1.0", "2"), ("k.1.1", "false")]),
        (TagValue::Map(vec![("x".into(), 1.into())]), &[("k.x", "1")]),
        (Vec::<i32>::new().into(), &[]),
        (().into(), &[]),
    ] {
        let link = link().attribute("k", value.clone());
        assert_eq!(link.attributes().collect::<Vec<_>>(), expected, "{value:?}");
    }
    let removed = link().attribute("a", 1).attribute("b", 2).attribute("a", None::<i32>);
    assert_eq!(removed.attributes().collect::<Vec<_>>(), [("b", "2")]);
}

#[test]
fn a_link_to_a_span_takes_attributes() {
    let (tracer, captured) = testing::tracer();
    let message = tracer.start_span("message");
    let batch = tracer.start_span("batch");
    batch.link_to_with(&message, [("offset", TagValue::from(7)), ("last", true.into())]);
    batch.link_to_with(&SpanRef::none(), [("offset", 7)]);
    drop((message, batch));
    let (message, batch) = (captured.span("message"), captured.span("batch"));
    assert_eq!(batch.links.len(), 1);
    assert_eq!(Some(batch.links[0].span_id()), message.span_id);
    let attributes: Vec<_> = batch.links[0].attributes().collect();
    assert_eq!(attributes, [("offset", "7"), ("last", "true")]);
}
