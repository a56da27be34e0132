//! Which spans count, as what, when and for how long.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::agent::AgentInfo;
use crate::config::StatsSettings;
use crate::encode::{Process, SourceCode};
use crate::stats::Payload;
use crate::trace::Span;
use crate::trace::testkit::Bench;

/// The beginning of a bucket.
const START: u64 = 1_795_217_360_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn at(unix_ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_ns)
}

fn terms_of(info: &Value, settings: &StatsSettings) -> Terms {
    let mut all = json!({"endpoints": ["/v0.6/stats"], "client_drop_p0s": true});
    for (key, value) in info.as_object().unwrap() {
        all[key] = value.clone();
    }
    Terms::of(&AgentInfo::of_json(&all), settings).unwrap()
}

fn settings() -> StatsSettings {
    StatsSettings { is_on: true, ..StatsSettings::default() }
}

struct Fixture {
    bench: Bench,
    terms: Terms,
    concentrator: Concentrator,
}

impl Fixture {
    fn new(info: &Value, settings: &StatsSettings) -> Self {
        let terms = terms_of(info, settings);
        let concentrator = Concentrator::new(settings.limits, START);
        Fixture { bench: Bench::new(), terms, concentrator }
    }

    fn plain() -> Self {
        Self::new(&json!({}), &settings())
    }

    /// A root span that ends at this time after [`START`], after a millisecond.
    fn span(&self, end: u64) -> Span {
        self.bench.span("op").root().start_time(at(START + end - SECOND / 1_000)).start()
    }

    fn finish(&mut self, span: &Span, end: u64) {
        span.finish_at(at(START + end));
        self.count();
    }

    fn count(&mut self) {
        for chunk in self.bench.take_chunks() {
            self.concentrator.count(&chunk, &self.terms);
        }
    }

    /// Counts a root span with these tags.
    fn tagged(&mut self, tags: &[(&'static str, &str)]) {
        let span = self.span(1);
        tags.iter().for_each(|(key, value)| span.set_tag(*key, *value));
        self.finish(&span, 1);
    }

    /// What is taken at this time, as sent.
    fn take(&mut self, now: u64, is_forced: bool) -> Vec<Value> {
        let process = Process::current(None, SourceCode::default());
        let books = self.concentrator.take(START + now, is_forced);
        let write = |book| Payload::write(book, &process, None, 0).body;
        let read = |body: Vec<u8>| rmpv::decode::read_value(&mut body.as_slice()).unwrap();
        books.into_iter().map(write).map(read).map(|value| as_json(&value)).collect()
    }

    /// All groups so far.
    fn groups(&mut self) -> Vec<Value> {
        let payloads = self.take(0, true);
        let buckets = payloads.iter().flat_map(|payload| payload["Stats"].as_array().unwrap());
        buckets.flat_map(|bucket| bucket["Stats"].as_array().unwrap().clone()).collect()
    }

    /// The one group that there is.
    fn group(&mut self) -> Value {
        let mut groups = self.groups();
        assert_eq!(groups.len(), 1, "{groups:?}");
        groups.remove(0)
    }

    /// How many spans each value of a field has.
    fn hits_by(&mut self, field: &str) -> BTreeMap<String, u64> {
        let mut hits = BTreeMap::new();
        for group in self.groups() {
            let value =
                group[field].as_str().map_or_else(|| group[field].to_string(), str::to_owned);
            *hits.entry(value).or_default() += group["Hits"].as_u64().unwrap();
        }
        hits
    }
}

fn as_json(value: &rmpv::Value) -> Value {
    match value {
        rmpv::Value::Binary(bytes) => json!(bytes),
        rmpv::Value::Array(values) => values.iter().map(as_json).collect(),
        rmpv::Value::Map(entries) => {
            let entries = entries.iter();
            entries.map(|(key, value)| (key.as_str().unwrap().to_owned(), as_json(value))).collect()
        }
        rmpv::Value::String(text) => json!(text.as_str()),
        rmpv::Value::Boolean(value) => json!(value),
        other => json!(other.as_u64()),
    }
}

/// When the buckets of payloads begin, in seconds after [`START`].
fn starts(payloads: &[Value]) -> Vec<u64> {
    let buckets = payloads.iter().flat_map(|payload| payload["Stats"].as_array().unwrap());
    let mut starts: Vec<_> =
        buckets.map(|bucket| (bucket["Start"].as_u64().unwrap() - START) / SECOND).collect();
    starts.sort_unstable();
    starts
}

// ===== which =====

#[test]
fn what_is_at_the_top_measured_or_of_a_kind_that_counts_is_counted() {
    let mut it = Fixture::plain();
    let root = it.span(1);
    let child = |tag: Option<(&'static str, i64)>, kind: &'static str| {
        let span = it.bench.span(kind).child_of(&root).tag("span.kind", kind);
        let span = tag.into_iter().fold(span, |span, (key, value)| span.tag(key, value));
        span.start().finish();
    };
    for kind in ["server", "client", "producer", "consumer", "CLIENT"] {
        child(None, kind);
    }
    child(None, "internal");
    child(None, "odd");
    child(Some(("_dd.measured", 1)), "measured");
    child(Some(("_dd.measured", 0)), "not measured");
    child(Some(("_dd.partial_version", 0)), "server");
    it.bench.span("other service").child_of(&root).service("other").start().finish();
    it.finish(&root, 1);
    let names: Vec<_> = it.hits_by("Name").into_keys().collect();
    let expected =
        ["CLIENT", "client", "consumer", "measured", "op", "other service", "producer", "server"];
    assert_eq!(names, expected);
}

#[test]
fn the_top_of_a_service_is_counted_by_itself() {
    let mut it = Fixture::plain();
    let root = it.span(1);
    it.bench.span("op").child_of(&root).tag("span.kind", "server").start().finish();
    it.finish(&root, 1);
    let mut groups = it.groups();
    groups.sort_by_key(|group| group["IsTraceRoot"].as_u64());
    let top: Vec<_> = groups.iter().map(|group| &group["TopLevelHits"]).collect();
    assert_eq!(top, [&json!(1), &json!(0)]);
}

// ===== as what =====

#[test]
fn errors_have_a_sketch_of_their_own() {
    let mut it = Fixture::plain();
    for is_error in [false, true, true] {
        let span = it.span(1);
        span.set_tag("error", is_error);
        it.finish(&span, 1);
    }
    let group = it.group();
    assert_eq!((&group["Hits"], &group["Errors"]), (&json!(3), &json!(2)));
    assert_eq!(group["Duration"], json!(3_000_000));
    // A sketch of one bin ends with its count as a double, its place, and an empty store.
    let count = |field: &str| {
        let bytes: Vec<u8> = serde_json::from_value(group[field].clone()).unwrap();
        f64::from_le_bytes(bytes[24..32].try_into().unwrap())
    };
    assert_eq!((count("OkSummary"), count("ErrorSummary")), (1.0, 2.0));
}

#[test]
fn each_field_has_its_source() {
    for (tags, field, expected) in [
        (&[("http.status_code", "404")][..], "HTTPStatusCode", json!(404)),
        (&[("http.status_code", "many")], "HTTPStatusCode", json!(0)),
        (&[("http.method", "PUT")], "HTTPMethod", json!("PUT")),
        (&[("http.route", "/a/:b")], "HTTPEndpoint", json!("/a/:b")),
        (&[("http.route", "/a/:b"), ("http.endpoint", "/e")], "HTTPEndpoint", json!("/e")),
        (&[("grpc.code", "NOT_FOUND")], "GRPCStatusCode", json!("5")),
        (&[("_dd.origin", "synthetics-browser")], "Synthetics", json!(true)),
        (&[("_dd.origin", "rum")], "Synthetics", json!(false)),
        (&[("span.kind", "odd")], "SpanKind", json!("odd")),
        (&[("span.type", "web")], "Type", json!("web")),
        (&[("resource.name", "GET /")], "Resource", json!("GET /")),
        (&[], "Resource", json!("op")),
        (&[("service.name", "other")], "srv_src", json!("m")),
        (&[("service.name", "WEB")], "srv_src", json!("")),
        (&[("service.name", "other")], "PeerTags", json!(["_dd.base_service:web"])),
        (&[], "PeerTags", json!([])),
    ] {
        let mut it = Fixture::plain();
        it.tagged(tags);
        assert_eq!(it.group()[field], expected, "{tags:?}");
    }
}

#[test]
fn the_origin_of_the_trace_counts_for_all_its_spans() {
    let mut it = Fixture::plain();
    let upstream = crate::trace::testkit::upstream().with_origin("synthetics");
    let root = it.bench.span("op").child_of(upstream).start();
    it.bench.span("op").child_of(&root).tag("span.kind", "server").start().finish();
    root.finish();
    it.count();
    assert_eq!(it.hits_by("Synthetics"), BTreeMap::from([("true".to_owned(), 2)]));
}

#[test]
fn peers_are_told_apart_by_the_tags_that_the_agent_names() {
    let info = json!({"peer_tags": ["db.name", "peer.service", "absent", "_dd.base_service"]});
    let tags = [
        ("peer.service", "10.1.2.3:80"),
        ("db.name", ""),
        ("other", "x"),
        ("span.kind", "client"),
        ("service.name", "driver"),
    ];
    for (kind, expected) in [
        (
            "client",
            json!(["db.name", "peer.service:blocked-ip-address:80", "_dd.base_service:web"]),
        ),
        (
            "Consumer",
            json!(["db.name", "peer.service:blocked-ip-address:80", "_dd.base_service:web"]),
        ),
        ("server", json!(["_dd.base_service:web"])),
    ] {
        let mut it = Fixture::new(&info, &settings());
        it.tagged(&[&tags[..], &[("span.kind", kind)]].concat());
        assert_eq!(it.group()["PeerTags"], expected, "{kind}");
    }
}

#[test]
fn the_users_own_tags_count_by_their_values_also_those_of_all_spans() {
    let additional_tags = ["a", "b", "env", "team", "version"].map(Into::into).to_vec();
    let mut it = Fixture::new(&json!({}), &StatsSettings { additional_tags, ..settings() });
    it.bench = Bench::with(|shared| {
        (shared.env, shared.version) = (Some("prod".into()), Some("7".into()));
        shared.tags = crate::sync::Snapshot::new(vec![("team".into(), "blue".into())]);
    });
    let long = "é".repeat(201);
    it.tagged(&[("a", &long), ("b", "")]);
    let expected = json!(["a:tracer_blocked_value", "env:prod", "team:blue", "version:7"]);
    assert_eq!(it.group()["AdditionalMetricTags"], expected);
    it.tagged(&[("a", &"é".repeat(200)), ("env", "dev")]);
    let tags = it.group()["AdditionalMetricTags"].clone();
    assert_eq!((tags[0].as_str().unwrap().chars().count(), &tags[1]), (202, &json!("env:dev")));
}

#[test]
fn resources_are_obfuscated_where_both_sides_want_it() {
    let mut it = Fixture::new(
        &json!({"obfuscation_version": 1}),
        &StatsSettings { obfuscates: true, ..settings() },
    );
    let long = "n".repeat(200);
    it.tagged(&[("span.type", "sql"), ("resource.name", "SELECT 1"), ("span.name", &long)]);
    let group = it.group();
    assert_eq!(group["Resource"], "SELECT ?");
    assert_eq!(group["Name"].as_str().unwrap().len(), 100);
    let mut it = Fixture::new(&json!({"obfuscation_version": 1}), &settings());
    it.tagged(&[("span.type", "sql"), ("resource.name", "SELECT 1"), ("span.name", &long)]);
    let group = it.group();
    assert_eq!(group["Resource"], "SELECT 1");
    assert_eq!(group["Name"].as_str().unwrap().len(), 200);
}

// ===== when =====

#[test]
fn the_end_of_a_span_says_where_it_counts() {
    let mut it = Fixture::plain();
    for end in [1, 10 * SECOND - 1, 10 * SECOND, 25 * SECOND] {
        let span = it.span(end);
        it.finish(&span, end);
    }
    assert_eq!(starts(&it.take(0, true)), [0, 10, 20]);
    assert!(it.concentrator.is_empty());
}

#[test]
fn a_bucket_leaves_when_it_is_over_since_ten_seconds() {
    let mut it = Fixture::plain();
    for end in [1, 11, 21] {
        let span = it.span(end * SECOND);
        it.finish(&span, end * SECOND);
    }
    assert_eq!(starts(&it.take(19 * SECOND, false)), [0; 0]);
    assert_eq!(starts(&it.take(20 * SECOND, false)), [0]);
    // What ends later than it should have is not lost: it counts in the oldest that is still open.
    let late = it.span(2 * SECOND);
    it.finish(&late, 2 * SECOND);
    assert_eq!(starts(&it.take(20 * SECOND, false)), [0; 0]);
    assert_eq!(starts(&it.take(39 * SECOND, false)), [10]);
    assert_eq!(starts(&it.take(40 * SECOND, false)), [20]);
    assert!(it.concentrator.is_empty() && it.take(60 * SECOND, true).is_empty());
}

#[test]
fn nothing_counts_before_the_beginning_nor_far_in_the_future() {
    let mut it = Fixture::plain();
    let old = it.bench.span("op").root().start_time(at(5)).start();
    old.finish_at(at(7));
    for end in [100, 1_000, 1_000_000] {
        let span = it.span(end * SECOND);
        it.finish(&span, end * SECOND);
    }
    assert_eq!(starts(&it.take(0, true)), [0, 70]);
    // After a forced flush the oldest one is that of now.
    it.concentrator.take(START + 35 * SECOND, true);
    it.tagged(&[]);
    assert_eq!(starts(&it.take(35 * SECOND, true)), [30]);
}

#[test]
fn each_tracer_has_a_payload_of_its_own() {
    let mut it = Fixture::plain();
    it.tagged(&[]);
    for env in ["dev", "prod", "dev"] {
        it.bench = Bench::with(|shared| shared.env = Some(env.into()));
        it.tagged(&[]);
    }
    let payloads = it.take(0, true);
    let envs: Vec<_> = payloads.iter().map(|payload| payload["Env"].as_str().unwrap()).collect();
    assert_eq!(envs, ["unknown-env", "dev", "prod"]);
    assert_eq!(payloads[1]["Stats"][0]["Stats"][0]["Hits"], 2);
}

// ===== how many =====

fn limited(limits: StatsLimits) -> Fixture {
    let additional_tags = vec!["a".into()];
    let settings = StatsSettings { limits, additional_tags, ..settings() };
    Fixture::new(&json!({"peer_tags": ["peer.service"]}), &settings)
}

#[test]
fn values_beyond_a_limit_count_together_and_those_seen_before_as_themselves() {
    const SOME: StatsLimits = StatsLimits {
        resources: 2,
        http_endpoints: 2,
        peer_tags: 2,
        additional_tags: 2,
        keys: 100,
    };
    for (tag, field, blocked) in [
        ("resource.name", "Resource", "tracer_blocked_value"),
        ("http.route", "HTTPEndpoint", "tracer_blocked_value"),
        ("peer.service", "PeerTags", r#"["tracer_blocked_value"]"#),
        ("a", "AdditionalMetricTags", r#"["tracer_blocked_value"]"#),
    ] {
        let mut it = limited(SOME);
        for value in ["v1", "v2", "v3", "v4", "v1", "v3"] {
            it.tagged(&[(tag, value), ("span.kind", "client"), ("http.method", "GET")]);
        }
        let collapsed = it.concentrator.take_collapsed();
        let numbers = collapsed.named().map(|(_, number)| number);
        assert_eq!(numbers.iter().sum::<u64>(), 3, "{collapsed:?}");
        let hits = it.hits_by(field);
        assert_eq!((hits.len(), hits[blocked]), (3, 3), "{field}: {hits:?}");
        assert_eq!(hits.values().sum::<u64>(), 6);
    }
}

#[test]
fn keys_beyond_their_limit_count_as_one() {
    let mut it = limited(StatsLimits { keys: 3, ..StatsLimits::DEFAULT });
    for method in ["A", "B", "C", "D", "E", "A"] {
        it.tagged(&[("http.method", method), ("http.status_code", "200"), ("grpc.code", "1")]);
    }
    assert_eq!(it.concentrator.take_collapsed().whole_key, 2);
    let groups = it.groups();
    let overflow = groups.iter().find(|group| group["HTTPMethod"] == "tracer_blocked_value");
    let overflow = overflow.unwrap();
    for field in ["Service", "Name", "Resource", "Type", "SpanKind", "HTTPEndpoint", "srv_src"] {
        assert_eq!(overflow[field], "tracer_blocked_value", "{field}");
    }
    let expected = [
        ("Hits", json!(2)),
        ("HTTPStatusCode", json!(0)),
        ("GRPCStatusCode", json!("")),
        ("Synthetics", json!(false)),
        ("IsTraceRoot", json!(0)),
        ("PeerTags", json!(["tracer_blocked_value"])),
        ("AdditionalMetricTags", json!(["tracer_blocked_value"])),
    ];
    for (field, expected) in expected {
        assert_eq!(overflow[field], expected, "{field}");
    }
    assert_eq!(groups.len(), 4);
}

#[test]
fn the_limits_are_those_of_each_ten_seconds() {
    let mut it = limited(StatsLimits { resources: 1, ..StatsLimits::DEFAULT });
    for end in [1, 11 * SECOND] {
        let span = it.span(end);
        span.set_resource(format!("{end}"));
        it.finish(&span, end);
    }
    assert!(it.concentrator.take_collapsed().is_none());
    assert_eq!(it.hits_by("Resource").len(), 2);
}

#[test]
fn a_text_that_is_too_long_to_be_sent_is_cut_as_in_the_span() {
    let mut it = Fixture::plain();
    for _ in 0..2 {
        it.tagged(&[("resource.name", &"x".repeat(30_000))]);
    }
    assert_eq!(it.group()["Resource"].as_str().unwrap().len(), 2_500);
}

/// Spans like one before them take no memory.
#[test]
fn a_span_that_is_like_one_before_allocates_nothing() {
    let info = json!({"peer_tags": ["_dd.base_service", "db.name", "peer.service"]});
    let additional_tags = vec!["a".into()];
    let mut it = Fixture::new(&info, &StatsSettings { additional_tags, ..settings() });
    let mut one = || {
        let root = it.span(1);
        let span = it.bench.span("query").child_of(&root).service("db").resource("SELECT");
        let span = span.tag("span.kind", "client").tag("peer.service", "10.0.0.1.db");
        let span = span.tag("http.status_code", "200").tag("grpc.code", 5).tag("a", "b");
        span.start_time(at(START)).start().finish_at(at(START + 1));
        root.set_tag("peer.service", "db.example");
        root.finish_at(at(START + 1));
        let chunk = it.bench.take_chunks().remove(0);
        let count = || it.concentrator.count(&chunk, &it.terms);
        allocation_counter::measure(count).count_total
    };
    one();
    let rest: Vec<_> = (0..3).map(|_| one()).collect();
    // An address is replaced in a text of its own.
    assert_eq!(rest, [1, 1, 1]);
}
