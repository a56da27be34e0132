//! The bytes of v0.4 against those of other tracers, and against what was made.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::Value as Json;
use tracehound_test_support::Span as Decoded;
use tracehound_test_support::decode;

use super::*;
use crate::id::{SpanId, TraceId};
use crate::sampling::SpanSampler;
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::testkit::Bench;
use crate::trace::{
    Chunk, EventValue, SamplingMechanism, SamplingPriority, SpanContext, SpanEvent, SpanKind,
    SpanLink, SpanRef, TagValue,
};

pub(super) const MAX: usize = 1 << 20;

pub(super) fn encoder(max_bytes: usize) -> Encoder {
    let process = Process::new("uuid", 7, None, SourceCode::default());
    Encoder::new(process, Arc::new(SpanSampler::new([])), max_bytes)
}

fn empty() -> Payload {
    Payload::new(Format::V04, Memory::default())
}

/// Adds a chunk that the payload has room for.
fn add(encoder: &mut Encoder, payload: &mut Payload, mut chunk: Chunk) {
    chunk.settle();
    assert_eq!(encoder.add(payload, &chunk, 0), Added::UpTo(chunk.len()));
}

/// The chunks as they arrive by v0.4. Asserts that by the other formats the same arrives, and after a conversion.
fn encoded(native_events: bool, chunks: impl IntoIterator<Item = Chunk>) -> Vec<Vec<Decoded>> {
    let mut encoder = encoder(MAX);
    encoder.common.native_events = native_events;
    let mut chunks: Vec<Chunk> = chunks.into_iter().collect();
    chunks.iter_mut().for_each(Chunk::settle);
    let [v04, v05, v1] = FORMATS.map(|format| {
        let mut payload = Payload::new(format, Memory::default());
        for chunk in &chunks {
            assert_eq!(encoder.add(&mut payload, chunk, 0), Added::UpTo(chunk.len()));
        }
        payload.seal()
    });
    let by_v04 = decoded(&v04);
    let limits = Limits { native_events, chunk_bytes: MAX };
    assert_eq!(decoded(&v1.to_v04(limits).unwrap()), by_v04);
    assert_eq!(decoded(&v05.to_v04(limits).unwrap()), decoded(&v05));
    assert!(v04.to_v04(limits).is_none());
    assert_eq!(in_tag_form(decoded(&v1)), in_tag_form(by_v04.clone()));
    let mut without_structs = by_v04.clone();
    without_structs.iter_mut().flatten().for_each(|span| span.meta_struct.clear());
    assert_eq!(in_tag_form(decoded(&v05)), in_tag_form(without_structs));
    by_v04
}

pub(super) const FORMATS: [Format; 3] = [Format::V04, Format::V05, Format::V1];

pub(super) fn decoded(payload: &Sealed) -> Vec<Vec<Decoded>> {
    decode::payload(payload.format().path(), &payload.body()).unwrap()
}

/// Chunks with links and events in the form that all formats have.
fn in_tag_form(chunks: Vec<Vec<Decoded>>) -> Vec<Vec<Decoded>> {
    let spans = |chunk: Vec<Decoded>| chunk.into_iter().map(Decoded::in_tag_form).collect();
    chunks.into_iter().map(spans).collect()
}

fn at(ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(ns)
}

const START: u64 = 1_700_000_000_000_000_000;

fn trace_id() -> TraceId {
    TraceId::from_halves(0x640c_fd8d_0000_0000, 0xabcd_ef01_2345_6789).unwrap()
}

/// The two spans that are in every case of the vectors; `more` changes the second.
fn vector_chunk(more: impl FnOnce(&SpanRef)) -> Chunk {
    let bench = Bench::with(|shared| {
        shared.service = "svc".into();
        shared.env = Some("prod".into());
    });
    let root = bench
        .span("web.request")
        .child_of(SpanContext::new(trace_id(), None))
        .resource("GET /")
        .span_type("web")
        .start_time(at(START))
        .start();
    let child = bench
        .span("db.query")
        .child_of(&root)
        .resource("SELECT 1")
        .span_type("sql")
        .kind(SpanKind::Client)
        .start_time(at(START + 100))
        .start();
    child.set_error_message("boom");
    more(&child);
    child.finish_at(at(START + 200));
    root.finish_at(at(START + 1500));
    bench.take_chunks().remove(0)
}

fn link_and_event(span: &SpanRef) {
    let link =
        SpanLink::new(trace_id(), SpanId::new(7).unwrap()).tracestate("dd=s:1").sampled(true);
    let attributes = [("reason", "x"), ("n", "1"), ("b", "true"), ("arr.0", "a"), ("arr.1", "b")];
    span.add_link(attributes.into_iter().fold(link, |link, (k, v)| link.attribute(k, v)));
    span.add_event(
        SpanEvent::at("evt", at(START + 123))
            .attribute("s", "v")
            .attribute("i", 1i64)
            .attribute("d", 1.5)
            .attribute("b", true)
            .attribute("arr", vec![1i64, 2]),
    );
    span.set_struct_bytes("payload", vec![0x81, 0xa1, 0x61, 0x92, 0x01, 0xa1, 0x78]);
    span.set_metric("f", 1.5);
}

fn vector(name: &str) -> Vec<Decoded> {
    decode::v04(&vector_at(&format!("/v04/{name}/hex"))).unwrap().remove(0)
}

fn vector_at(place: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/payloads.json");
    let all: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let hex = all.pointer(place).unwrap().as_str().unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Tags about the process that the encoder of the vectors does not write.
const OWN_TAGS: [&str; 5] =
    ["language", "runtime-id", "process_id", "_dd.tracer_kr", "_dd.top_level"];

fn assert_same(ours: &[Decoded], theirs: &[Decoded]) {
    assert_eq!(ours.len(), theirs.len());
    assert_eq!(ours[1].parent_id, ours[0].span_id);
    for (ours, theirs) in ours.iter().zip(theirs) {
        let mut ours = ours.clone();
        ours.span_id = theirs.span_id;
        ours.parent_id = theirs.parent_id;
        let is_own = |key: &String| OWN_TAGS.contains(&key.as_str());
        ours.meta.retain(|key, _| !is_own(key) || theirs.meta(key).is_some());
        ours.metrics.retain(|key, _| !is_own(key) || theirs.metric(key).is_some());
        assert_eq!(format!("{ours:#?}"), format!("{theirs:#?}"));
    }
}

#[test]
fn spans_links_events_and_structs_are_what_the_vectors_say() {
    for (chunk, name) in [
        (vector_chunk(|_| {}), "two_spans"),
        (vector_chunk(link_and_event), "links_native_events_meta_struct"),
    ] {
        // The vectors write `env` on the first span alone; here every span has it.
        let mut ours = encoded(true, [chunk]).remove(0);
        ours[1].meta.remove("env");
        assert_same(&ours, &vector(name));
    }
}

/// One chunk in one format.
fn encoded_as(format: Format, mut chunk: Chunk) -> Vec<Decoded> {
    chunk.settle();
    let mut payload = Payload::new(format, Memory::default());
    assert_eq!(encoder(MAX).add(&mut payload, &chunk, 0), Added::UpTo(chunk.len()));
    decoded(&payload.seal()).remove(0)
}

#[test]
fn v05_is_what_the_vectors_say() {
    for (chunk, name) in [
        (vector_chunk(|_| {}), "two_spans"),
        (vector_chunk(link_and_event), "links_events_as_tags"),
    ] {
        let mut ours = encoded_as(Format::V05, chunk);
        ours[1].meta.remove("env");
        let theirs = decode::v05(&vector_at(&format!("/v05/{name}/hex"))).unwrap();
        let [ours, theirs] = [vec![ours], theirs].map(|chunks| in_tag_form(chunks).remove(0));
        assert_same(&ours, &theirs);
    }
}

#[test]
fn v1_is_what_the_vectors_say() {
    let bench = Bench::with(|shared| {
        shared.service = "svc".into();
        shared.env = Some("prod".into());
        shared.version = Some("1.0".into());
    });
    let upstream = SpanContext::new(trace_id(), None)
        .with_origin("synthetics")
        .with_priority(SamplingPriority::AUTO_KEEP)
        .with_mechanism(SamplingMechanism::DEFAULT);
    let root = bench
        .span("web.request")
        .child_of(upstream)
        .resource("GET /")
        .span_type("web")
        .kind(SpanKind::Server)
        .tag("component", "net/http")
        .tag("http.method", "GET")
        .tag("retries", 3)
        .tag("ok", true)
        .start_time(at(START))
        .start();
    let child = bench
        .span("db.query")
        .child_of(&root)
        .resource("SELECT 1")
        .span_type("sql")
        .kind(SpanKind::Client)
        .tag("error", true)
        .tag("list", TagValue::List(vec!["GET".into(), (-1).into()]))
        .start_time(at(START + 100))
        .start();
    let link = SpanLink::new(trace_id(), SpanId::new(7).unwrap()).tracestate("foo=1").sampled(true);
    child.add_link(link.attribute("reason", "terminated_context"));
    child.add_event(SpanEvent::at("evt", at(START + 123)).attribute("k", "v"));
    child.finish_at(at(START + 200));
    root.finish_at(at(START + 1500));
    let ours = encoded_as(Format::V1, bench.take_chunks().remove(0));
    let mut theirs = decode::v1(&vector_at("/v1/two_spans_link_event/hex")).unwrap().remove(0);
    // The encoder of the vector knew of a commit, and had the version on one span only.
    theirs[0].meta.remove("_dd.git.commit.sha");
    theirs[1].meta.insert("version".into(), "1.0".into());
    assert_same(&ours, &theirs);
}

#[test]
fn an_agent_without_span_events_gets_one_tag_of_json() {
    let ours = encoded(false, [vector_chunk(link_and_event)]).remove(0);
    let theirs = vector("links_events_as_tag");
    let events =
        |span: &Decoded| -> Json { serde_json::from_str(span.meta("events").unwrap()).unwrap() };
    assert_eq!(events(&ours[1]), events(&theirs[1]));
    assert!(ours[1].span_events.is_empty());
}

#[test]
fn the_head_of_a_chunk_carries_its_tags_whatever_its_slot() {
    let bench = Bench::with(|shared| shared.partial_flush = Some(2));
    let upstream = SpanContext::new(TraceId::new((9 << 64) | 1).unwrap(), SpanId::new(5))
        .with_origin("rum")
        .with_tag("_dd.p.usr", "u");
    let root = bench.span("root").child_of(upstream).start();
    for _ in 0..2 {
        bench.span("early").child_of(&root).start().finish();
    }
    bench.span("late").child_of(&root).start().finish();
    drop(root);
    let chunks = encoded(true, bench.take_chunks());
    assert_eq!(chunks.len(), 2);
    for chunk in &chunks {
        for (place, span) in chunk.iter().enumerate() {
            let head = place == 0;
            assert_eq!(span.meta("_dd.origin"), Some("rum"));
            assert_eq!(span.meta("_dd.p.tid"), head.then_some("0000000000000009"));
            assert_eq!(span.meta("_dd.p.usr"), head.then_some("u"));
            assert_eq!(span.meta("_dd.p.dm"), head.then_some("-0"));
            assert_eq!(span.meta("language"), head.then_some("rust"));
            assert_eq!(span.metric("_sampling_priority_v1"), head.then_some(1.0));
        }
    }
    assert_eq!(chunks[1][0].name, "root");
    assert_eq!((chunks[1][0].parent_id, chunks[1][0].meta("runtime-id")), (5, Some("uuid")));
    assert_eq!(chunks[0][0].meta("runtime-id"), None, "not the local root");
}

/// Tags of a tracer.
fn tags(tags: &[(&'static str, &'static str)]) -> Snapshot<Vec<(Text, Text)>> {
    Snapshot::new(tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

/// The string tags of spans under these keys; `-` for those that a span does not have.
fn said<const N: usize>(spans: &[Decoded], keys: [&str; N]) -> Vec<[String; N]> {
    let of_span = |span: &Decoded| keys.map(|key| span.meta(key).unwrap_or("-").to_owned());
    spans.iter().map(of_span).collect()
}

#[test]
fn services_versions_and_global_tags_go_where_they_belong() {
    let bench = Bench::with(|shared| {
        shared.version = Some("1".into());
        shared.tags = tags(&[("team", "a")]);
    });
    let root = bench.span("root").start();
    let own = bench.span("own").child_of(&root).tag("team", "b").tag("version", "2").start();
    let other = bench.span("other").child_of(&root).service("db").start();
    drop((other, own, root));
    let spans = encoded(true, bench.take_chunks()).remove(0);
    let expected = [["a", "1", "-", "-"], ["b", "2", "-", "-"], ["a", "-", "web", "m"]];
    assert_eq!(said(&spans, ["team", "version", "_dd.base_service", "_dd.svc_src"]), expected);
    assert_eq!(spans[2].metric("_dd.top_level"), Some(1.0));
}

#[test]
fn what_a_span_has_itself_is_not_repeated() {
    let bench = Bench::with(|shared| {
        shared.env = Some("prod".into());
        shared.version = Some("1".into());
        shared.tags =
            tags(&[("team", "a"), ("span.kind", "x"), ("language", "x"), ("version", "x")]);
    });
    let root = bench.span("root").start();
    let kind = bench.span("kind").child_of(&root).kind(SpanKind::Client).start();
    let own = bench.span("own").child_of(&root).tag("env", "test").tag("team", 7).start();
    let other = bench.span("other").child_of(&root).service("db").tag("language", "sql").start();
    drop((kind, own, other, root));
    let spans = encoded(true, bench.take_chunks()).remove(0);
    let expected = [
        ["prod", "1", "a", "x", "rust"],
        ["prod", "1", "a", "client", "x"],
        ["test", "1", "-", "x", "x"],
        ["prod", "x", "a", "x", "sql"],
    ];
    assert_eq!(said(&spans, ["env", "version", "team", "span.kind", "language"]), expected);
    assert_eq!(spans[2].metric("team"), Some(7.0));
}

#[test]
fn what_is_repeated_follows_the_tracer() {
    let one = Bench::with(|shared| shared.tags = tags(&[("team", "a")]));
    let two = Bench::with(|shared| shared.service = "other".into());
    let mut encoder = encoder(MAX);
    let mut payload = empty();
    let mut add_one = |bench: &Bench| {
        bench.span("root").start().finish();
        add(&mut encoder, &mut payload, bench.take_chunks().remove(0));
    };
    add_one(&one);
    one.shared.tags.store(vec![("team".into(), "b".into())]);
    [&one, &two, &one].into_iter().for_each(add_one);
    let chunks = decode::v04(&payload.seal().body()).unwrap();
    let said = chunks.iter().map(|chunk| (chunk[0].service.as_str(), chunk[0].meta("team")));
    let expected = [("web", Some("a")), ("web", Some("b")), ("other", None), ("web", Some("b"))];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[test]
fn only_what_says_something_is_written() {
    let bench = Bench::new();
    drop(bench.span("root").root().start());
    let mut payload = empty();
    add(&mut encoder(MAX), &mut payload, bench.take_chunks().remove(0));
    let body = payload.seal().body();
    let has = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
    for always in ["service", "name", "resource", "trace_id", "span_id", "start", "duration"] {
        assert!(has(always.as_bytes()), "{always}");
    }
    for seldom in ["error", "parent_id", "type", "meta_struct", "span_links", "span_events"] {
        assert!(!has(seldom.as_bytes()), "{seldom}");
    }
    for whole in [&b"\xad_dd.top_level\x01"[..], b"\xaaprocess_id\x07", b"\xad_dd.tracer_kr\x01"] {
        assert!(has(whole), "{whole:?}");
    }
}

#[test]
fn a_span_of_many_tags_arrives_whole() {
    for count in [14, 15, 16, 300] {
        let bench = Bench::new();
        let span = bench.span("root").root().start();
        for number in 0..count {
            span.set_tag(format!("text.{number}"), "x");
            span.set_tag(format!("number.{number}"), number);
        }
        drop(span);
        let span = encoded(true, bench.take_chunks()).remove(0).remove(0);
        let texts = span.meta.keys().filter(|key| key.starts_with("text.")).count();
        assert_eq!(texts, count);
        assert!((0..count).all(|n| span.metric(&format!("number.{n}")) == Some(n as f64)));
    }
}

#[test]
fn a_full_payload_refuses_the_next_chunk_and_stays_whole() {
    let mut chunk = vector_chunk(|_| {});
    chunk.settle();
    let mut encoder = encoder(1500);
    let mut payload = empty();
    let mut added = 0;
    while encoder.add(&mut payload, &chunk, 0) == Added::UpTo(2) {
        added += 1;
    }
    assert_eq!(encoder.add(&mut payload, &chunk, 0), Added::Full);
    assert_eq!(decode::v04(&payload.seal().body()).unwrap().len(), added);

    let mut payload = empty();
    encoder.bound(100);
    let refused = encoder.add(&mut payload, &chunk, 0);
    assert!(matches!(refused, Added::TooLarge(_)) && payload.is_empty());
}

#[test]
fn what_is_divided_sooner_is_divided_between_spans() {
    let bench = Bench::with(|shared| shared.partial_flush = None);
    let root = bench.span("root").root().start();
    for bytes in [300, 300, 5_000, 300, 300] {
        bench.span("step").child_of(&root).tag("fill", "x".repeat(bytes)).start().finish();
    }
    drop(root);
    let mut chunk = bench.take_chunks().remove(0);
    chunk.settle();
    let mut encoder = encoder(10_000);
    encoder.divide_at(1_500);
    encoder.divide_at(9_000);
    let (mut from, mut payload, mut sealed) = (0, empty(), Vec::new());
    while from < chunk.len() {
        match encoder.add(&mut payload, &chunk, from) {
            Added::UpTo(next) => from = next,
            Added::Full => sealed.push(std::mem::replace(&mut payload, empty()).seal()),
            Added::TooLarge(what) => panic!("{what}"),
        }
    }
    sealed.push(payload.seal());
    assert_eq!(sealed.iter().map(Sealed::span_count).sum::<u64>(), 6);
    assert!(sealed.iter().all(|part| part.len() <= 1_500 || part.span_count() == 1));
    encoder.bound(10_000);
    assert_eq!(encoder.add(&mut empty(), &chunk, 0), Added::UpTo(6));
}

#[test]
fn a_chunk_that_no_payload_holds_goes_in_parts_down_to_single_spans() {
    let bench = Bench::with(|shared| shared.partial_flush = None);
    let upstream = TraceId::from_halves(1, 2).unwrap();
    let root = bench.span("root").child_of(SpanContext::new(upstream, SpanId::new(5))).start();
    for number in 0..40usize {
        let span = bench.span("step").child_of(&root).start();
        // One is too large for itself.
        span.set_tag("fill", "x".repeat(if number == 20 { 5_000 } else { 300 }));
        span.set_tag("number", number);
        span.finish();
    }
    drop(root);
    let mut chunk = bench.take_chunks().remove(0);
    chunk.settle();
    for max_bytes in [600, 1_500, 4_000] {
        let mut encoder = encoder(max_bytes);
        let mut payload = empty();
        let (mut from, mut refused, mut sealed) = (0, Vec::<String>::new(), Vec::new());
        while from < chunk.len() {
            match encoder.add(&mut payload, &chunk, from) {
                Added::UpTo(next) => from = next,
                Added::Full => sealed.push(std::mem::replace(&mut payload, empty()).seal()),
                Added::TooLarge(what) => {
                    refused.push(what);
                    from += 1;
                }
            }
        }
        sealed.push(payload.seal());
        let [refused] = refused.try_into().unwrap();
        assert!(refused.starts_with("span \"step\" (resource \"step\") takes 5"), "{refused}");
        assert!(sealed.iter().all(|payload| payload.body().len() <= max_bytes));
        let counted: u64 = sealed.iter().map(Sealed::span_count).sum();
        let parts: Vec<_> = sealed.iter().flat_map(|p| decode::v04(&p.body()).unwrap()).collect();
        let spans = parts.concat();
        assert_eq!((counted, spans.len()), (40, 40));
        assert_eq!((spans[0].name.as_str(), spans[0].parent_id), ("root", 5));
        for part in &parts {
            for (place, span) in part.iter().enumerate() {
                assert_eq!(span.metric("_sampling_priority_v1").is_some(), place == 0);
                assert_eq!(span.meta("_dd.p.tid").is_some(), place == 0);
                assert_eq!(span.meta("runtime-id").is_some(), span.name == "root");
            }
        }
        let numbers = spans.iter().filter_map(|span| span.metric("number"));
        let expected = (0..40).filter(|number| *number != 20).map(f64::from);
        assert_eq!(numbers.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

fn tag_value() -> impl Strategy<Value = TagValue<'static>> {
    prop_oneof![
        "\\PC{0,30}".prop_map(TagValue::from),
        any::<bool>().prop_map(TagValue::from),
        any::<i64>().prop_map(TagValue::from),
        any::<f64>().prop_map(TagValue::from),
    ]
}

proptest! {
    /// Whatever the user sets arrives as the API gives it back, as string or number and never both.
    #[test]
    fn what_is_set_is_what_arrives(
        name in "\\PC{0,40}",
        tags in prop::collection::vec(("[a-z.]{1,30}", tag_value()), 0..12),
        attribute in prop::collection::vec(any::<i64>(), 0..4),
    ) {
        let bench = Bench::new();
        let span = bench.span(name.clone()).start();
        for (key, value) in tags {
            // Not the names that mean something else.
            span.set_tag(format!("x.{key}"), value);
        }
        span.add_event(SpanEvent::new("e").attribute("list", EventValue::from(attribute.clone())));
        let (meta, metrics) = (span.tags(), span.metrics());
        drop(span);
        let decoded = encoded(true, bench.take_chunks()).remove(0).remove(0);
        prop_assert_eq!(&decoded.name, &name);
        for (key, value) in &meta {
            prop_assert_eq!(decoded.meta(key), Some(value.as_str()));
        }
        for (key, value) in &metrics {
            prop_assert_eq!(decoded.metric(key), Some(*value));
        }
        let own = decoded.meta.keys().filter(|key| key.starts_with("x.")).count();
        prop_assert_eq!(own, meta.len());
        let list = decoded.span_events[0].attribute("list").unwrap();
        prop_assert_eq!(list, Json::from(attribute));
    }
}
