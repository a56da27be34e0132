//! A trace arrives the same whatever the format, and a format that the agent does not take costs nothing.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use tracehound::config::{ApiVersion, Environment};
use tracehound::{
    LossReason, SamplingMechanism, SamplingPriority, SpanContext, SpanEvent, SpanId, SpanKind,
    SpanLink, TraceId, Tracer,
};
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, Span, TestAgent, within};

use common::{LIMIT, Said};

const V04: &str = "/v0.4/traces";
const V05: &str = "/v0.5/traces";
const V1: &str = "/v1.0/traces";
const ALL: [&str; 3] = [V04, V05, V1];

/// The versions that can be asked for, each with its path.
const VERSIONS: [(ApiVersion, &str); 3] =
    [(ApiVersion::V04, V04), (ApiVersion::V05, V05), (ApiVersion::V1, V1)];

fn at(ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_nanos(ns)
}

/// A trace with all that a span can hold, but for structured tags.
fn trace(tracer: &Tracer) {
    let upstream = TraceId::from_halves(0x640c_fd8d_0000_0000, 7).unwrap();
    // With a decision, so that none depends on what the agent has answered.
    let upstream = SpanContext::new(upstream, SpanId::new(5))
        .with_origin("rum")
        .with_tag("_dd.p.usr", "u")
        .with_priority(SamplingPriority::AUTO_KEEP)
        .with_mechanism(SamplingMechanism::RULE);
    let root = tracer
        .span("web.request")
        .child_of(upstream)
        .resource("GET /cart")
        .span_type("web")
        .kind(SpanKind::Server)
        .tag("component", "shop")
        .start_time(at(0))
        .start();
    let linked = TraceId::from_halves(1, 2).unwrap();
    let link = SpanLink::new(linked, SpanId::new(u64::MAX).unwrap()).tracestate("dd=s:1");
    root.add_link(link.sampled(true).attribute("reason", "retry").attribute("tries", 3));
    let child = tracer.span("db.query").child_of(&root).service("db").kind(SpanKind::Client);
    let child = child.tag("rows", 3).tag("share", 0.5).start_time(at(100)).start();
    child.add_event(
        SpanEvent::at("miss", at(150))
            .attribute("key", "user:42")
            .attribute("tries", 3i64)
            .attribute("share", 1.0)
            .attribute("cold", true)
            .attribute("shards", vec![4i64, 7]),
    );
    child.add_link(SpanLink::new(linked, SpanId::new(9).unwrap()));
    child.set_error_message("boom");
    child.finish_at(at(200));
    root.finish_at(at(1_500));
}

fn structured(tracer: &Tracer) {
    let span = tracer.span("structured").root().start();
    span.set_struct_bytes("event", vec![0x81, 0xa1, b'a', 0x01]);
}

/// The spans in an order and with ids that do not depend on the run, and with links and events in one form.
fn comparable(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.start);
    let places: HashMap<u64, u64> =
        spans.iter().zip(1_000..).map(|(span, place)| (span.span_id, place)).collect();
    let place = |id: u64| places.get(&id).copied().unwrap_or(id);
    let same = |span: Span| {
        let (span_id, parent_id) = (place(span.span_id), place(span.parent_id));
        // One for each tracer of a process.
        let mut span = Span { span_id, parent_id, ..span.in_tag_form() };
        span.meta.remove("runtime-id");
        span
    };
    spans.into_iter().map(same).collect()
}

fn paths(agent: &FaultAgent) -> Vec<String> {
    let requests = agent.requests().into_iter().filter(|request| request.has_traces());
    requests.map(|request| request.path.clone()).collect()
}

/// An agent with these endpoints, which answers with a status to the other paths.
fn taking(
    endpoints: &'static [&'static str],
    announced: &'static [&'static str],
    status: u16,
) -> impl Fn(&Received) -> Reply + Send + Sync {
    move |request| match request.path.as_str() {
        "/info" => Reply::json(&scripts::info_of(announced)),
        path if endpoints.contains(&path) => scripts::healthy(request),
        _ => Reply::status(status),
    }
}

#[test]
fn a_trace_arrives_the_same_by_each_format() {
    within(LIMIT, || {
        let mut first: Option<Vec<Span>> = None;
        for (version, path) in VERSIONS {
            let (agent, said) = (TestAgent::start(), Said::default());
            let tracer = common::builder(&agent.url(), &said).env("prod").version("1.2");
            let tracer = tracer.api_version(version).build();
            trace(&tracer);
            tracer.flush(LIMIT).unwrap();
            let requests = agent.requests();
            assert!(requests.iter().all(|request| request.path == path), "{version}");
            let spans = comparable(agent.spans());
            assert_eq!(spans.len(), 2);
            assert_eq!(&spans, first.get_or_insert(spans.clone()), "{version}");
            agent.assert_no_check_failures();
            assert_eq!((said.warnings(), tracer.losses().total()), (vec![], 0));
        }
        let spans = first.unwrap();
        assert_eq!(spans[0].full_trace_id(), (0x640c_fd8d_0000_0000 << 64) | 7);
        assert_eq!(spans[0].meta("_dd.origin"), Some("rum"));
        let links: Json = serde_json::from_str(spans[0].meta("_dd.span_links").unwrap()).unwrap();
        let expected = json!([{
            "trace_id": "00000000000000010000000000000002", "span_id": "ffffffffffffffff",
            "tracestate": "dd=s:1", "flags": 1, "attributes": {"reason": "retry", "tries": "3"},
        }]);
        assert_eq!(links, expected);
        let events: Json = serde_json::from_str(spans[1].meta("events").unwrap()).unwrap();
        let attributes =
            json!({"key": "user:42", "tries": 3, "share": 1.0, "cold": true, "shards": [4, 7]});
        assert_eq!(events[0]["attributes"], attributes);
    });
}

/// What the agent itself makes of v1.0: nothing of what it has fields for is among the tags.
#[test]
fn the_agent_finds_links_events_and_structures_in_their_fields() {
    within(LIMIT, || {
        let (agent, said) = (TestAgent::start(), Said::default());
        let tracer = common::builder(&agent.url(), &said).build();
        trace(&tracer);
        structured(&tracer);
        tracer.flush(LIMIT).unwrap();
        assert!(agent.requests().iter().all(|request| request.path == V1), "by default");
        let traces = agent.get("/test/traces");
        let spans: Vec<&Json> =
            traces.as_array().unwrap().iter().flat_map(|trace| trace.as_array().unwrap()).collect();
        let of = |name: &str| *spans.iter().find(|span| span["name"] == name).unwrap();
        assert_eq!(of("web.request")["span_links"][0]["attributes"]["reason"], "retry");
        assert_eq!(of("web.request")["meta"]["component"], "shop");
        assert_eq!(of("db.query")["span_events"][0]["name"], "miss");
        assert_eq!(of("db.query")["meta"]["span.kind"], "client");
        assert_eq!(of("db.query")["metrics"]["rows"], 3);
        assert_eq!(of("structured")["meta_struct"]["event"], json!({"a": 1}));
        for span in spans {
            assert!(span["meta"].get("events").is_none() && span["meta"].get("language").is_none());
        }
        agent.assert_no_check_failures();
    });
}

/// Variables, what the agent announces, the path that is used, and how many warnings there are.
type Choice =
    (&'static [(&'static str, &'static str)], &'static [&'static str], &'static str, usize);

#[test]
fn v1_is_used_where_it_is_announced_and_any_other_when_it_is_asked_for() {
    const OLD: &[&str] = &[V04, V05];
    let settings: [Choice; 13] = [
        (&[], &ALL, V1, 0),
        (&[], OLD, V04, 0),
        (&[("DD_TRACE_API_VERSION", "v0.4")], &ALL, V04, 0),
        (&[("DD_TRACE_API_VERSION", "v0.5")], &ALL, V05, 0),
        (&[("DD_TRACE_API_VERSION", "v1.0")], &ALL, V1, 0),
        // Said: they are not to be had so.
        (&[("DD_TRACE_API_VERSION", "v1.0")], OLD, V04, 1),
        (&[("DD_TRACE_API_VERSION", "v0.5")], &[V04], V04, 1),
        (&[("DD_TRACE_API_VERSION", "v0.3")], &ALL, V04, 1),
        (&[("DD_TRACE_API_VERSION", "v0.7")], &ALL, V1, 1),
        (&[("DD_TRACE_AGENT_PROTOCOL_VERSION", "0.4")], &ALL, V04, 0),
        (&[("DD_TRACE_AGENT_PROTOCOL_VERSION", "1.0")], &ALL, V1, 0),
        (
            &[("DD_TRACE_AGENT_PROTOCOL_VERSION", "1.0"), ("DD_TRACE_API_VERSION", "v0.5")],
            &ALL,
            V05,
            0,
        ),
        (&[], &[], V04, 0),
    ];
    within(LIMIT, move || {
        for (variables, announced, expected, warnings) in settings {
            let agent = FaultAgent::start(taking(&ALL, announced, 404));
            let said = Said::default();
            let environment = Environment::from_pairs(variables.iter().copied());
            let tracer = common::builder(&agent.url(), &said).environment(environment).build();
            for _ in 0..3 {
                trace(&tracer);
                tracer.flush(LIMIT).unwrap();
            }
            assert_eq!(paths(&agent), [expected; 3], "{variables:?} {announced:?}");
            assert_eq!(agent.spans().len(), 6);
            assert_eq!(said.warnings().len(), warnings, "{:?}", said.warnings());
        }
    });
}

#[test]
fn an_agent_that_does_not_say_what_it_takes_gets_v04() {
    within(LIMIT, || {
        for silent in [|| Reply::status(404), || Reply::status(500), || Reply::close()] {
            let agent = FaultAgent::start(move |request| match request.path.as_str() {
                "/info" => silent(),
                _ => scripts::healthy(request),
            });
            let tracer = common::builder(&agent.url(), &Said::default()).build();
            trace(&tracer);
            tracer.flush(LIMIT).unwrap();
            assert_eq!((paths(&agent), agent.spans().len()), (vec![V04.to_owned()], 2));
        }
    });
}

/// Whatever the agent refuses, it gets by v0.4, and is asked only once.
#[test]
fn a_format_that_is_refused_costs_a_request_and_no_trace() {
    within(LIMIT, || {
        for (version, path) in [(ApiVersion::V05, V05), (ApiVersion::V1, V1)] {
            for status in [404, 415] {
                let agent = FaultAgent::start(taking(&[V04], &ALL, status));
                let said = Said::default();
                let tracer = common::builder(&agent.url(), &said).api_version(version).build();
                for _ in 0..3 {
                    trace(&tracer);
                    tracer.flush(LIMIT).unwrap();
                }
                assert_eq!(paths(&agent), [path, V04, V04, V04], "{version} {status}");
                let taken = agent.taken_spans();
                let mut by_v04: Vec<Vec<Span>> =
                    taken.chunks(2).map(|spans| comparable(spans.to_vec())).collect();
                // The first one was converted, and the others were made so.
                let converted = by_v04.remove(0);
                assert!(by_v04.iter().all(|spans| *spans == converted), "{converted:#?}");
                assert_eq!((by_v04.len(), tracer.losses().total()), (2, 0));
                let [warning] = said.warnings().try_into().unwrap();
                let parts = [&status.to_string(), path, "v0.4", "DD_TRACE_API_VERSION"];
                assert!(parts.iter().all(|part| warning.contains(part)), "{warning}");
            }
        }
    });
}

#[test]
fn what_waits_for_the_agent_is_converted_as_well() {
    within(LIMIT, || {
        let agent = FaultAgent::start(taking(&ALL, &ALL, 404));
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        trace(&tracer);
        tracer.flush(LIMIT).unwrap();
        agent.refuse();
        for _ in 0..3 {
            trace(&tracer);
            // Encoded as v1.0, because that is what the agent has taken.
            assert!(tracer.flush(LIMIT).is_err());
        }
        agent.answer(taking(&[V04], &ALL, 415));
        agent.accept();
        tracer.flush(LIMIT).unwrap();
        assert_eq!(paths(&agent)[..2], [V1, V1]);
        assert!(paths(&agent)[2..].iter().all(|path| path == V04));
        assert_eq!((agent.taken_spans().len(), tracer.losses().total()), (8, 0));
    });
}

#[test]
fn an_agent_that_is_another_one_is_asked_again() {
    within(LIMIT, || {
        let agent = FaultAgent::start(taking(&[V04], &ALL, 404));
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        let send = || {
            trace(&tracer);
            tracer.flush(LIMIT).unwrap();
            paths(&agent).pop().unwrap()
        };
        assert_eq!([send(), send()], [V04, V04]);
        // Its answers name a hash of what it says about itself.
        let (old, new) = (taking(&[V04], &[V04], 404), taking(&ALL, &ALL, 404));
        agent.answer(move |request| old(request).header("Datadog-Agent-State", "a"));
        assert_eq!([send(), send()], [V04, V04]);
        agent.answer(move |request| new(request).header("Datadog-Agent-State", "b"));
        // What is made while it is asked again may still be of the old format.
        assert!((0..10).any(|_| send() == V1), "{:?}", paths(&agent));
        assert_eq!(tracer.losses().total(), 0);
    });
}

/// Several traces, and then a single one, of which each request has a part.
#[test]
fn what_is_too_large_is_divided_whatever_the_format() {
    const MOST: usize = 70_000;
    within(LIMIT, || {
        for (version, path) in [(ApiVersion::V05, V05), (ApiVersion::V1, V1)] {
            for traces in [20, 1] {
                let info = taking(&ALL, &ALL, 404);
                let agent = FaultAgent::start(move |request: &Received| {
                    if request.body.len() > MOST { Reply::status(413) } else { info(request) }
                });
                let said = Said::default();
                let tracer = common::builder(&agent.url(), &said).api_version(version).build();
                for trace in 0..traces {
                    let root = tracer.span("root").root().start();
                    for span in 0..200 / traces {
                        let text = format!("{trace} {span} {}", "x".repeat(1_000));
                        tracer.span("child").child_of(&root).tag("text", text).start().finish();
                    }
                }
                tracer.flush(LIMIT).unwrap();
                assert_eq!(paths(&agent)[0], path);
                let taken = agent.taken_spans();
                assert_eq!((taken.len(), tracer.losses().total()), (200 + traces, 0), "{version}");
            }
        }
    });
}

#[test]
fn a_structured_tag_is_not_lost_where_v05_was_asked_for() {
    within(LIMIT, || {
        let agent = FaultAgent::start(taking(&ALL, &ALL, 404));
        let said = Said::default();
        let tracer = common::builder(&agent.url(), &said).api_version(ApiVersion::V05).build();
        for step in [trace, structured, trace] {
            step(&tracer);
            tracer.flush(LIMIT).unwrap();
        }
        assert_eq!(paths(&agent), [V05, V04, V04]);
        let spans = agent.spans();
        let structured = spans.iter().find(|span| span.name == "structured").unwrap();
        assert_eq!(structured.meta_struct["event"], json!({"a": 1}));
        let [warning] = said.warnings().try_into().unwrap();
        assert!(warning.contains("structured tag") && warning.contains("v1.0"), "{warning}");
        assert_eq!(tracer.losses().total(), 0);
    });
}

/// Where not even v0.4 is taken, this is no agent: as ever, what was sent is lost, and said.
#[test]
fn what_is_no_agent_is_said() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|_: &Received| Reply::status(404));
        let said = Said::default();
        let tracer = common::builder(&agent.url(), &said).api_version(ApiVersion::V1).build();
        trace(&tracer);
        assert!(tracer.flush(LIMIT).is_err());
        assert_eq!(tracer.losses().spans(LossReason::AgentRejected), 2);
        assert!(said.warnings().iter().any(|line| line.contains("wrong port or path")));
    });
}
