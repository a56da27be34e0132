//! What goes out with requests and what comes in with them, as a program sees it.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::process::Command;

use tracehound::config::{Config, Environment, ExtractBehavior, Style};
use tracehound::{
    ActiveContext, Baggage, EnvExtractor, EnvInjector, Extractor, HeaderLookup, HttpPropagator,
    Injector, Propagator, SamplingMechanism, SamplingPriority, SpanContext, SpanId, SpanRef,
    TraceId, Tracer, TracerBuilder,
};
use tracehound_test_support::span::SpanLink;
use tracehound_test_support::within;

use common::service::{UNSET, run, run_with};
use common::{LIMIT, Said};

type Headers = BTreeMap<String, String>;
type Variables<'a> = &'a [(&'a str, &'a str)];

/// A tracer with these variables and nothing behind it, and what it warns of.
fn tracer(variables: Variables<'_>) -> (Tracer, Vec<String>) {
    let said = Said::default();
    let environment = Environment::from_pairs(variables.iter().copied());
    let tracer =
        Tracer::builder().service("shop").environment(environment).log(said.listener()).build();
    (tracer, said.warnings())
}

/// What the tracer writes inside a span.
fn injected(tracer: &Tracer) -> Headers {
    let mut headers = Headers::new();
    let _span = tracer.trace("client");
    tracer.inject(&mut headers);
    headers
}

fn trace(low: u64) -> SpanContext {
    SpanContext::new(TraceId::new(low.into()).unwrap(), SpanId::new(low))
}

fn headers<const N: usize>(headers: [(&str, &str); N]) -> Headers {
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

// ===== styles =====

const DATADOG: [&str; 4] =
    ["x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-tags", "x-datadog-trace-id"];
const W3C: [&str; 2] = ["traceparent", "tracestate"];
const B3_MULTI: [&str; 3] = ["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"];

#[test]
fn the_variables_name_the_styles_that_are_written() {
    let style = "DD_TRACE_PROPAGATION_STYLE";
    let inject = "DD_TRACE_PROPAGATION_STYLE_INJECT";
    let otel = "OTEL_PROPAGATORS";
    let both = [&W3C[..], &DATADOG[..]].concat();
    let cases: [(Variables<'_>, &[&str]); 15] = [
        (&[], &both),
        (&[(style, "datadog")], &DATADOG),
        (&[(style, " TraceContext ")], &W3C),
        (&[(style, "b3")], &["b3"]),
        (&[(style, "B3 single header")], &["b3"]),
        (&[(style, "b3multi,b3multi")], &B3_MULTI),
        (&[(style, "baggage")], &[]),
        (&[(style, "none")], &[]),
        (&[(style, "")], &both),
        (&[(style, "datadog"), (inject, "b3")], &["b3"]),
        (&[(style, "b3"), ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "datadog")], &["b3"]),
        (&[(otel, "tracecontext,baggage")], &W3C),
        (&[(otel, "b3multi")], &B3_MULTI),
        (&[(otel, "none")], &[]),
        (&[(otel, "b3"), (style, "tracecontext")], &W3C),
    ];
    for (variables, names) in cases {
        let (tracer, warnings) = tracer(variables);
        assert_eq!(injected(&tracer).into_keys().collect::<Vec<_>>(), names, "{variables:?}");
        // That another variable hides this one is worth a word.
        assert!(warnings.len() < variables.len().max(1), "{variables:?}: {warnings:?}");
    }
}

#[test]
fn an_unknown_style_is_left_out_with_a_warning() {
    let style = "DD_TRACE_PROPAGATION_STYLE";
    let both = [&W3C[..], &DATADOG[..]].concat();
    let cases: [(&str, &str, &[&str]); 5] = [
        (style, "b3,jaeger", &["b3"]),
        (style, "jaeger", &both),
        (style, "none,b3", &["b3"]),
        ("OTEL_PROPAGATORS", "jaeger,b3", &["b3"]),
        ("OTEL_PROPAGATORS", "xray", &both),
    ];
    for (name, value, names) in cases {
        let (tracer, warnings) = tracer(&[(name, value)]);
        assert_eq!(injected(&tracer).into_keys().collect::<Vec<_>>(), names, "{name}={value}");
        assert_eq!(warnings.len(), 1, "{name}={value}: {warnings:?}");
        assert!(warnings[0].contains(name), "{warnings:?}");
    }
}

/// A different trace in each style.
fn babel() -> Headers {
    headers([
        ("x-datadog-trace-id", "1"),
        ("x-datadog-parent-id", "1"),
        ("traceparent", "00-00000000000000000000000000000002-0000000000000002-01"),
        ("tracestate", "dd=s:2,other=1"),
        ("b3", "0000000000000003-0000000000000003-1"),
        ("x-b3-traceid", "0000000000000004"),
        ("x-b3-spanid", "0000000000000004"),
        ("baggage", "user.id=5"),
    ])
}

#[test]
fn the_first_style_that_is_there_is_followed() {
    let style = "DD_TRACE_PROPAGATION_STYLE";
    let extract = "DD_TRACE_PROPAGATION_STYLE_EXTRACT";
    let cases: [(Variables<'_>, Option<u64>); 8] = [
        (&[], Some(1)),
        (&[(style, "tracecontext,datadog")], Some(2)),
        (&[(extract, "b3,datadog"), (style, "tracecontext")], Some(3)),
        (&[(style, "b3multi")], Some(4)),
        (&[("OTEL_PROPAGATORS", "b3multi,tracecontext")], Some(4)),
        (&[(style, "none")], None),
        (&[("DD_TRACE_PROPAGATION_STYLE_INJECT", "none")], Some(1)),
        (&[("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "ignore")], None),
    ];
    for (variables, expected) in cases {
        let (tracer, warnings) = tracer(variables);
        let found = tracer.extract(&babel()).and_then(|context| context.trace_id());
        assert_eq!(found.map(TraceId::low), expected, "{variables:?}");
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn styles_in_code_win_over_the_variables() {
    let environment = Environment::from_pairs([("DD_TRACE_PROPAGATION_STYLE", "datadog")]);
    let builder = Tracer::builder().environment(environment.clone());
    let tracer = builder.propagation_styles([Style::B3Multi]).build();
    assert_eq!(injected(&tracer).into_keys().collect::<Vec<_>>(), B3_MULTI);
    assert_eq!(tracer.extract(&babel()).unwrap().trace_id(), TraceId::new(4));

    let config = Config::builder().environment(environment);
    let config = config.inject_styles([]).extract_styles([Style::B3Single]);
    let tracer = Tracer::builder().config(config).build();
    assert_eq!(injected(&tracer), Headers::new());
    assert_eq!(tracer.extract(&babel()).unwrap().trace_id(), TraceId::new(3));
}

// ===== what becomes of what came in =====

fn link(low: u64, reason: &str, headers: &str) -> SpanLink {
    let attributes = [("reason", reason), ("context_headers", headers)];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let sampled = Some(1 << 31 | 1);
    SpanLink { trace_id: low, span_id: low, attributes, flags: sampled, ..SpanLink::default() }
}

const ALL: (&str, &str) = ("DD_TRACE_PROPAGATION_STYLE", "datadog,tracecontext,b3,baggage");

#[test]
fn traces_that_are_not_followed_become_links_of_the_root() {
    run_with([ALL], |service| {
        let upstream = service.tracer.extract(&babel());
        let root = service.tracer.span("root").child_of(upstream).enter();
        drop(service.tracer.trace("child"));
        drop(root);
        let root = service.span("root");
        assert_eq!((root.full_trace_id(), root.parent_id), (1, 1));
        let w3c = link(2, "terminated_context", "tracecontext");
        let w3c = SpanLink { tracestate: "dd=s:2,other=1".to_owned(), ..w3c };
        assert_eq!(root.span_links, [w3c, link(3, "terminated_context", "b3")]);
        assert_eq!(root.meta("baggage.user.id"), Some("5"));
        assert_eq!(service.span("child").span_links, []);
    });
}

#[test]
fn extract_first_looks_no_further() {
    run_with([ALL, ("DD_TRACE_PROPAGATION_EXTRACT_FIRST", "true")], |service| {
        let upstream = service.tracer.extract(&babel());
        service.tracer.span("root").child_of(upstream).start().finish();
        let root = service.span("root");
        assert_eq!((root.full_trace_id(), root.span_links.len()), (1, 0));
        assert_eq!(root.meta("baggage.user.id"), Some("5"), "baggage is no trace");
    });
}

#[test]
fn restart_begins_a_new_trace_that_links_back() {
    let restart = ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "ReStart");
    run_with([("DD_TRACE_PROPAGATION_STYLE", "tracecontext,b3,baggage"), restart], |service| {
        let upstream = service.tracer.extract(&babel());
        let root = service.tracer.span("root").child_of(upstream).enter();
        let mut sent = Headers::new();
        service.tracer.inject(&mut sent);
        assert!(!sent["tracestate"].contains("other=1"), "of the other trace");
        assert_eq!(sent["baggage"], "user.id=5");
        drop(root);
        let root = service.span("root");
        assert!(root.full_trace_id() > u64::MAX.into() && root.parent_id == 0);
        let w3c = link(2, "propagation_behavior_extract", "tracecontext");
        let tracestate = "dd=s:2,other=1".to_owned();
        assert_eq!(root.span_links, [SpanLink { tracestate, ..w3c }]);
        assert_eq!(root.metric("_sampling_priority_v1"), Some(1.0), "decided anew");
    });
    let config = Config::builder().environment(Environment::empty());
    let config = config.extract_behavior(ExtractBehavior::Ignore);
    let tracer = Tracer::builder().config(config).build();
    assert_eq!(tracer.extract(&babel()), None, "baggage included");
}

#[test]
fn the_nearest_parent_of_one_trace_in_two_styles_counts() {
    run_with(UNSET, |service| {
        let upstream = service.tracer.extract(&headers([
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "16"),
            ("x-datadog-sampling-priority", "2"),
            ("traceparent", "00-00000000000000000000000000000007-00000000000000ff-01"),
            ("tracestate", "other=1"),
        ]));
        let root = service.tracer.span("root").child_of(upstream).enter();
        let mut sent = Headers::new();
        service.tracer.inject(&mut sent);
        assert!(sent["tracestate"].ends_with(",other=1"));
        drop(root);
        let root = service.span("root");
        assert_eq!((root.full_trace_id(), root.parent_id), (7, 0xff));
        assert_eq!(root.meta("_dd.parent_id"), Some("0000000000000010"), "the last Datadog span");
        assert_eq!(root.metric("_sampling_priority_v1"), Some(2.0));
    });
}

#[test]
fn trace_ids_have_as_many_bits_as_the_settings_and_upstream_say() {
    let narrow = ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "false");
    for (variables, generates_high) in [(vec![], true), (vec![narrow], false)] {
        run_with(variables, move |service| {
            let sent = injected(&service.tracer);
            assert_eq!(sent["x-datadog-tags"].contains("_dd.p.tid="), generates_high);
            let id = service.span("client").full_trace_id();
            assert_eq!(id > u64::MAX.into(), generates_high);
            assert_eq!(sent["traceparent"].get(3..35), Some(format!("{id:032x}").as_str()));
            service.agent.clear();

            let upstream = service.tracer.extract(&headers([
                ("x-datadog-trace-id", "7"),
                ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000"),
            ]));
            service.tracer.span("root").child_of(upstream).start().finish();
            assert_eq!(service.span("root").full_trace_id(), 0x640c_fd8d_0000_0000 << 64 | 7);
        });
    }
}

// ===== limits =====

const LONGEST: &str = "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH";

#[test]
fn tags_that_do_not_fit_stay_behind_and_the_root_says_so() {
    let cases = [
        (vec![], "x".repeat(600), "inject_max_size"),
        (vec![(LONGEST, "40")], "x".repeat(41), "inject_max_size"),
        (vec![(LONGEST, "0")], "x".to_owned(), "disabled"),
        (vec![], "a,b".to_owned(), "encoding_error"),
    ];
    for (variables, value, expected) in cases {
        run_with(variables, move |service| {
            let upstream =
                trace(7).with_priority(SamplingPriority::AUTO_KEEP).with_tag("_dd.p.x", value);
            let root = service.tracer.span("root").child_of(upstream).enter();
            let child = service.tracer.trace("child");
            let mut sent = Headers::new();
            service.tracer.inject(&mut sent);
            assert!(!sent.contains_key("x-datadog-tags"), "{sent:?}");
            assert_eq!(sent["x-datadog-trace-id"], "7", "the rest goes out");
            drop((child, root));
            assert_eq!(service.span("root").meta("_dd.propagation_error"), Some(expected));
            assert_eq!(service.span("child").meta("_dd.propagation_error"), None);
        });
    }
}

#[test]
fn tags_that_cannot_be_read_are_left_out_and_the_root_says_so() {
    let long = format!("_dd.p.x={}", "x".repeat(600));
    let cases = [
        (vec![], long, Some("extract_max_size")),
        (vec![(LONGEST, "10")], "_dd.p.x=123".to_owned(), Some("extract_max_size")),
        (vec![(LONGEST, "0")], "_dd.p.x=1".to_owned(), None),
        (vec![], "_dd.p.x".to_owned(), Some("decoding_error")),
        (vec![], "_dd.p.tid=XYZ".to_owned(), Some("malformed_tid XYZ")),
        (vec![], "_dd.p.dm=3".to_owned(), Some("decoding_error")),
    ];
    for (variables, tags, expected) in cases {
        run_with(variables, move |service| {
            let ids = [("x-datadog-trace-id", "7"), ("x-datadog-tags", tags.as_str())];
            let upstream = service.tracer.extract(&headers(ids));
            service.tracer.span("root").child_of(upstream).start().finish();
            let root = service.span("root");
            assert_eq!(root.meta("_dd.propagation_error"), expected, "{tags}");
            assert_eq!((root.full_trace_id(), root.meta("_dd.p.x")), (7, None), "{tags}");
        });
    }
}

#[test]
fn baggage_goes_out_up_to_its_limits() {
    let (tracer, _) = tracer(&[]);
    let span = tracer.trace("client");
    for number in 0..70 {
        span.set_baggage_item(format!("key{number}"), "ü");
    }
    let mut sent = Headers::new();
    tracer.inject(&mut sent);
    assert_eq!(sent["baggage"].split(',').count(), 64);
    assert!(sent["baggage"].starts_with("key0=%C3%BC,"));
    let back = tracer.extract(&sent).unwrap();
    assert_eq!(back.baggage().unwrap().iter().last(), Some(("key63", "ü")));

    span.set_baggage_item("key1", "x".repeat(8192));
    tracer.inject(&mut sent);
    assert_eq!(sent["baggage"], "key0=%C3%BC");
}

#[test]
fn baggage_alone_begins_a_new_trace_with_the_tags_that_are_asked_for() {
    run_with([("DD_TRACE_BAGGAGE_TAG_KEYS", "*")], |service| {
        let upstream = service.tracer.extract(&headers([("baggage", "user.id=5,plan=gold")]));
        let root = service.tracer.span("root").child_of(upstream).enter();
        assert_eq!(root.baggage_item("plan").as_deref(), Some("gold"));
        root.set_baggage_item("own", "1");
        drop(root);
        let root = service.span("root");
        assert_eq!(root.parent_id, 0);
        let baggage = root.meta.keys().filter(|key| key.starts_with("baggage."));
        assert_eq!(baggage.collect::<Vec<_>>(), ["baggage.plan", "baggage.user.id"]);
    });
}

// ===== places without a span =====

#[test]
fn nothing_is_written_where_nothing_is_active() {
    let (tracer, _) = tracer(&[]);
    let mut sent = Headers::new();
    tracer.inject(&mut sent);
    Tracer::none().inject(&mut sent);
    let finished = tracer.trace("finished");
    finished.finish();
    tracer.inject(&mut sent);
    assert_eq!(sent, Headers::new());
}

#[test]
fn baggage_travels_alone_where_there_is_nothing_else() {
    let (tracer, _) = tracer(&[]);
    let baggage = |value: &'static str| {
        let mut baggage = Baggage::new();
        baggage.set("plan", value);
        baggage
    };
    let mut sent = Headers::new();
    let _scope = tracer.activate(ActiveContext::empty().with_baggage(baggage("gold")));
    tracer.inject(&mut sent);
    assert_eq!(sent, headers([("baggage", "plan=gold")]));

    let passed_on = ActiveContext::from(trace(7).with_baggage(baggage("came in")));
    tracer.inject_context(&passed_on, &mut sent);
    assert_eq!(sent["baggage"], "plan=came in".replace(' ', "%20"));
    tracer.inject_context(&passed_on.with_baggage(baggage("put here")), &mut sent);
    assert_eq!(sent["baggage"], "plan=put%20here");
}

#[test]
fn what_came_in_is_passed_on_as_it_came() {
    let (tracer, _) = tracer(&[]);
    let came = headers([
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "255"),
        ("x-datadog-sampling-priority", "-1"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.usr.id=x,_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000"),
        ("traceparent", "00-640cfd8d000000000000000000000007-00000000000000ff-00"),
        ("tracestate", "dd=p:000000000000000a;s:-1;o:rum;t.dm:-4;t.usr.id:x,other=1"),
        ("baggage", "plan=gold"),
    ]);
    let _scope = tracer.activate(tracer.extract(&came));
    assert!(tracer.current_span().is_none());
    let mut sent = Headers::new();
    tracer.inject(&mut sent);
    let without_p = came["tracestate"].replace("p:000000000000000a;", "");
    for (name, value) in &came {
        let expected = if name == "tracestate" { &without_p } else { value };
        assert_eq!(sent.get(name), Some(expected), "{name}");
    }
    assert_eq!(sent.len(), came.len());
}

#[test]
fn nobody_decides_for_a_trace_that_is_passed_on_undecided() {
    let (tracer, _) = tracer(&[("DD_TRACE_SAMPLE_RATE", "0")]);
    let mut sent = Headers::new();
    tracer.inject_context(&trace(7).into(), &mut sent);
    assert_eq!(sent.get("x-datadog-sampling-priority"), None);
    assert_eq!(tracer.extract(&sent).unwrap().priority(), None);
}

#[test]
fn a_span_can_be_named_and_need_not_be_open() {
    run_with(UNSET, |service| {
        let tracer = &service.tracer;
        let produced = tracer.span("produce").start();
        produced.set_baggage_item("plan", "gold");
        let active = tracer.trace("active");
        let (mut open, mut finished) = (Headers::new(), Headers::new());
        tracer.inject_span(&produced, &mut open);
        let handle = produced.handle();
        produced.finish();
        service.spans();
        tracer.inject_span(&handle, &mut finished);
        assert_eq!(open["baggage"], "plan=gold");
        assert_eq!(open, finished, "a message may leave later");
        assert_eq!(open["x-datadog-parent-id"], handle.span_id().unwrap().get().to_string());
        drop(active);
    });
}

#[test]
fn what_is_active_and_finished_gives_way_to_what_is_open() {
    let (tracer, _) = tracer(&[]);
    let parent = tracer.trace("parent");
    let child = tracer.trace("child");
    child.finish();
    let mut sent = Headers::new();
    tracer.inject(&mut sent);
    assert_eq!(sent["x-datadog-parent-id"], parent.span_id().unwrap().get().to_string());
}

/// The first injection takes the decision, and those after it find it there.
#[test]
fn the_same_goes_out_with_every_request_of_a_span() {
    let rate = [("DD_TRACE_SAMPLE_RATE", "0.5")];
    let limit = [("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "0")];
    let guard = [("DD_TRACE_ORG_GUARD_ENABLED", "true")];
    let came_in = [
        None,
        Some(trace(7)),
        Some(
            trace(7)
                .with_priority(SamplingPriority::new(12))
                .with_mechanism(SamplingMechanism::new(34)),
        ),
        Some(trace(7).with_priority(SamplingPriority::USER_REJECT).with_origin("synthetics")),
        Some(
            trace(7)
                .with_tag("_dd.p.usr", "a=b")
                .with_baggage([("plan", "gold")].into_iter().collect()),
        ),
        Some(headers([
            ("traceparent", "00-00000000000000010000000000000007-0000000000000009-01"),
            ("tracestate", "dd=s:2;t.dm:-3,ot=rv:ef284ace7a91e1;th:8,rojo=1"),
        ]))
        .and_then(|headers| HttpPropagator::default().extract(&headers)),
    ];
    for variables in [&[][..], &rate, &limit, &guard] {
        for upstream in &came_in {
            let (tracer, _) = tracer(variables);
            let parent = upstream.clone().map_or(ActiveContext::empty(), ActiveContext::from);
            let span = tracer.span("client").child_of(parent).enter();
            let mut sent = [(); 3].map(|()| Headers::new());
            for carrier in &mut sent {
                tracer.inject(carrier);
            }
            let [first, second, _] = &sent;
            assert!(first.len() >= 6, "{first:?}");
            assert!(sent.iter().all(|sent| sent == first), "{first:?} {second:?}");

            let mut named = Headers::new();
            tracer.inject_span(&span, &mut named);
            assert_eq!(named, *first);
            span.set_tag("manual.drop", true);
            named.clear();
            tracer.inject_span(&span, &mut named);
            let mut by_hand = Headers::new();
            tracer.inject(&mut by_hand);
            assert_eq!(by_hand, named);
            assert_eq!(by_hand["x-datadog-sampling-priority"], "-1");
        }
    }
}

#[test]
fn what_has_finished_gives_way_when_the_decision_is_there_as_well() {
    let (tracer, _) = tracer(&[]);
    let sent = || {
        let mut sent = Headers::new();
        tracer.inject(&mut sent);
        sent["x-datadog-parent-id"].clone()
    };
    let parent = tracer.trace("parent");
    let of = |span: &tracehound::SpanRef| span.span_id().unwrap().get().to_string();
    assert_eq!(sent(), of(&parent));
    let child = tracer.trace("child");
    assert_eq!(sent(), of(&child));
    let other = tracer.span("other").start();
    assert_eq!(sent(), of(&child), "it is not the one that was started last");
    child.finish();
    assert_eq!(sent(), of(&parent));
    drop((other, child));
    assert_eq!(sent(), of(&parent));
}

#[test]
fn a_carrier_may_trace_while_it_is_injected_into() {
    let (tracer, _) = tracer(&[]);
    let client = tracer.trace("client");
    for _ in 0..2 {
        let mut inner = Vec::new();
        tracer.inject(&mut |_: &str, _: String| {
            let span = tracer.trace("carrier");
            assert_eq!(span.parent_id(), client.span_id());
            assert_eq!(tracer.current_span().unwrap().span_id(), span.span_id());
            tracer.inject(&mut inner);
        });
        let names: Vec<_> = inner.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), 6, "{names:?}");
    }
}

#[test]
fn a_tracer_that_is_switched_off_carries_the_trace_on() {
    run_with([("DD_TRACE_ENABLED", "false")], |service| {
        let upstream = trace(7)
            .with_priority(SamplingPriority::USER_KEEP)
            .with_mechanism(SamplingMechanism::RULE);
        let span = service.tracer.span("unsent").child_of(upstream).enter();
        let mut sent = Headers::new();
        service.tracer.inject(&mut sent);
        assert_eq!(sent["x-datadog-trace-id"], "7");
        assert_eq!(sent["x-datadog-parent-id"], span.span_id().unwrap().get().to_string());
        assert_eq!(sent["x-datadog-tags"], "_dd.p.dm=-3");
        drop(span);
        assert!(service.spans().is_empty() && service.agent.requests().is_empty());
    });
}

// ===== a propagator of one's own =====

/// `rpc-trace: <trace>/<span>`
struct Rpc;

impl Propagator for Rpc {
    fn inject(&self, context: &SpanContext, carrier: &mut dyn Injector) {
        if let (Some(trace), Some(span)) = (context.trace_id(), context.span_id()) {
            carrier.set("rpc-trace", format!("{trace}/{span}"));
        }
        for (key, value) in context.baggage().into_iter().flat_map(Baggage::iter) {
            carrier.set(&format!("rpc-baggage-{key}"), value.to_owned());
        }
    }

    fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        let (trace, span) = carrier.header("rpc-trace")?.split_once('/')?;
        Some(SpanContext::new(trace.parse().ok()?, span.parse().ok()))
    }
}

#[test]
fn a_propagator_of_ones_own_writes_beside_the_styles_and_reads_before_them() {
    let build =
        |builder: TracerBuilder| builder.propagator(Rpc).propagation_styles([Style::Datadog]);
    run(UNSET, build, |service| {
        let tracer = &service.tracer;
        let span = tracer.trace("client");
        span.set_baggage_item("plan", "gold");
        let mut sent = Headers::new();
        tracer.inject(&mut sent);
        let ids = (span.trace_id().unwrap(), span.span_id().unwrap());
        assert_eq!(sent["rpc-trace"], format!("{}/{}", ids.0, ids.1));
        assert_eq!(sent["rpc-baggage-plan"], "gold");
        assert_eq!(sent["x-datadog-parent-id"], ids.1.get().to_string());
        drop(span);

        sent.insert("x-datadog-trace-id".to_owned(), "7".to_owned());
        assert_eq!(tracer.extract(&sent).unwrap().trace_id(), Some(ids.0));
        assert_eq!(tracer.extract(&sent).unwrap().baggage(), None);
        sent.insert("rpc-trace".to_owned(), "nonsense".to_owned());
        assert_eq!(tracer.extract(&sent).unwrap().trace_id().unwrap().low(), 7);

        let mut passed_on = Headers::new();
        let mut baggage = Baggage::new();
        baggage.set("plan", "put here");
        let place = ActiveContext::from(trace(9)).with_baggage(baggage);
        tracer.inject_context(&place, &mut passed_on);
        assert_eq!(passed_on["rpc-baggage-plan"], "put here");
        assert!(passed_on["rpc-trace"].ends_with("9/0000000000000009"));
    });
}

#[test]
fn baggage_comes_from_the_styles_where_ones_own_propagator_has_none() {
    run(
        UNSET,
        |builder| builder.propagator(Rpc),
        |service| {
            let sent = headers([
                ("rpc-trace", "00000000000000000000000000000009/0000000000000009"),
                ("baggage", "user.id=5"),
                ("x-datadog-trace-id", "7"),
            ]);
            let upstream = service.tracer.extract(&sent);
            service.tracer.span("root").child_of(upstream).start().finish();
            let root = service.span("root");
            assert_eq!((root.full_trace_id(), root.meta("baggage.user.id")), (9, Some("5")));
        },
    );
}

#[test]
fn a_propagator_that_panics_is_left_out_and_reported_once() {
    struct Broken;
    impl Propagator for Broken {
        fn inject(&self, _: &SpanContext, _: &mut dyn Injector) {
            panic!("the propagator's own mistake");
        }
        fn extract(&self, _: &dyn Extractor) -> Option<SpanContext> {
            panic!("the propagator's own mistake");
        }
    }
    run(
        UNSET,
        |builder| builder.propagator(Broken).propagator(Rpc),
        |service| {
            let sent = injected(&service.tracer);
            assert!(sent.contains_key("rpc-trace") && sent.contains_key("traceparent"));
            assert!(service.tracer.extract(&sent).is_some());
            let said = service.warnings();
            assert_eq!(said.len(), 1, "{said:?}");
            let beginning = "a propagator panicked (\"the propagator's own mistake\", panicked at ";
            assert!(said[0].starts_with(beginning), "{said:?}");
        },
    );
}

// ===== carriers =====

#[test]
fn http_headers_carry_the_trace() {
    let (tracer, _) = tracer(&[]);
    let mut request = http::HeaderMap::new();
    request.append("traceparent", http::HeaderValue::from_static("stale"));
    request.append("traceparent", http::HeaderValue::from_static("stale too"));
    request.append("accept", http::HeaderValue::from_static("*/*"));
    let span = tracer.trace("client");
    tracer.inject(&mut request);
    assert_eq!(request.get_all("traceparent").iter().count(), 1, "what was there is replaced");
    assert_eq!(request["accept"], "*/*");
    let came = tracer.extract(&request).unwrap();
    assert_eq!((came.trace_id(), came.span_id()), (span.trace_id(), span.span_id()));

    // A list may come in pieces; nothing of a header that is no text is needed.
    request.append("tracestate", http::HeaderValue::from_static("a=1"));
    request.append("tracestate", http::HeaderValue::from_static("b=2"));
    request.insert("x-datadog-origin", http::HeaderValue::from_bytes(b"\xff").unwrap());
    let came = tracer.extract(&request).unwrap();
    assert_eq!((came.vendor_tracestate(), came.origin()), (Some("a=1,b=2"), None));
}

#[test]
fn a_lookup_is_asked_only_for_the_headers_of_the_styles_that_are_read() {
    let (tracer, _) = tracer(&[("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3,tracecontext")]);
    let asked = RefCell::new(Vec::new());
    let lookup = HeaderLookup::new(|name| {
        asked.borrow_mut().push(name.to_owned());
        None
    });
    assert_eq!(tracer.extract(&lookup), None);
    assert_eq!(asked.into_inner(), ["b3", "traceparent", "tracestate"]);
}

#[test]
fn every_carrier_is_given_the_same_headers_in_the_place_of_older_ones() {
    let (tracer, _) = tracer(&[]);
    let context = ActiveContext::from(trace(7).with_priority(SamplingPriority::USER_KEEP));
    let mut expected = Vec::new();
    tracer.inject_context(&context, &mut |name: &str, value: String| {
        expected.push((name.to_owned(), value));
    });
    expected.sort();
    assert!(expected.len() >= 4);

    let old = || [("Traceparent".to_owned(), "1".to_owned())];
    let (mut map, mut full_map) = (HashMap::new(), HashMap::from(old()));
    let (mut tree, mut list) = (BTreeMap::from(old()), Vec::from(old()));
    let mut headers = http::HeaderMap::new();
    headers.append("traceparent", http::HeaderValue::from_static("1"));
    headers.append("traceparent", http::HeaderValue::from_static("2"));
    let carriers: [&mut dyn Injector; 5] =
        [&mut map, &mut full_map, &mut tree, &mut list, &mut headers];
    for carrier in carriers {
        tracer.inject_context(&context, carrier);
    }
    for carrier in [&map as &dyn Extractor, &full_map, &tree, &list, &headers] {
        let mut written = Vec::new();
        carrier.for_each(&mut |name, value| {
            written.push((name.to_owned(), String::from_utf8(value.to_vec()).unwrap()));
        });
        written.sort();
        assert_eq!(written, expected);
    }
}

#[test]
fn any_kind_of_carrier_brings_the_same_context() {
    let (tracer, _) = tracer(&[]);
    let expected = Some(7);
    let ids = [("X-Datadog-Trace-Id", "7"), ("x-datadog-parent-id", "9")];
    let cgi = [("HTTP_X_DATADOG_TRACE_ID", "7"), ("HTTP_X_DATADOG_PARENT_ID", "9")];
    let bytes = ids.map(|(name, value)| (name, value.as_bytes().to_vec()));
    let lookup = HeaderLookup::new(|name| {
        ids.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_bytes())
    });
    let map = HashMap::from(ids);
    let slice = &ids[..];
    let carriers: [&dyn Extractor; 7] = [&ids, &cgi, &bytes, &lookup, &map, &slice, &ids.to_vec()];
    for (number, carrier) in carriers.into_iter().enumerate() {
        let found = tracer.extract(carrier).unwrap();
        assert_eq!(found.trace_id().map(TraceId::low), expected, "{number}");
        assert_eq!(found.span_id(), SpanId::new(9), "{number}");
    }
    let mut written = Vec::new();
    tracer.inject_context(&trace(7).into(), &mut |name: &str, value: String| {
        written.push((name.to_owned(), value))
    });
    assert_eq!(tracer.extract(&written).unwrap().trace_id(), TraceId::new(7));
}

// ===== a child process =====

const AGENT: &str = "TEST_AGENT_URL";

#[test]
fn a_trace_goes_on_in_a_child_process() {
    run_with(UNSET, |service| {
        let parent = service.tracer.trace("parent");
        parent.keep_trace();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "the_child_process"]).env(AGENT, service.agent.url());
        // Of the one who has started us: not for our own child.
        command.env("X_DATADOG_ORIGIN", "stale");
        service.tracer.inject(&mut EnvInjector::new(&mut command));
        let child = command.output().unwrap();
        assert!(child.status.success(), "{child:?}");
        drop(parent);
        let (parent, child) = (service.span("parent"), service.span("child"));
        assert_eq!(
            (child.full_trace_id(), child.parent_id),
            (parent.full_trace_id(), parent.span_id)
        );
        assert_eq!(child.metric("_sampling_priority_v1"), Some(2.0));
        assert_eq!((child.meta("_dd.p.dm"), child.meta("_dd.origin")), (Some("-4"), None));
        assert_ne!(child.meta("runtime-id"), parent.meta("runtime-id"));
    });
}

#[test]
#[ignore = "the other half of a_trace_goes_on_in_a_child_process"]
#[expect(clippy::disallowed_methods, reason = "no settings are read here")]
fn the_child_process() {
    within(LIMIT, || {
        let url = std::env::var(AGENT).unwrap();
        let tracer = common::builder(&url, &Said::default()).build();
        let upstream = tracer.extract(&EnvExtractor::new(std::env::vars_os()));
        tracer.span("child").child_of(upstream).start().finish();
        tracer.shutdown(LIMIT).unwrap();
    });
}

/// What any tracer of Datadog's would have written.
#[test]
fn the_propagator_alone_needs_no_tracer() {
    let agent_less = HttpPropagator::default();
    let mut sent = Headers::new();
    agent_less.inject_context(&trace(7).with_origin("lambda"), &mut sent);
    let came = agent_less.extract(&sent).unwrap();
    assert_eq!((came.trace_id(), came.origin()), (TraceId::new(7), Some("lambda")));
    let fields: Vec<_> = agent_less.fields().collect();
    assert!(sent.keys().all(|name| fields.contains(&name.as_str())));
}

#[test]
fn a_span_that_was_sent_still_has_its_baggage_for_messages_and_children() {
    run_with(UNSET, |service| {
        let span = service.tracer.span("producer").start();
        span.set_baggage_item("plan", "gold");
        let handle = span.handle().clone();
        let child = service.tracer.span("child").child_of(&handle).start();
        child.set_baggage_item("own", "1");
        let child_handle = child.handle().clone();
        child.finish();
        span.finish();
        service.tracer.flush(LIMIT).unwrap();
        service.agent.wait_for_spans(2, LIMIT);

        let baggage = |span: &SpanRef| {
            let mut sent = Headers::new();
            service.tracer.inject_span(span, &mut sent);
            sent.remove("baggage")
        };
        assert_eq!(baggage(&handle).as_deref(), Some("plan=gold"));
        assert_eq!(baggage(&child_handle).as_deref(), Some("plan=gold,own=1"));
        assert_eq!(child_handle.baggage_item("own").as_deref(), Some("1"));
        let context = child_handle.propagation_context().unwrap();
        assert_eq!(context.baggage().unwrap().get("own"), Some("1"));

        let late = service.tracer.span("late").child_of(&child_handle).start();
        assert_eq!(late.baggage_item("own").as_deref(), Some("1"));
        late.set_baggage_item("own", "2");
        assert_eq!(child_handle.baggage_item("own").as_deref(), Some("1"));
    });
}

#[test]
fn a_span_sent_with_a_part_of_its_trace_still_has_its_baggage() {
    run_with([("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "2")], |service| {
        let root = service.tracer.trace("root");
        root.set_baggage_item("plan", "gold");
        let spans: Vec<_> = (0..4)
            .map(|number| {
                let span = service.tracer.span("part").start();
                span.set_baggage_item("number", number.to_string());
                span.finish();
                span.handle().clone()
            })
            .collect();
        for (number, span) in spans.iter().enumerate() {
            assert_eq!(span.baggage_item("number"), Some(number.to_string()));
        }
    });
}

#[test]
fn propagated_tags_keep_their_order_and_their_places_when_they_change() {
    let (tracer, _) = tracer(&[]);
    let tags = "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.usr.id=abc";
    let upstream = headers([
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-tags", tags),
    ]);
    let context = tracer.extract(&upstream).unwrap();
    let mut sent = Headers::new();
    tracer.inject_context(&ActiveContext::from(&context), &mut sent);
    assert_eq!(sent["x-datadog-tags"], tags, "passed on");
    let span = tracer.span("server").child_of(&context).enter();
    tracer.inject(&mut sent);
    assert_eq!(sent["x-datadog-tags"], tags, "from a span");
    drop(span);

    let ruled = tags.replace("dm=-4", "dm=-3");
    let upstream = Headers::from_iter(upstream.into_iter().map(|(name, value)| match &*name {
        "x-datadog-tags" => (name, ruled.clone()),
        _ => (name, value),
    }));
    let span = tracer.span("server").child_of(tracer.extract(&upstream)).enter();
    span.drop_trace();
    tracer.inject(&mut sent);
    assert_eq!(sent["x-datadog-tags"], tags, "decided anew");
}
