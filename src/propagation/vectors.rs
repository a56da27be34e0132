//! The tables of `tests/vectors`: headers in, context out, headers out.
//!
//! Where Datadog's tracers differ, a table holds what one of them does. Each deviation from it is written
//! out below, with its reason.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tags::root_tags;
use super::{HttpPropagator, Outgoing};
use crate::config::{Config, Environment};
use crate::id::SpanId;
use crate::text::Text;
use crate::trace::{SamplingMechanism, SamplingPriority, SpanContext, SpanLink};

type Map = BTreeMap<String, String>;

fn read(table: &str) -> Value {
    serde_json::from_str(table).unwrap()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn map(value: &Value) -> Map {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn propagator(config: &Value) -> HttpPropagator {
    let text = |key: &str| match config.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(styles) => {
            let styles: Vec<_> = styles.iter().map(|style| style.as_str().unwrap()).collect();
            Some(styles.join(",").replace("b3 (single header)", "b3"))
        }
        other => Some(other.to_string()),
    };
    let pairs = [
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "styles_extract"),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "styles_inject"),
        ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "behavior_extract"),
        ("DD_TRACE_PROPAGATION_EXTRACT_FIRST", "extract_first"),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, key)| Some((name, text(key)?)));
    HttpPropagator::new(&Config::builder().environment(Environment::from_pairs(pairs)).build())
}

/// The context as the tables write it.
fn show(context: &SpanContext) -> Value {
    let mut tags: BTreeMap<Text, Text> = context.tags.iter().cloned().collect();
    let mechanism = context.mechanism.map(|mechanism| mechanism.to_string().into());
    tags.extend(mechanism.map(|mechanism| ("_dd.p.dm".into(), mechanism)));
    tags.extend(root_tags(context));
    let tags: BTreeMap<_, _> = tags.iter().map(|(key, value)| (&**key, &**value)).collect();
    let link = |link: &SpanLink| {
        let attributes = link.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        json!({
            "trace_id": link.trace_id.to_string(),
            "span_id": link.span_id.to_string(),
            "attributes": attributes.collect::<BTreeMap<_, _>>(),
            "tracestate": link.tracestate.as_deref(),
            "flags": link.flags,
        })
    };
    let links: Vec<_> = context.links().iter().map(link).collect();
    json!({
        "trace_id": context.trace_id.map(|id| id.to_string()),
        "span_id": context.span_id.map(|id| id.get().to_string()),
        "sampling_priority": context.priority.map(SamplingPriority::get),
        "origin": context.origin(),
        "tags": tags,
        "vendors": context.vendor_tracestate(),
        "ot": context.probability.as_deref(),
        "baggage": context.baggage().into_iter().flat_map(|baggage| baggage.iter())
            .collect::<BTreeMap<_, _>>(),
        "links": links,
    })
}

/// The same of a table's row, all parts present.
fn expected(context: &Value) -> Value {
    let tracestate = text(&context["tracestate"]).unwrap_or_default();
    let (own, vendors): (Vec<_>, Vec<_>) = tracestate
        .split(',')
        .filter(|member| !member.is_empty())
        .partition(|member| member.starts_with("dd=") || member.starts_with("ot="));
    let mut tags = map(&context["tags"]);
    // The high bits are part of our trace id.
    if let Some(high) = tags.remove("_dd.p.tid") {
        assert!(context["trace_id"].as_str().unwrap().starts_with(&high));
    }
    let mut links = context["links"].as_array().cloned().unwrap_or_default();
    for link in &mut links {
        link["tracestate"] = link["tracestate"].clone();
    }
    json!({
        "trace_id": context["trace_id"],
        "span_id": context["span_id"],
        "sampling_priority": context["sampling_priority"],
        "origin": context["origin"],
        "tags": tags,
        "vendors": (!vendors.is_empty()).then(|| vendors.join(",")),
        "ot": own.iter().find_map(|member| member.strip_prefix("ot=")),
        "baggage": map(&context["baggage"]),
        "links": links,
    })
}

/// Headers with the parts of lists in one order, and without `t.tid`: it repeats `traceparent`, and is not
/// to be sent.
fn normal(mut headers: Map) -> Map {
    let sort = |text: &str, separator: &str| {
        let mut parts: Vec<_> =
            text.split(separator).filter(|part| !part.starts_with("t.tid:")).collect();
        parts.sort_unstable();
        parts.join(separator)
    };
    for (name, value) in &mut headers {
        match name.as_str() {
            "x-datadog-tags" | "baggage" => *value = sort(value, ","),
            "tracestate" => {
                let (first, rest) = value.split_at(value.find(',').unwrap_or(value.len()));
                let member = first.strip_prefix("dd=").expect("our member is the first");
                *value = format!("dd={}{rest}", sort(member, ";"));
            }
            _ => {}
        }
    }
    headers
}

/// Our way where the measured one differs.
fn corrected(name: &str, case: &Value) -> (Value, Value) {
    let context = case["context"].clone();
    let headers = case["child_inject"].clone();
    match name {
        // A priority that is no number is only that.
        "datadog bad priority" => (
            json!({"trace_id": "00000000000000000000000000000005", "span_id": "6", "tags": {}}),
            headers,
        ),
        // No trace, and a decision without a trace is ignored.
        "b3multi zero trace id" | "b3 single only 0" | "b3 single only d" => (Value::Null, headers),
        // Properties are dropped.
        "baggage metadata" => (
            json!({"baggage": {"key": "value", "k2": "v2"}, "tags": {}}),
            json!({"baggage": "key=value,k2=v2"}),
        ),
        _ => (context, headers),
    }
}

#[test]
fn headers_become_the_context_of_the_table() {
    let table = read(include_str!("../../tests/vectors/propagation-extract.json"));
    let mut count = 0;
    for group in table["groups"].as_array().unwrap() {
        let propagator = propagator(&group["config"]);
        for case in group["cases"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let (context, child) = corrected(name, case);
            let found = propagator.extract(&map(&case["headers"]));
            let shown = found.as_ref().map(show);
            assert_eq!(shown, (!context.is_null()).then(|| expected(&context)), "{name}");
            if let (Some(found), true) = (&found, child.is_object()) {
                let outgoing =
                    Outgoing { span_id: SpanId::new(1234), is_local_span: true, ..found.into() };
                let mut headers = Map::new();
                assert_eq!(propagator.inject_outgoing(&outgoing, &mut headers), None, "{name}");
                assert_eq!(normal(headers), normal(map(&child)), "{name}");
            }
            count += 1;
        }
    }
    assert!(count > 75);
}

#[test]
fn a_context_becomes_the_headers_of_the_table() {
    let table = read(include_str!("../../tests/vectors/propagation-inject.json"));
    let propagator = HttpPropagator::default();
    for case in table["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let source = &case["context"];
        let mut context = SpanContext::new(
            source["trace_id"].as_str().unwrap().parse().unwrap(),
            source["span_id"].as_str().unwrap().parse().ok(),
        );
        context.remote = source["is_remote"].as_bool().unwrap();
        context.priority = source["sampling_priority"]
            .as_i64()
            .map(|n| SamplingPriority::new(n.try_into().unwrap()));
        for (key, value) in source["meta"].as_object().into_iter().flatten() {
            let value = Text::copy(value.as_str().unwrap());
            match key.as_str() {
                "_dd.origin" => context = context.with_origin(value),
                "_dd.parent_id" => context.last_parent = Some(value),
                "tracestate" => context.vendors = Some(value),
                "_dd.propagation_error" | "traceparent" => {}
                _ => context = context.with_tag(key.clone(), value),
            }
        }
        let baggage = map(&source["baggage"]);
        context = context.with_baggage(baggage.iter().collect());

        let mut expected = map(&case["headers"]);
        let mut error = text(&case["error_tag_after"]);
        match name {
            // An error on the way in does not keep good tags from going out.
            "error tag present" => {
                assert_eq!(error.take().as_deref(), Some("decoding_error"));
                expected.insert("x-datadog-tags".to_owned(), "_dd.p.a=1".to_owned());
            }
            // A receiver could refuse the whole request for it; `tracestate` has it, encoded.
            "origin special chars" => {
                assert!(!expected.remove("x-datadog-origin").unwrap().is_ascii());
            }
            // A percent sign is escaped like everything that could be taken for something else.
            "baggage special" => {
                let baggage = expected.get_mut("baggage").unwrap();
                *baggage = baggage.replace("$%&", "$%25&");
            }
            _ => {}
        }
        let mut headers = Map::new();
        let said = propagator.inject_outgoing(&(&context).into(), &mut headers);
        assert_eq!(normal(headers), normal(expected), "{name}");
        assert_eq!(said, error.as_deref(), "{name}");
    }
}

#[test]
fn a_probability_is_sent_between_our_member_and_the_others() {
    let context = SpanContext {
        vendors: Some("a=1".into()),
        probability: Some("rv:ef284ace7a91e1".into()),
        ..SpanContext::new("7".parse().unwrap(), SpanId::new(9))
    };
    let outgoing = Outgoing { is_local_span: true, ..(&context).into() };
    let mut headers = Map::new();
    assert_eq!(HttpPropagator::default().inject_outgoing(&outgoing, &mut headers), None);
    assert_eq!(headers["tracestate"], "dd=p:0000000000000009,ot=rv:ef284ace7a91e1,a=1");
}

#[test]
fn ids_are_written_as_in_the_table() {
    let table = read(include_str!("../../tests/vectors/trace-ids.json"));
    let propagator = HttpPropagator::default();
    for row in table["ids"].as_array().unwrap() {
        let trace_id = row["trace_id_hex"].as_str().unwrap().parse().unwrap();
        let context = SpanContext::new(trace_id, SpanId::new(1234))
            .with_priority(SamplingPriority::AUTO_KEEP)
            .with_mechanism(SamplingMechanism::DEFAULT);
        let mut headers = Map::new();
        propagator.inject_context(&context, &mut headers);
        assert_eq!(Some(&headers["x-datadog-trace-id"]), text(&row["header_trace_id"]).as_ref());
        assert_eq!(Some(&headers["traceparent"]), text(&row["traceparent"]).as_ref());
        let tid = headers["x-datadog-tags"].split_once(",_dd.p.tid=").map(|(_, tid)| tid);
        assert_eq!(tid, row["tid"].as_str());
    }
}
