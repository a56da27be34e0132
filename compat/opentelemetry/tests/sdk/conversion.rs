//! What becomes of a span.

use opentelemetry::trace::{Event, Link, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use serde_json::Value as Json;
use std::time::SystemTime;
use tracehound::EventValue;
use tracehound::testing::CapturedSpan;
use tracehound_opentelemetry::{ResourceNaming, SpanExporterBuilder};

use super::support::{captured, context, export, only, span, with};

/// Sends one span through an exporter with a resource.
fn convert(
    build: impl FnOnce(SpanExporterBuilder) -> SpanExporterBuilder,
    resource: &[KeyValue],
    data: SpanData,
) -> CapturedSpan {
    let (builder, captured) = captured();
    let mut exporter = build(builder).build();
    let resource = Resource::builder_empty().with_attributes(resource.iter().cloned());
    exporter.set_resource(&resource.build());
    export(&exporter, vec![data]).unwrap();
    only(&exporter, &captured)
}

fn plain(data: SpanData) -> CapturedSpan {
    convert(|builder| builder, &[], data)
}

// ===== the vectors =====

/// Spans as the agent's conversion makes them. What is different here, and why:
///
/// - arrays are tags `key.0`, `key.1`, not one text, as in the rest of this crate;
/// - `http.status_code` is text only: that implementation writes it twice;
/// - `datadog.error` marks the span: that implementation overlooks a number.
#[test]
fn spans_are_those_of_the_agent() {
    let vectors: Json =
        serde_json::from_str(include_str!("../vectors/otel-conversion.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let span = convert(|builder| builder, &resource(case), data(case));
        let expected = &case["dd"];
        let service = match expected["service"].as_str().unwrap() {
            "otlpresourcenoservicename" => "shop",
            named => named,
        };
        assert_eq!(span.service, service, "{case}");
        assert_eq!(span.name, expected["name"].as_str().unwrap(), "{case}");
        assert_eq!(span.resource, expected["resource"].as_str().unwrap(), "{case}");
        assert_eq!(span.span_type.as_deref(), expected["type"].as_str(), "{case}");
        let is_marked = case["attributes"].get("datadog.error").is_some();
        assert_eq!(span.is_error, is_marked || expected["error"] == 1, "{case}");

        let mut tags = span.tags.clone();
        assert_eq!(tags.remove("otel.trace_id").unwrap(), "0102030405060708090a0b0c0d0e0f10");
        tags.insert("span.kind".into(), kind_tag(&span));
        let mut metrics = span.metrics.clone();
        if let Some(priority) = span.priority.filter(|priority| priority.get() != 1) {
            metrics.insert("_sampling_priority_v1".into(), priority.get().into());
        }
        let is_array = |key: &str| key.starts_with("arr_");
        tags.retain(|key, _| !is_array(key));
        metrics.retain(|key, _| !is_array(key));
        let texts: Vec<_> = object(&expected["meta"])
            .filter(|(key, _)| !is_array(key) && !is_of_resource(case, key))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let numbers: Vec<_> = object(&expected["metrics"])
            .filter(|(key, _)| *key != "http.status_code")
            .map(|(key, value)| (key.clone(), value.as_f64().unwrap()))
            .collect();
        assert_eq!(tags.into_iter().collect::<Vec<_>>(), texts, "{case}");
        assert_eq!(metrics.into_iter().collect::<Vec<_>>(), numbers, "{case}");
    }
    assert_eq!(cases.len(), 40);
}

fn kind_tag(span: &CapturedSpan) -> String {
    span.kind.unwrap().as_str().to_owned()
}

fn object(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten()
}

fn attributes(json: &Json) -> Vec<KeyValue> {
    let value = |json: &Json| -> Option<Value> {
        Some(match json {
            Json::Bool(value) => (*value).into(),
            Json::String(value) => value.clone().into(),
            Json::Number(value) if value.is_i64() => value.as_i64()?.into(),
            Json::Number(value) => value.as_f64()?.into(),
            _ => return None,
        })
    };
    object(json).filter_map(|(key, json)| Some(KeyValue::new(key.clone(), value(json)?))).collect()
}

fn resource(case: &Json) -> Vec<KeyValue> {
    attributes(&case["resource"])
}

/// What every span of the tracer gets when it is written; `delivery.rs` looks at it.
fn is_of_resource(case: &Json, key: &str) -> bool {
    let resource = &case["resource"];
    let source = match key {
        "env" => "deployment.environment.name",
        "version" => "service.version",
        own => own,
    };
    resource.get(source).is_some()
}

fn data(case: &Json) -> SpanData {
    let mut data = with(span(1, 0), attributes(&case["attributes"]));
    data.span_kind = match case["kind"].as_str().unwrap() {
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => SpanKind::Internal,
    };
    data.status = match case["status"].as_str() {
        Some("ok") => Status::Ok,
        Some("error") => Status::error(""),
        Some("error:boom") => Status::error("boom"),
        _ => Status::Unset,
    };
    for event in case["events"].as_array().into_iter().flatten() {
        let name = event["name"].as_str().unwrap().to_owned();
        let attributes = attributes(&event["attributes"]);
        data.events.events.push(Event::new(name, SystemTime::now(), attributes, 0));
    }
    if let Some(scope) = case.get("scope") {
        data.instrumentation_scope =
            InstrumentationScope::builder(scope["name"].as_str().unwrap().to_owned())
                .with_version(scope["version"].as_str().unwrap().to_owned())
                .build();
    }
    if let Some(state) = case["tracestate"].as_str() {
        data.span_context = context(super::support::TRACE, 1, true, state);
    }
    data
}

// ===== beyond the vectors =====

#[test]
fn the_resource_is_the_name_where_that_is_asked_for() {
    let http = || with(span(1, 0), [KeyValue::new("http.request.method", "GET")]);
    assert_eq!(plain(http()).resource, "GET");
    let by_name = convert(|builder| builder.resource_naming(ResourceNaming::SpanName), &[], http());
    assert_eq!(by_name.resource, "span_name");
    let named = with(http(), [KeyValue::new("resource.name", "mine")]);
    assert_eq!(plain(named).resource, "mine");
}

#[test]
fn the_resource_of_a_span_may_follow_from_the_resource_of_the_sdk() {
    let query = with(span(1, 0), [KeyValue::new("db.statement", "SELECT 1")]);
    assert_eq!(plain(query.clone()).resource, "span_name");
    let database = [KeyValue::new("db.system", "sqlite")];
    assert_eq!(convert(|builder| builder, &database, query).resource, "SELECT 1");
}

#[test]
fn arrays_are_flattened_and_odd_values_do_no_harm() {
    let data = with(
        span(1, 0),
        [
            KeyValue::new("arr", Value::Array(Array::I64(vec![1, 2]))),
            KeyValue::new("texts", Value::Array(Array::String(vec!["a".into()]))),
            KeyValue::new("nan", f64::NAN),
            KeyValue::new("large", i64::MAX),
            KeyValue::new("", "empty key"),
            KeyValue::new("datadog.unknown", "dropped"),
        ],
    );
    let span = plain(data);
    assert_eq!((span.metrics["arr.0"], span.metrics["arr.1"]), (1.0, 2.0));
    assert_eq!(span.tags["texts.0"], "a");
    assert_eq!(span.tags["large"], i64::MAX.to_string());
    assert!(!span.metrics.contains_key("nan") && !span.tags.contains_key("datadog.unknown"));
}

#[test]
fn the_resource_of_the_sdk_names_whose_spans_they_are() {
    let resource = [KeyValue::new("service.name", "checkout"), KeyValue::new("process.pid", 7)];
    let span_of = |data| convert(|builder| builder, &resource, data);
    assert_eq!(span_of(span(1, 0)).service, "checkout");
    let other = with(span(1, 0), [KeyValue::new("service.name", "db")]);
    assert_eq!(span_of(other).service, "db");
    let in_code = convert(|builder| builder.service("code"), &resource, span(1, 0));
    assert_eq!(in_code.service, "code");
}

#[test]
fn attributes_of_the_scope_are_tags_that_the_span_may_overrule() {
    let mut data = with(span(1, 0), [KeyValue::new("both", "span")]);
    data.instrumentation_scope = InstrumentationScope::builder("lib")
        .with_attributes([KeyValue::new("own", 1), KeyValue::new("both", "scope")])
        .build();
    let span = plain(data);
    assert_eq!((&*span.tags["own"], &*span.tags["both"]), ("1", "span"));
    assert_eq!(span.tags["otel.scope.name"], "lib");
    assert!(!span.tags.contains_key("otel.scope.version"));
}

#[test]
fn links_events_and_what_was_dropped_arrive() {
    let mut data = span(1, 0);
    let linked = context(7 << 64 | 8, 9, true, "other=1");
    let attributes = vec![KeyValue::new("n", 1)];
    data.links.links.push(Link::new(linked, attributes, 6));
    data.links.links.push(Link::with_context(context(0, 0, false, "")));
    data.links.dropped_count = 2;
    let attributes = vec![KeyValue::new("tries", 3)];
    data.events.events.push(Event::new("retry", data.start_time, attributes, 7));
    data.events.dropped_count = 4;
    data.dropped_attributes_count = 5;
    let span = plain(data);
    let link = tracehound::SpanLink::new(
        tracehound::TraceId::new(7 << 64 | 8).unwrap(),
        tracehound::SpanId::new(9).unwrap(),
    );
    let link = link.trace_flags(1).tracestate("other=1").attribute("n", "1");
    assert_eq!(span.links, [link.attribute("otel.dropped_attributes_count", "6")]);
    let start = SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(span.start_ns as u64);
    let event = tracehound::SpanEvent::at("retry", start);
    let event = event.attribute("tries", EventValue::I64(3));
    assert_eq!(span.events, [event.attribute("otel.dropped_attributes_count", 7)]);
    let dropped = ["attributes", "events", "links"]
        .map(|what| span.metrics[&format!("otel.dropped_{what}_count")]);
    assert_eq!(dropped, [5.0, 4.0, 2.0]);
}

#[test]
fn the_last_exception_of_a_failed_span_describes_it() {
    let exception = |message: &'static str, kind: &'static str| {
        let attributes = vec![
            KeyValue::new("exception.message", message),
            KeyValue::new("exception.type", kind),
        ];
        Event::new("Exception", SystemTime::now(), attributes, 0)
    };
    let mut data = span(1, 0);
    data.events.events.extend([exception("first", "A"), exception("second", "B")]);
    data.status = Status::error("described");
    let failed = plain(data.clone());
    assert_eq!((&*failed.tags["error.message"], &*failed.tags["error.type"]), ("second", "B"));
    assert!(failed.is_error);

    data.status = Status::Ok;
    let fine = plain(with(data, [KeyValue::new("error", true)]));
    assert!(!fine.is_error && !fine.tags.contains_key("error.message"));
    assert_eq!(fine.tags["_dd.span_events.has_exception"], "true");
}

#[test]
fn an_error_without_a_word_is_called_by_the_status_of_the_answer() {
    let mut data = with(
        span(1, 0),
        [
            KeyValue::new("http.response.status_code", 503),
            KeyValue::new("http.status_text", "Service Unavailable"),
        ],
    );
    data.status = Status::error("");
    assert_eq!(plain(data).tags["error.message"], "503 Service Unavailable");
}
