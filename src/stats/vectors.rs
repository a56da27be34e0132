//! What every Datadog tracer does alike, by the tables that they share (`tests/vectors/client-stats.json`).

use std::collections::BTreeMap;

use libdd_ddsketch::DDSketch;
use rmpv::Value as Msgpack;
use serde_json::{Value, json};

use super::concentrator::Concentrator;
use super::grpc;
use super::payload::Payload;
use super::terms::Terms;
use crate::agent::AgentInfo;
use crate::config::{StatsLimits, StatsSettings};
use crate::encode::{Process, SourceCode};
use crate::quantize::peer_address;
use crate::sync::Snapshot;
use crate::trace::testkit::Bench;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/client-stats.json")).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_sketch_has_the_bytes_of_the_others() {
    let vectors = vectors();
    let encoded = vectors["ddsketch"]["encoded"].as_array().unwrap();
    assert!(encoded.len() >= 5);
    for row in encoded {
        let mut sketch = DDSketch::default();
        for value in row["values"].as_array().unwrap() {
            sketch.add(value.as_f64().unwrap()).unwrap();
        }
        assert_eq!(hex(&sketch.encode_to_vec()), row["hex"], "{}", row["values"]);
    }
}

#[test]
fn a_value_is_in_the_bin_in_which_the_others_have_it() {
    let vectors = vectors();
    for row in vectors["ddsketch"]["indexes"].as_array().unwrap() {
        let mut sketch = DDSketch::default();
        sketch.add(row["value"].as_f64().unwrap()).unwrap();
        let bins = sketch.ordered_bins();
        let (value, _) = bins.iter().find(|(_, count)| *count > 0.0).unwrap();
        let expected = row["bin_value"].as_f64().unwrap();
        assert!((value / expected - 1.0).abs() < 1e-12, "{row}: {value}");
        let store = sketch.into_pb().positive_values.unwrap();
        assert_eq!(json!(store.contiguous_bin_index_offset), row["index"]);
    }
}

#[test]
fn the_lowest_bins_of_a_range_that_is_too_wide_are_one() {
    let mut sketch = DDSketch::default();
    let values: Vec<f64> = (0..2_500).map(|power| 1.015_625f64.powi(power)).collect();
    values.iter().for_each(|value| sketch.add(*value).unwrap());
    sketch.add(1.0).unwrap();
    let store = sketch.into_pb().positive_values.unwrap();
    let bins = store.contiguous_bin_counts;
    assert_eq!(bins.len(), 2_048);
    assert!(bins[0] > 400.0, "{}", bins[0]);
    assert_eq!(bins.iter().sum::<f64>(), 2_501.0);
}

#[test]
fn peers_have_no_addresses() {
    for row in vectors()["peer_ip_quantization"].as_array().unwrap() {
        assert_eq!(json!(peer_address(row["in"].as_str().unwrap())), row["out"], "{row}");
    }
}

#[test]
fn a_status_of_grpc_is_read_in_every_spelling() {
    for row in vectors()["grpc_status"].as_array().unwrap() {
        let status = grpc::of_text(row["in"].as_str().unwrap());
        let text = status.map(|status| status.to_string()).unwrap_or_default();
        assert_eq!(text, row["out"], "{row}");
    }
}

/// MessagePack as JSON, binary as in the vectors.
fn json(value: &Msgpack) -> Value {
    match value {
        Msgpack::Binary(bytes) => json!({ "bin_hex": hex(bytes) }),
        Msgpack::Array(values) => values.iter().map(json).collect(),
        Msgpack::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), json(value)))
            .collect(),
        Msgpack::String(text) => json!(text.as_str()),
        Msgpack::Boolean(value) => json!(value),
        Msgpack::Integer(number) => json!(number.as_u64()),
        other => panic!("{other}"),
    }
}

/// The groups of a payload by their names, which are different here.
fn by_name(payload: &Value) -> BTreeMap<String, Value> {
    let groups = payload["Stats"].as_array().unwrap().iter();
    let groups = groups.flat_map(|bucket| bucket["Stats"].as_array().unwrap());
    groups.map(|group| (group["Name"].as_str().unwrap().to_owned(), group.clone())).collect()
}

#[test]
fn a_payload_is_that_of_another_tracer() {
    let expected = &vectors()["stats_payload"];
    let start = expected["Stats"][0]["Start"].as_u64().unwrap();
    let time = |after: u64| std::time::UNIX_EPOCH + std::time::Duration::from_nanos(start + after);
    let bench = Bench::with(|shared| {
        shared.service = "svc".into();
        (shared.env, shared.version) = (Some("dev".into()), Some("1.2".into()));
        shared.tags = Snapshot::new(vec![("team".into(), "blue".into())]);
    });
    let web = bench
        .span("web.request")
        .root()
        .service("my-web-site")
        .resource("home")
        .start_time(time(5));
    let web = web.span_type("web").tag("span.kind", "server").start();
    web.set_tag("http.method", "GET");
    web.set_tag("http.status_code", 200);
    let redis = bench.span("redis.command").child_of(&web).resource("SET").span_type("redis");
    let redis = redis.service("my-web-site").start_time(time(5)).tag("span.kind", "client").start();
    redis.set_tag("db.name", "x");
    redis.set_tag("out.host", "h1");
    redis.finish_at(time(5 + 19_399));
    web.finish_at(time(5 + 350_917));
    let chunk = bench.take_chunks().remove(0);

    let info = json!({
        "endpoints": ["/v0.6/stats"], "client_drop_p0s": true,
        "peer_tags": ["_dd.base_service", "db.name", "peer.service", "out.host"],
    });
    let settings = StatsSettings { is_on: true, ..StatsSettings::default() };
    let terms = Terms::of(&AgentInfo::of_json(&info), &settings).unwrap();
    let mut concentrator = Concentrator::new(StatsLimits::DEFAULT, start);
    concentrator.count(&chunk, &terms);
    let mut books = concentrator.take(start, true);
    assert!(concentrator.is_empty());
    let process = Process::current(None, SourceCode::default());
    let payload = Payload::write(books.remove(0), &process, Some("of the agent"), 0);
    assert_eq!((payload.spans, payload.groups), (2, 2));
    let mut sent = json(&rmpv::decode::read_value(&mut payload.body.as_slice()).unwrap());

    assert_eq!(by_name(&sent), by_name(expected));
    assert_eq!(sent["Stats"].as_array().unwrap().len(), 1);
    for field in ["Start", "Duration", "AgentTimeShift"] {
        assert_eq!(sent["Stats"][0][field], expected["Stats"][0][field], "{field}");
    }
    // What differs by its nature, and what that tracer leaves to the agent.
    sent["RuntimeID"] = expected["RuntimeID"].clone();
    assert_eq!(sent["Lang"], "rust");
    (sent["Lang"], sent["TracerVersion"]) = (json!(""), json!(""));
    sent["ProcessTags"] = expected["ProcessTags"].clone();
    sent["Stats"] = expected["Stats"].clone();
    assert_eq!(&sent, expected);
}
