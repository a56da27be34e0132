//! The shared payload vectors, decoded through the public API.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;
use tracehound_local_agent::Span;
use tracehound_local_agent::check;
use tracehound_local_agent::decode::{Encoding, Payload, decode};
use tracehound_local_agent::model::{Event, Findings, Link, Text, Value};

const VECTORS: &str = include_str!("../../../tests/vectors/payloads.json");

fn vectors() -> Json {
    serde_json::from_str(VECTORS).unwrap()
}

fn bytes(hex: &Json) -> Vec<u8> {
    let hex = hex.as_str().unwrap().as_bytes();
    hex.chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Every vector: its name, encoding, bytes and description.
fn all() -> Vec<(String, Encoding, Vec<u8>, Json)> {
    let vectors = vectors();
    let mut all = Vec::new();
    for (section, encoding) in
        [("v04", Encoding::V04), ("v05", Encoding::V05), ("v1", Encoding::V1)]
    {
        for (name, vector) in vectors[section].as_object().unwrap() {
            let body = bytes(&vector["hex"]);
            all.push((format!("{section}.{name}"), encoding, body, vector.clone()));
        }
    }
    all
}

fn decoded(encoding: Encoding, body: &[u8]) -> Payload {
    let payload = decode(encoding, body).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(payload.findings, [], "nothing is unknown in a vector");
    payload
}

// ===== what a vector says, as spans =====

fn int(json: &Json) -> i128 {
    match json.get("$int") {
        Some(text) => text.as_str().unwrap().parse().unwrap(),
        None => json.as_i64().unwrap().into(),
    }
}

fn text(json: &Json) -> Text {
    json.as_str().unwrap_or_default().into()
}

fn entries<V>(json: &Json, value: impl Fn(&Json) -> V) -> BTreeMap<Text, V> {
    let object = json.as_object().into_iter().flatten();
    object.map(|(key, json)| (key.as_str().into(), value(json))).collect()
}

fn attribute(json: &Json) -> Value {
    match json["type"].as_i64().unwrap() {
        0 => Value::String(text(&json["string_value"])),
        1 => Value::Bool(json["bool_value"].as_bool().unwrap()),
        2 => Value::Int(json["int_value"].as_i64().unwrap()),
        3 => Value::Double(json["double_value"].as_f64().unwrap()),
        _ => {
            let values = json["array_value"]["values"].as_array().unwrap();
            Value::Array(values.iter().map(attribute).collect())
        }
    }
}

fn plain(json: &Json) -> Value {
    match json {
        Json::String(text) => text.as_str().into(),
        Json::Bool(value) => Value::Bool(*value),
        Json::Array(list) => Value::Array(list.iter().map(plain).collect()),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap()), Value::Int)
        }
        other => panic!("{other}"),
    }
}

fn tag_events(meta: &BTreeMap<Text, Text>) -> Vec<Event> {
    let Some(tag) = meta.get("events") else { return Vec::new() };
    let list: Json = serde_json::from_str(tag).unwrap();
    let events = list.as_array().unwrap().iter().map(|event| Event {
        time_unix_ns: event["time_unix_nano"].as_u64().unwrap(),
        name: text(&event["name"]),
        attributes: entries(&event["attributes"], plain),
    });
    events.collect()
}

fn tag_links(meta: &BTreeMap<Text, Text>) -> Vec<Link> {
    let Some(tag) = meta.get("_dd.span_links") else { return Vec::new() };
    let list: Json = serde_json::from_str(tag).unwrap();
    let links = list.as_array().unwrap().iter().map(|link| Link {
        trace_id: u128::from_str_radix(link["trace_id"].as_str().unwrap(), 16).unwrap(),
        span_id: u64::from_str_radix(link["span_id"].as_str().unwrap(), 16).unwrap(),
        attributes: entries(&link["attributes"], plain),
        tracestate: text(&link["tracestate"]),
        flags: link["flags"].as_u64().map(|flags| flags.try_into().unwrap()),
    });
    links.collect()
}

/// A v0.4 span as the vectors write it; its chunk's high bits are added by the caller.
fn span(json: &Json) -> Span {
    let meta = entries(&json["meta"], text);
    let native_links = json["span_links"].as_array().into_iter().flatten().map(|link| Link {
        trace_id: (int(&link["trace_id_high"]) as u128) << 64 | int(&link["trace_id"]) as u128,
        span_id: int(&link["span_id"]).try_into().unwrap(),
        attributes: entries(&link["attributes"], |value| Value::String(text(value))),
        tracestate: text(&link["tracestate"]),
        flags: Some((int(&link["flags"]) & 0x7fff_ffff).try_into().unwrap()),
    });
    let native_events = json["span_events"].as_array().into_iter().flatten().map(|event| Event {
        time_unix_ns: int(&event["time_unix_nano"]).try_into().unwrap(),
        name: text(&event["name"]),
        attributes: entries(&event["attributes"], attribute),
    });
    Span {
        trace_id: int(&json["trace_id"]) as u128,
        span_id: int(&json["span_id"]).try_into().unwrap(),
        parent_id: json.get("parent_id").map_or(0, int).try_into().unwrap(),
        service: text(&json["service"]),
        name: text(&json["name"]),
        resource: text(&json["resource"]),
        span_type: text(&json["type"]),
        start_ns: int(&json["start"]).try_into().unwrap(),
        duration_ns: int(&json["duration"]).try_into().unwrap(),
        error: json.get("error").map_or(0, int).try_into().unwrap(),
        metrics: entries(&json["metrics"], |value| value.as_f64().unwrap()),
        meta_struct: entries(&json["meta_struct"], |value| Arc::from(bytes(&value["$bin"]))),
        links: native_links.chain(tag_links(&meta)).collect(),
        events: native_events.chain(tag_events(&meta)).collect(),
        meta,
    }
}

/// v0.5's arrays with the table's texts in place, as v0.4 maps.
fn unfold(decoded: &Json) -> Json {
    let table = &decoded[0];
    let at = |index: &Json| table[usize::try_from(index.as_u64().unwrap()).unwrap()].clone();
    let key = |index: &String| table[index.parse::<usize>().unwrap()].as_str().unwrap().to_owned();
    let span = |span: &Json| {
        let meta: serde_json::Map<_, _> =
            span[9].as_object().unwrap().iter().map(|(k, v)| (key(k), at(v))).collect();
        let metrics: serde_json::Map<_, _> =
            span[10].as_object().unwrap().iter().map(|(k, v)| (key(k), v.clone())).collect();
        serde_json::json!({
            "service": at(&span[0]), "name": at(&span[1]), "resource": at(&span[2]),
            "trace_id": span[3], "span_id": span[4], "parent_id": span[5], "start": span[6],
            "duration": span[7], "error": span[8], "meta": meta, "metrics": metrics,
            "type": at(&span[11]),
        })
    };
    let chunks = decoded[1].as_array().unwrap().iter();
    chunks.map(|chunk| chunk.as_array().unwrap().iter().map(span).collect::<Json>()).collect()
}

fn expected(chunks: &Json) -> Vec<Vec<Span>> {
    let chunk = |chunk: &Json| {
        let mut spans: Vec<Span> = chunk.as_array().unwrap().iter().map(span).collect();
        let high = spans[0].meta("_dd.p.tid").map_or(0, |t| u128::from_str_radix(t, 16).unwrap());
        spans.iter_mut().for_each(|span| span.trace_id |= high << 64);
        spans
    };
    chunks.as_array().unwrap().iter().map(chunk).collect()
}

fn spans(payload: &Payload) -> Vec<Vec<Span>> {
    payload.chunks.iter().map(|chunk| chunk.spans.clone()).collect()
}

// ===== tests =====

#[test]
fn v04_vectors_decode_to_what_they_say() {
    for (name, encoding, body, vector) in all() {
        if encoding == Encoding::V04 {
            assert_eq!(spans(&decoded(encoding, &body)), expected(&vector["decoded"]), "{name}");
        }
    }
}

#[test]
fn v05_vectors_decode_to_what_they_say() {
    for (name, encoding, body, vector) in all() {
        if encoding == Encoding::V05 {
            let expected = expected(&unfold(&vector["decoded"]));
            assert_eq!(spans(&decoded(encoding, &body)), expected, "{name}");
        }
    }
}

/// The same content in v0.4 was converted by an agent, which copies the chunk's tags to every span
/// and drops the payload's; where they differ is written out here.
#[test]
fn the_v1_vector_decodes_to_the_same_spans_as_its_v04_form() {
    let vectors = vectors();
    let vector = &vectors["v1"]["two_spans_link_event"];
    let same = &vector["same_content_as_v04"];
    let mut old = spans(&decoded(Encoding::V04, &bytes(&same["hex"])));
    assert_eq!(old, expected(&same["decoded"]));

    let [first, second] = old[0].as_mut_slice() else { panic!("two spans") };
    first.meta.insert("_dd.p.dm".into(), "-0".into());
    first.meta.insert("language".into(), "rust".into());
    first.meta.insert("runtime-id".into(), "11111111-2222-3333-4444-555555555555".into());
    for key in ["_dd.p.dm", "_dd.p.tid", "_dd.git.commit.sha", "version"] {
        second.meta.remove(key);
    }
    second.metrics.remove("_sampling_priority_v1");

    assert_eq!(spans(&decoded(Encoding::V1, &bytes(&vector["hex"]))), old);
}

#[test]
fn vectors_satisfy_the_checks() {
    for (name, encoding, body, _) in all() {
        let mut findings = Findings::default();
        for chunk in decoded(encoding, &body).chunks {
            check::chunk(&chunk, &mut findings);
        }
        assert_eq!(findings.into_vec(), [], "{name}");
    }
}

#[test]
fn a_truncated_body_never_decodes() {
    for (name, encoding, body, _) in all() {
        for end in 0..body.len() {
            assert!(decode(encoding, &body[..end]).is_err(), "{name} cut at {end}");
        }
    }
}

proptest! {
    /// Random bytes rarely get past the first field; a valid body with a few changes does.
    #[test]
    fn no_changed_vector_panics_the_decoder(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let vectors = all();
        let (_, _, body, _) = which.get(&vectors);
        let mut body = body.clone();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len()));
        }
        for encoding in [Encoding::V04, Encoding::V05, Encoding::V07, Encoding::V1] {
            if let Ok(payload) = decode(encoding, &body) {
                let mut findings = Findings::default();
                for chunk in &payload.chunks {
                    check::chunk(chunk, &mut findings);
                }
            }
        }
    }
}
