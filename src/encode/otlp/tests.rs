//! OTLP as OpenTelemetry's own decoder reads it, and as another Datadog tracer writes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as Decoded;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::Value as Json;

use crate::config::OtlpProtocol;
use crate::encode::{Added, Encoder, Format, Memory, Payload, Process, SourceCode};
use crate::id::{SpanId, TraceId};
use crate::sampling::SpanSampler;
use crate::trace::testkit::Bench;
use crate::trace::{
    Chunk, EventValue, SamplingMechanism, SamplingPriority, SpanContext, SpanEvent, SpanKind,
    SpanLink, SpanRef, TagValue,
};

/// A request with the spans of one chunk.
fn body(protocol: OtlpProtocol, chunk: Chunk) -> Vec<u8> {
    body_of(protocol, false, chunk)
}

fn body_of(protocol: OtlpProtocol, otel_semantics: bool, mut chunk: Chunk) -> Vec<u8> {
    chunk.settle();
    let process = Process::new("uuid", 7, None, SourceCode::default());
    let mut encoder = Encoder::new(process, Arc::new(SpanSampler::new([])), 1 << 20);
    encoder.common.native_events = true;
    encoder.otlp.spans.otel_semantics = otel_semantics;
    let mut payload = Payload::new(Format::Otlp(protocol), Memory::default());
    assert_eq!(encoder.add(&mut payload, &chunk, 0), Added::UpTo(chunk.len()));
    let sealed = payload.seal();
    let (body, most) = (sealed.body(), sealed.len());
    assert!(body.len() <= most && most - body.len() <= 20, "{most} {}", body.len());
    body.to_vec()
}

/// The same chunk in all forms, which have to say the same.
fn decoded(chunk: impl Fn() -> Chunk) -> Request {
    let of = |protocol| body(protocol, chunk());
    let protobuf = Request::decode(&of(OtlpProtocol::HttpProtobuf)[..]).unwrap();
    let grpc = of(OtlpProtocol::Grpc);
    let (prefix, message) = grpc.split_at(5);
    assert_eq!(prefix[0], 0, "not compressed");
    assert_eq!(prefix[1..], u32::try_from(message.len()).unwrap().to_be_bytes());
    let same = |other: Request| {
        // Ids and random numbers differ from one chunk to the next.
        assert_eq!(other.resource_spans[0].resource, protobuf.resource_spans[0].resource);
        assert_eq!(shown(&other), shown(&protobuf));
    };
    same(Request::decode(message).unwrap());
    let json = of(OtlpProtocol::HttpJson);
    same(serde_json::from_slice(&json).unwrap());
    protobuf
}

fn spans(request: &Request) -> &[Decoded] {
    let [resource] = &request.resource_spans[..] else { panic!("{request:?}") };
    let [scope] = &resource.scope_spans[..] else { panic!("{request:?}") };
    assert_eq!(scope.scope.as_ref().unwrap().name, "tracehound");
    &scope.spans
}

/// The spans without what is random.
fn shown(request: &Request) -> String {
    let mut all = spans(request).to_vec();
    for span in &mut all {
        (span.trace_state, span.span_id) = (String::new(), Vec::new());
        (span.start_time_unix_nano, span.end_time_unix_nano) = (0, 0);
        if span.parent_span_id != 88_u64.to_be_bytes() {
            span.parent_span_id = Vec::new();
        }
    }
    format!("{all:#?}")
}

fn attributes(all: &[KeyValue]) -> BTreeMap<&str, &Value> {
    let read = |pair| {
        let KeyValue { key, value, .. }: &KeyValue = pair;
        (key.as_str(), value.as_ref().unwrap().value.as_ref().unwrap())
    };
    let map: BTreeMap<_, _> = all.iter().map(read).collect();
    assert_eq!(map.len(), all.len(), "each key once: {all:?}");
    map
}

fn text(value: &str) -> Value {
    Value::StringValue(value.into())
}

fn at(ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(ns)
}

const START: u64 = 1_795_219_087_423_834_956;

/// A chunk of one span, of a trace with known ids.
fn one_span(change: impl Fn(&SpanRef)) -> Chunk {
    let bench = Bench::new();
    let trace_id = TraceId::from_halves(0x6b00_de8f_0000_0000, 0x77).unwrap();
    let upstream = SpanContext::new(trace_id, SpanId::new(88));
    let span = bench.span("op").child_of(upstream).start_time(at(START)).start();
    change(&span);
    span.finish_at(at(START + 946_630));
    bench.take_chunks().remove(0)
}

#[test]
fn the_vector_of_another_tracer_holds() {
    let vector: Json =
        serde_json::from_str(include_str!("../../../tests/vectors/otlp-traces.json")).unwrap();
    let bench = Bench::with(|shared| {
        shared.service = "osvc".into();
        shared.env = Some("oenv".into());
        shared.version = Some("1.2".into());
    });
    let trace_id = TraceId::from_halves(0x6b00_de8f_0000_0000, 0x1066_d9e7_6a95_a659).unwrap();
    let root = bench
        .span("web.request")
        .child_of(SpanContext::new(trace_id, None))
        .resource("GET /x")
        .span_type("web")
        .tag("a", "b")
        .tag("http.method", "GET")
        .tag("n", 1.5)
        .tag("k", 3)
        .start_time(at(START))
        .start();
    let child = bench
        .span("child")
        .child_of(&root)
        .service("other")
        .kind(SpanKind::Client)
        .tag("a", "b")
        .start_time(at(START + 312_979))
        .start();
    child.set_error_with("builtins.ValueError", "boom", Some("…"));
    child.finish_at(at(START + 868_783));
    root.finish_at(at(START + 946_630));
    let chunk = bench.take_chunks().remove(0);
    let ours = body(OtlpProtocol::HttpJson, chunk);
    let ours: Json = serde_json::from_slice(&ours).unwrap();
    let of = |body: &Json| body["resourceSpans"][0].clone();
    let (ours, theirs) = (of(&ours), of(&vector["body"]));
    let map = |attributes: &Json| -> BTreeMap<String, Json> {
        let pairs = attributes.as_array().unwrap().iter();
        pairs
            .map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone()))
            .collect()
    };
    let resource = |all: &Json| {
        let mut all = map(&all["resource"]["attributes"]);
        // The library, and a random number.
        let own = ["telemetry.sdk.language", "telemetry.sdk.version", "runtime-id"];
        own.iter().for_each(|key| drop(all.remove(*key).unwrap()));
        all
    };
    assert_eq!(resource(&ours), resource(&theirs));
    let list = |all: &Json| all["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    let (ours, theirs) = (list(&ours), list(&theirs));
    assert_eq!((ours.len(), theirs.len()), (2, 2));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        for field in
            ["traceId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "flags", "status"]
        {
            assert_eq!(ours[field], theirs[field], "{field}");
        }
        // With the id of the span itself; theirs has a decision by a rate.
        let member = |span: &Json| {
            let id = span["spanId"].as_str().unwrap();
            span["traceState"].as_str().unwrap().replace(id, "ID")
        };
        assert_eq!(member(ours), member(theirs).split(',').next().unwrap());
        let (ours, theirs) = (map(&ours["attributes"]), map(&theirs["attributes"]));
        // What is about that process or that library alone.
        let own = |key: &str| {
            [
                "runtime-id",
                "process_id",
                "language",
                "tracestate",
                "_dd.tags.process",
                "_dd.svc_src",
            ]
            .contains(&key)
        };
        for (key, value) in theirs.iter().filter(|(key, _)| !own(key)) {
            if *key == "version" || *key == "_sampling_priority_v1" && !ours.contains_key(key) {
                // Here once per chunk; and the version is of the configured service only.
                continue;
            }
            assert_eq!(ours.get(key), Some(value), "{key}");
        }
    }
    assert_eq!(ours[1]["parentSpanId"], ours[0]["spanId"]);
    assert!(ours[0].get("parentSpanId").is_none());
}

#[test]
fn a_span_has_its_fields_and_the_rest_as_attributes() {
    let request = decoded(|| {
        one_span(|span| {
            span.set_resource("GET /x");
            span.set_service("db");
            span.set_error_message("boom");
            span.set_tag("whole", 5_000_000_000_i64);
            span.set_tag("minus", -3);
            span.set_tag("part", 0.5);
            span.set_tag("no", f64::NAN);
            span.set_tag("operation.name", "the user's");
            span.set_struct_bytes("doc", vec![0x81, 0xa1, 0x61, 0xff]);
        })
    });
    let [span] = spans(&request) else { panic!("{request:?}") };
    let high = 0x6b00_de8f_0000_0000_u64.to_be_bytes();
    assert_eq!(span.trace_id, [high, 0x77_u64.to_be_bytes()].concat());
    assert_eq!((span.span_id.len(), &span.parent_span_id[..]), (8, &88_u64.to_be_bytes()[..]));
    assert_eq!((span.name.as_str(), span.kind, span.flags), ("GET /x", 1, 1));
    let times = (span.start_time_unix_nano, span.end_time_unix_nano);
    assert_eq!(times, (START, START + 946_630));
    let status = span.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "boom"));
    let attributes = attributes(&span.attributes);
    for (key, value) in [
        ("service.name", text("db")),
        ("operation.name", text("op")),
        ("resource.name", text("GET /x")),
        ("error.message", text("boom")),
        ("_dd.base_service", text("web")),
        ("_dd.p.tid", text("6b00de8f00000000")),
        ("whole", Value::IntValue(5_000_000_000)),
        ("minus", Value::IntValue(-3)),
        ("part", Value::DoubleValue(0.5)),
        ("process_id", Value::IntValue(7)),
        ("doc", Value::BytesValue(vec![0x81, 0xa1, 0x61, 0xff])),
    ] {
        assert_eq!(attributes.get(key), Some(&&value), "{key}");
    }
    assert_eq!(span.dropped_attributes_count, 0);
}

#[test]
fn events_and_links_are_native() {
    let request = decoded(|| {
        one_span(|span| {
            let link = SpanLink::new(TraceId::new(9).unwrap(), SpanId::new(7).unwrap());
            span.add_link(link.tracestate("a=b").sampled(true).attribute("why", "retry"));
            span.add_link(SpanLink::new(TraceId::new(9).unwrap(), SpanId::new(8).unwrap()));
            let event =
                SpanEvent::at("evt", at(START + 1)).attribute("s", "v").attribute("b", true);
            let event = event.attribute("i", 1i64).attribute("d", 1.5);
            span.add_event(event.attribute("list", vec![1i64, 2]));
            for _ in 0..130 {
                span.add_event(SpanEvent::at("many", at(START)));
            }
        })
    });
    let span = &spans(&request)[0];
    let [first, second] = &span.links[..] else { panic!("{span:?}") };
    assert_eq!(first.trace_id, 9_u128.to_be_bytes());
    assert_eq!(first.span_id, 7_u64.to_be_bytes());
    assert_eq!((first.trace_state.as_str(), first.flags), ("a=b", 1), "without bit 31");
    assert_eq!(attributes(&first.attributes), BTreeMap::from([("why", &text("retry"))]));
    assert_eq!((second.trace_state.as_str(), second.flags), ("", 0));
    assert_eq!((span.events.len(), span.dropped_events_count), (128, 3));
    let event = &span.events[0];
    assert_eq!((event.name.as_str(), event.time_unix_nano), ("evt", START + 1));
    let attributes = attributes(&event.attributes);
    assert_eq!(attributes["s"], &text("v"));
    assert_eq!(attributes["b"], &Value::BoolValue(true));
    assert_eq!(attributes["i"], &Value::IntValue(1));
    assert_eq!(attributes["d"], &Value::DoubleValue(1.5));
    let Value::ArrayValue(list) = attributes["list"] else { panic!("{attributes:?}") };
    assert_eq!(list.values[1].value, Some(Value::IntValue(2)));
    assert!(!self::attributes(&span.attributes).contains_key("events"), "not as a tag as well");
}

#[test]
fn attributes_beyond_the_limit_are_counted() {
    let request = decoded(|| {
        one_span(|span| {
            for number in 0..140 {
                span.set_tag(format!("text.{number}"), "x");
                span.set_tag(format!("number.{number}"), number);
            }
            span.set_struct_bytes("doc", vec![0x80]);
        })
    });
    let span = &spans(&request)[0];
    assert_eq!(span.attributes.len(), 128);
    // Those of the test, those of every local root, and `operation.name` and `resource.name`.
    let all = span.attributes.len() as u32 + span.dropped_attributes_count;
    assert!((283..300).contains(&all), "{all}");
}

#[test]
fn the_kind_is_the_spans_or_follows_from_its_type() {
    for (kind, span_type, expected) in [
        (None, None, 1),
        (None, Some("web"), 2),
        (None, Some("http"), 2),
        (None, Some("client"), 3),
        (None, Some("producer"), 4),
        (None, Some("consumer"), 5),
        (None, Some("sql"), 1),
        (Some(SpanKind::Internal), Some("web"), 1),
        (Some(SpanKind::Server), None, 2),
        (Some(SpanKind::Client), Some("web"), 3),
        (Some(SpanKind::Producer), None, 4),
        (Some(SpanKind::Consumer), None, 5),
    ] {
        let bench = Bench::new();
        let mut span = bench.span("op");
        span = kind.into_iter().fold(span, |span, kind| span.kind(kind));
        span_type.into_iter().fold(span, |span, of| span.span_type(of)).start().finish();
        let chunk = bench.take_chunks().remove(0);
        let body = body(OtlpProtocol::HttpProtobuf, chunk);
        let request = Request::decode(&body[..]).unwrap();
        assert_eq!(spans(&request)[0].kind, expected, "{kind:?} {span_type:?}");
    }
}

#[test]
fn what_came_in_goes_on_in_the_tracestate() {
    let context = SpanContext::new(TraceId::new(77).unwrap(), SpanId::new(88))
        .with_priority(SamplingPriority::USER_KEEP)
        .with_mechanism(SamplingMechanism::MANUAL)
        .with_origin("rum")
        .with_tag("_dd.p.usr", "u");
    let bench = Bench::new();
    bench.span("op").child_of(context).start().finish();
    let chunk = bench.take_chunks().remove(0);
    let body = body(OtlpProtocol::HttpProtobuf, chunk);
    let request = Request::decode(&body[..]).unwrap();
    let span = &spans(&request)[0];
    let id: String = span.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let members: Vec<_> = span.trace_state.strip_prefix("dd=").unwrap().split(';').collect();
    for member in ["s:2", "o:rum", "t.usr:u", &format!("p:{id}")] {
        assert!(members.contains(&member), "{member} in {members:?}");
    }
}

#[test]
fn opentelemetrys_conventions_alone_where_they_are_asked_for() {
    let chunk = one_span(|span| {
        span.set_service("db");
        span.set_error_message("boom");
        span.set_tag("own", "x");
    });
    let body = body_of(OtlpProtocol::HttpProtobuf, true, chunk);
    let request = Request::decode(&body[..]).unwrap();
    let span = &self::spans(&request)[0];
    let attributes = attributes(&span.attributes);
    for key in ["service.name", "operation.name", "resource.name", "error.message"] {
        assert!(!attributes.contains_key(key), "{key}");
    }
    assert_eq!(attributes["own"], &text("x"));
    assert_eq!(span.status.as_ref().unwrap().message, "boom");
}

fn tag_value() -> impl Strategy<Value = TagValue<'static>> {
    prop_oneof![
        "\\PC{0,300}".prop_map(TagValue::from),
        any::<bool>().prop_map(TagValue::from),
        any::<i64>().prop_map(TagValue::from),
        any::<f64>().prop_map(TagValue::from),
    ]
}

proptest! {
    #[test]
    fn whatever_is_set_is_what_their_decoder_reads(
        name in "\\PC{0,200}",
        tags in prop::collection::vec(("[a-z.]{1,30}", tag_value()), 0..12),
        list in prop::collection::vec(any::<f64>(), 0..4),
    ) {
        for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::HttpJson] {
            let bench = Bench::new();
            let span = bench.span(name.clone()).start();
            for (key, value) in tags.clone() {
                span.set_tag(format!("x.{key}"), value);
            }
            span.add_event(SpanEvent::new("e").attribute("list", EventValue::from(list.clone())));
            let (meta, metrics) = (span.tags(), span.metrics());
            drop(span);
            let body = body(protocol, bench.take_chunks().remove(0));
            let request: Request = match protocol {
                OtlpProtocol::HttpJson => serde_json::from_slice(&body).unwrap(),
                _ => Request::decode(&body[..]).unwrap(),
            };
            let span = &spans(&request)[0];
            prop_assert_eq!(&span.name, &name);
            let attributes = attributes(&span.attributes);
            for (key, value) in &meta {
                prop_assert_eq!(attributes[key.as_str()], &text(value));
            }
            for (key, value) in &metrics {
                let read = match attributes[key.as_str()] {
                    Value::IntValue(whole) => *whole as f64,
                    Value::DoubleValue(float) => *float,
                    other => panic!("{other:?}"),
                };
                // Written with all its digits; their reader of JSON is less exact.
                let least = if protocol == OtlpProtocol::HttpJson { value.abs() * 1e-15 } else { 0.0 };
                prop_assert!((read - value).abs() <= least, "{} {}", read, value);
            }
        }
    }
}
