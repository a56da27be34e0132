//! Traces through this library and Datadog's own tracer for Python, both of which send to the same agent.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracehound::{
    HttpPropagator, SamplingMechanism, SamplingPriority, SpanContext, SpanRef, TraceId,
};
use tracehound_test_support::Span;
use tracehound_test_support::python::{Peer, Script};

use common::LIMIT;
use common::service::{Service, UNSET, run_with_peer};

type Headers = BTreeMap<String, String>;

/// The service in Python.
struct Python(Peer);

/// What it answers.
struct Answer {
    /// What it would send on.
    headers: Headers,
    /// What it has made of the request.
    read: Value,
}

impl Python {
    fn start(service: &Service, variables: &[(&str, &str)]) -> Self {
        let script = Script::new(include_str!("python/service.py")).name("service.py");
        let script =
            script.env("DD_TRACE_AGENT_URL", service.agent.url()).env("DD_SERVICE", "shop");
        let set = |script: Script, (name, value): &(&str, &str)| script.env(name, value);
        Python(variables.iter().fold(script, set).serve())
    }

    fn call(&self, request: &Value) -> Answer {
        let mut answer = self.0.call(request);
        let headers = serde_json::from_value(answer["headers"].take()).unwrap();
        Answer { headers, read: answer["read"].take() }
    }

    fn continues(&self, headers: &Headers) -> Answer {
        self.call(&json!({"name": "python.work", "headers": headers}))
    }
}

impl Service {
    /// Finishes a span below what came in, and gives what it sends on.
    fn answer(
        &self,
        name: &'static str,
        upstream: Option<SpanContext>,
        work: impl FnOnce(&SpanRef),
    ) -> Headers {
        let span = self.tracer.span(name).child_of(upstream).enter();
        work(&span);
        let mut headers = Headers::new();
        self.tracer.inject(&mut headers);
        headers
    }

    /// As the answer to a request.
    fn continues(&self, name: &'static str, headers: &Headers) -> Headers {
        let upstream = self.tracer.extract(headers);
        assert!(upstream.is_some(), "{headers:?}");
        self.answer(name, upstream, |_| {})
    }

    /// Waits for these spans, one of each name, which are one below the other.
    fn chain<const N: usize>(&self, names: [&str; N]) -> [Span; N] {
        self.tracer.flush(LIMIT).unwrap();
        let spans = self.agent.wait_for_spans(N, LIMIT).concat();
        let chain = names.map(|name| {
            let mut named = spans.iter().filter(|span| span.name == name);
            let (span, others) = (named.next(), named.count());
            assert_eq!(others, 0, "{name}");
            span.unwrap_or_else(|| panic!("no span {name}")).clone()
        });
        for pair in chain.windows(2) {
            let [parent, child] = pair else { panic!() };
            assert_eq!(child.parent_id, parent.span_id, "{} below {}", child.name, parent.name);
            assert_eq!(child.full_trace_id(), parent.full_trace_id());
        }
        chain
    }
}

fn decision(span: &Span) -> (Option<f64>, Option<&str>) {
    (span.metric("_sampling_priority_v1"), span.meta("_dd.p.dm"))
}

// ===== the styles =====

/// What a set of styles carries beside the ids, the priority's sign and nothing else.
#[derive(Clone, Copy)]
struct Carries {
    /// Origin, exact priority, decision maker and other tags.
    datadog: bool,
    /// Other vendors' members of `tracestate`.
    vendors: bool,
    baggage: bool,
}

const TRACE: u128 = 0x640c_fd8d_0000_0000_abcd_ef01_2345_6789;

/// A trace that is under way, with all that there is to carry.
fn under_way(priority: &str) -> SpanContext {
    let tracestate =
        format!("dd=s:{priority};o:synthetics;t.dm:-4;t.usr.id:dXNlcg~~,other=1,a@b=x:y");
    let sampled = if priority.starts_with('-') { "00" } else { "01" };
    let headers = [
        ("traceparent", format!("00-{TRACE:032x}-00000000000004d2-{sampled}")),
        ("tracestate", tracestate),
        ("baggage", "user.id=42,cart=half%20full".to_owned()),
    ];
    HttpPropagator::default().extract(&headers).unwrap()
}

/// Here, in Python, and here again, in a trace that began elsewhere.
fn there_and_back(styles: Option<&'static str>, carries: Carries) {
    let variables: Vec<_> =
        styles.map(|styles| ("DD_TRACE_PROPAGATION_STYLE", styles)).into_iter().collect();
    run_with_peer(variables.clone(), move |service| {
        let python = Python::start(service, &variables);
        for (priority, reduced) in [("2", "2"), ("-1", "0")] {
            let sent = service.answer("rust.work", Some(under_way(priority)), |_| {});
            let answer = python.continues(&sent);
            let back = service.continues("rust.more", &answer.headers);

            let names = ["rust.work", "python.work", "rust.more"];
            let [first, second, third] = service.chain(names);
            let priority: f64 = if carries.datadog { priority } else { reduced }.parse().unwrap();
            assert_eq!(answer.read["trace_id"], format!("{TRACE:032x}"));
            assert_eq!(first.parent_id, 0x4d2);
            for span in [&first, &second, &third] {
                assert_eq!(span.full_trace_id(), TRACE);
            }
            for span in [&second, &third] {
                let dm = carries.datadog.then_some("-4");
                assert_eq!(decision(span), (Some(priority), dm), "{}", span.name);
                let user = carries.datadog.then_some("dXNlcg==");
                assert_eq!(span.meta("_dd.p.usr.id"), user);
                assert_eq!(span.meta("_dd.origin"), carries.datadog.then_some("synthetics"));
                assert_eq!(span.meta("baggage.user.id"), carries.baggage.then_some("42"));
                assert_eq!(span.meta("baggage.cart"), None, "not asked for");
                assert_eq!(span.meta("_dd.propagation_error"), None);
                assert!(span.span_links.is_empty());
            }
            // The last Datadog span, which is also the parent: only where Trace Context came first.
            let parent =
                (styles == Some("tracecontext")).then(|| format!("{:016x}", second.span_id));
            assert_eq!(third.meta("_dd.parent_id"), parent.as_deref());

            let tracestate = back.get("tracestate").map(String::as_str).unwrap_or_default();
            assert_eq!(tracestate.ends_with(",other=1,a@b=x:y"), carries.vendors, "{tracestate}");
            assert_eq!(
                back.get("baggage").map(String::as_str),
                carries.baggage.then_some("user.id=42,cart=half%20full")
            );
            service.agent.assert_no_check_failures();
            service.agent.clear();
        }
    });
}

#[test]
fn the_default_styles_carry_everything_there_and_back() {
    there_and_back(None, Carries { datadog: true, vendors: true, baggage: true });
}

#[test]
fn datadog_headers_carry_all_but_other_vendors_state_there_and_back() {
    there_and_back(Some("datadog"), Carries { datadog: true, vendors: false, baggage: false });
}

#[test]
fn trace_context_carries_all_but_baggage_there_and_back() {
    there_and_back(Some("tracecontext"), Carries { datadog: true, vendors: true, baggage: false });
}

#[test]
fn a_single_b3_header_carries_ids_and_the_decision_there_and_back() {
    there_and_back(Some("b3"), Carries { datadog: false, vendors: false, baggage: false });
}

#[test]
fn several_b3_headers_carry_ids_and_the_decision_there_and_back() {
    there_and_back(
        Some("b3multi,baggage"),
        Carries { datadog: false, vendors: false, baggage: true },
    );
}

#[test]
fn all_styles_at_once_agree_there_and_back() {
    let styles = "datadog,b3,tracecontext,b3multi,baggage";
    there_and_back(Some(styles), Carries { datadog: true, vendors: true, baggage: true });
}

/// What either of them sends on of the same headers.
#[test]
fn what_cannot_be_carried_is_dropped_and_tags_keep_their_order_as_in_python() {
    run_with_peer(UNSET, |service| {
        let python = Python::start(service, &[]);
        for (origin, tags) in [
            ("rum", "_dd.p.dm=-4,_dd.p.usr.id=abc,_dd.p.tid=640cfd8d00000000"),
            ("r\u{fc}m", "_dd.p.tid=640cfd8d00000000,_dd.p.usr.id=abc,_dd.p.dm=-4"),
            ("\u{202e}rum", "_dd.p.usr.id=abc,_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000,_dd.p.z=1"),
            ("rum\tx", "_dd.p.usr.id=abc,_dd.p.dm=-3"),
            ("a\r\nb", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4"),
            ("a\u{7f}b", "_dd.p.z=1"),
        ] {
            let headers = Headers::from(
                [
                    ("x-datadog-trace-id", "7"),
                    ("x-datadog-parent-id", "9"),
                    ("x-datadog-sampling-priority", "2"),
                    ("x-datadog-origin", origin),
                    ("x-datadog-tags", tags),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
            let (theirs, ours) =
                (python.continues(&headers).headers, service.continues("rust.work", &headers));
            for name in ["x-datadog-origin", "x-datadog-tags"] {
                assert_eq!(ours.get(name), theirs.get(name), "{name} of {origin:?}, {tags}");
            }
            assert_eq!(ours["x-datadog-tags"], tags);
            let has_origin = |headers: &Headers| headers["tracestate"].contains(";o:");
            assert_eq!(has_origin(&ours), has_origin(&theirs), "{origin:?}");
        }
        service.tracer.flush(LIMIT).unwrap();
        service.agent.wait_for_spans(12, LIMIT);
    });
}

// ===== who decides =====

#[test]
fn a_trace_that_began_in_python_goes_on_here_and_there() {
    run_with_peer(UNSET, |service| {
        let python = Python::start(service, &[]);
        let began =
            python.call(&json!({"name": "python.root", "baggage": {"cart": "voll, ganz voll"}}));
        let mut seen = None;
        let upstream = service.tracer.extract(&began.headers);
        let sent = service.answer("rust.work", upstream, |span| seen = span.baggage_item("cart"));
        assert_eq!(seen.as_deref(), Some("voll, ganz voll"));
        let answer = python.continues(&sent);
        assert_eq!(answer.read["baggage"], json!({"cart": "voll, ganz voll"}));
        for span in service.chain(["python.root", "rust.work", "python.work"]) {
            assert_eq!(decision(&span), (Some(1.0), Some("-0")), "{}", span.name);
            assert_ne!(span.full_trace_id() >> 64, 0, "{}", span.name);
        }
    });
}

#[test]
fn a_word_by_hand_in_one_language_counts_in_the_other() {
    run_with_peer(UNSET, |service| {
        let python = Python::start(service, &[]);
        for (tag, priority) in [("manual.keep", 2.0), ("manual.drop", -1.0)] {
            let sent = service.answer("rust.root", None, |span| span.set_tag(tag, true));
            let answer = python.continues(&sent);
            assert_eq!(answer.read["priority"], json!(priority as i32));
            service.continues("rust.more", &answer.headers);
            for span in service.chain(["rust.root", "python.work", "rust.more"]) {
                assert_eq!(decision(&span), (Some(priority), Some("-4")), "{}", span.name);
            }
            service.agent.clear();

            let tags = json!({"name": "python.root", "tags": {tag: "true"}});
            let sent = service.continues("rust.work", &python.call(&tags).headers);
            assert_eq!(sent["x-datadog-sampling-priority"], (priority as i32).to_string());
            python.continues(&sent);
            for span in service.chain(["python.root", "rust.work", "python.work"]) {
                assert_eq!(decision(&span), (Some(priority), Some("-4")), "{}", span.name);
            }
            service.agent.clear();
        }
    });
}

#[test]
fn a_word_by_hand_is_the_last_one_in_whatever_language() {
    run_with_peer([("DD_TRACE_SAMPLE_RATE", "0")], |service| {
        let python = Python::start(service, &[]);
        let dropped = service.answer("rust.root", None, |_| {});
        let kept = python.call(
            &json!({"name": "python.work", "headers": dropped, "tags": {"manual.keep": "1"}}),
        );
        let again = service.tracer.extract(&kept.headers);
        service.answer("rust.more", again, SpanRef::drop_trace);
        let chain = service.chain(["rust.root", "python.work", "rust.more"]);
        let decisions = chain.each_ref().map(decision);
        let expected = [(-1.0, "-3"), (2.0, "-4"), (-1.0, "-4")];
        assert_eq!(decisions, expected.map(|(priority, dm)| (Some(priority), Some(dm))));
    });
}

const RULES: (&str, &str) = (
    "DD_TRACE_SAMPLING_RULES",
    r#"[{"name": "*.root", "tags": {"tier": "g?ld"}, "sample_rate": 0}]"#,
);

const KEEP_ALL: (&str, &str) = ("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate": 1}]"#);

#[test]
fn the_rules_of_the_service_that_begins_decide_and_nobody_elses() {
    run_with_peer([RULES], |service| {
        // The other service would keep all.
        let python = Python::start(service, &[KEEP_ALL]);
        let sent = service.answer("rust.root", None, |span| span.set_tag("tier", "gold"));
        let answer = python.continues(&sent);
        service.continues("rust.more", &answer.headers);
        let chain = service.chain(["rust.root", "python.work", "rust.more"]);
        for span in &chain {
            assert_eq!(decision(span), (Some(-1.0), Some("-3")), "{}", span.name);
        }
        let rates = chain.map(|span| span.metric("_dd.rule_psr"));
        assert_eq!(rates, [Some(0.0), None, None], "it is explained where it was taken");
    });
    run_with_peer([KEEP_ALL], |service| {
        let python = Python::start(service, &[RULES]);
        let began = python.call(&json!({"name": "python.root", "tags": {"tier": "gold"}}));
        service.continues("rust.work", &began.headers);
        for span in service.chain(["python.root", "rust.work"]) {
            assert_eq!(decision(&span), (Some(-1.0), Some("-3")), "{}", span.name);
        }
    });
}

#[test]
fn the_agents_rates_decide_the_same_in_both() {
    run_with_peer(UNSET, |service| {
        let python = Python::start(service, &[]);
        service.agent.set_rates(&[("service:shop,env:", 0.0), ("service:python,env:", 0.0)]);
        service.answer("rust.first", None, |_| {});
        python.call(&json!({"name": "python.first"}));
        service.tracer.flush(LIMIT).unwrap();
        service.agent.wait_for_spans(2, LIMIT);
        service.agent.clear();

        let sent = service.answer("rust.root", None, |_| {});
        python.continues(&sent);
        for span in service.chain(["rust.root", "python.work"]) {
            assert_eq!(decision(&span), (Some(0.0), Some("-1")), "{}", span.name);
        }
        service.agent.clear();
        let began = python.call(&json!({"name": "python.root"}));
        service.continues("rust.work", &began.headers);
        let [root, work] = service.chain(["python.root", "rust.work"]);
        assert_eq!([decision(&root), decision(&work)], [(Some(0.0), Some("-1")); 2]);
        assert_eq!(root.metric("_dd.agent_psr"), Some(0.0));
    });
}

/// The member of `tracestate` from which an OpenTelemetry sampler comes to the same decision.
fn probability(headers: &Headers) -> &str {
    let mut members = headers["tracestate"].split(',');
    members.find(|member| member.starts_with("ot=rv:")).unwrap()
}

/// Without a decision from upstream both have to come to the same, by the same hash of the trace id.
#[test]
fn a_rate_keeps_the_same_traces_in_both() {
    let rate = [("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate": 0.35}]"#)];
    run_with_peer(rate, move |service| {
        let python = Python::start(service, &rate);
        let mut kept = 0;
        for round in 1..=40_u64 {
            let id = TraceId::from_halves(7, round.wrapping_mul(0x2545_f491_4f6c_dd1d)).unwrap();
            let open = SpanContext::new(id, None);
            let ours = service.answer("rust.work", Some(open), |_| {});
            let mut request = Headers::new();
            request.insert("x-datadog-trace-id".to_owned(), id.low().to_string());
            request.insert("x-datadog-tags".to_owned(), "_dd.p.tid=0000000000000007".to_owned());
            let theirs = python.continues(&request);
            let priority = "x-datadog-sampling-priority";
            assert_eq!(ours[priority], theirs.headers[priority], "{id}");
            assert_eq!(probability(&ours), probability(&theirs.headers), "{id}");
            kept += usize::from(ours[priority] == "2");
        }
        assert!((5..=25).contains(&kept), "{kept} of 40");
        // And both say it alike.
        service.tracer.flush(LIMIT).unwrap();
        let spans = service.agent.wait_for_spans(80, LIMIT).concat();
        let explain = |span: &Span| {
            let rate = span.metric("_dd.rule_psr");
            (
                span.full_trace_id(),
                rate,
                span.meta("_dd.p.ksr").map(str::to_owned),
                span.metric("_dd.limit_psr"),
            )
        };
        for ours in spans.iter().filter(|span| span.name == "rust.work") {
            let theirs = spans
                .iter()
                .find(|span| span.name == "python.work" && span.trace_id == ours.trace_id);
            assert_eq!(explain(ours), explain(theirs.unwrap()));
        }
    });
}

#[test]
fn a_context_without_a_span_is_passed_on_as_it_came() {
    run_with_peer(UNSET, |service| {
        let python = Python::start(service, &[]);
        let began = python.call(&json!({"name": "python.root", "tags": {"manual.keep": "1"}}));
        let came = service.tracer.extract(&began.headers).unwrap();
        assert_eq!(
            (came.priority(), came.mechanism()),
            (Some(SamplingPriority::USER_KEEP), Some(SamplingMechanism::MANUAL))
        );
        let mut sent = Headers::new();
        service.tracer.inject_context(&came.into(), &mut sent);
        python.continues(&sent);
        let [root, work] = service.chain(["python.root", "python.work"]);
        assert_eq!([decision(&root), decision(&work)], [(Some(2.0), Some("-4")); 2]);
    });
}

// ===== header for header =====

/// The headers in parts, whose order says nothing, without what the two are known to do differently:
///
/// - Python repeats the high half of the trace id in `tracestate`, and writes that header even if empty;
/// - where the flag of `traceparent` overrules `s`, we say that by default it was kept, and Python that
///   nobody did.
fn parts(headers: &Headers) -> BTreeMap<&str, Vec<&str>> {
    let known = ["t.tid:", "t.dm:-0", "_dd.p.dm=-0"];
    let mut all = BTreeMap::new();
    for (name, value) in headers {
        let mut parts: Vec<&str> = match name.as_str() {
            // The order within the member `dd` is each one's own.
            "x-datadog-tags" | "tracestate" => {
                value.split([',', ';']).map(|part| part.trim_start_matches("dd=")).collect()
            }
            _ => vec![value],
        };
        parts.retain(|part| !part.is_empty() && !known.iter().any(|known| part.contains(known)));
        parts.sort_unstable();
        if !parts.is_empty() {
            all.insert(name.as_str(), parts);
        }
    }
    all
}

const W3C: &str = "00-640cfd8d00000000abcdef0123456789-00000000000004d2-01";
const LOW: &str = "12379813738877118345"; // The low half of it.
const TID: &str = "_dd.p.tid=640cfd8d00000000";
const REQUESTS: [&[(&str, &str)]; 10] = [
    &[("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")],
    &[
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-sampling-priority", "-1"),
    ],
    &[
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-sampling-priority", "3"),
    ],
    &[
        ("x-datadog-trace-id", LOW),
        ("x-datadog-parent-id", "1234"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "synthetics=~;x"),
        ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.usr.id=a=b;~,other=1"),
    ],
    &[("traceparent", W3C)],
    &[
        ("traceparent", W3C),
        ("tracestate", "dd=s:2;o:rum;p:00000000000000aa;t.dm:-4;t.a:b~,x=1,y@z=2"),
    ],
    &[("traceparent", W3C), ("tracestate", "x=1,dd=s:-1")],
    &[
        ("x-datadog-trace-id", LOW),
        ("x-datadog-parent-id", "1234"),
        ("x-datadog-tags", TID),
        ("traceparent", W3C),
        ("tracestate", "dd=p:00000000000000aa;s:2,x=1"),
    ],
    &[
        ("x-datadog-trace-id", LOW),
        ("x-datadog-parent-id", "5"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-tags", TID),
        ("traceparent", W3C),
        ("tracestate", "dd=p:00000000000000aa;s:2,x=1,ot=rv:00112233445566;th:8"),
    ],
    &[
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("baggage", "a=1,b=c%20d,user.id=x"),
    ],
];

#[test]
fn both_pass_on_the_same_of_the_same_request() {
    run_with_peer(UNSET, move |service| {
        let python = Python::start(service, &[]);
        for request in REQUESTS {
            let owned =
                request.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let request: Headers = owned.collect();
            let theirs = python.call(&json!({"headers": request})).headers;
            let mut ours = Headers::new();
            let came = service.tracer.extract(&request).unwrap();
            service.tracer.inject_context(&came.into(), &mut ours);
            assert_eq!(parts(&ours), parts(&theirs), "{request:#?}");
        }
    });
}
