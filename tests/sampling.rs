//! Who decides on a trace, when, and what the agent is told about it.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tracehound::config::Environment;
use tracehound::{
    Sampler, SamplingDecision, SamplingMechanism, SamplingPriority, SamplingRule, SpanContext,
    SpanRef, SpanSamplingRule, SpanView, TraceId, Tracer, TracerBuilder,
};
use tracehound_test_support::Span;

use common::service::{UNSET, run, run_with};

/// What the agent is told about a decision: everything, so that nothing is there unasked.
#[derive(Debug, Default, PartialEq)]
struct Told {
    priority: Option<f64>,
    decision_maker: Option<String>,
    rule_rate: Option<f64>,
    agent_rate: Option<f64>,
    limit_rate: Option<f64>,
    hash_rate: Option<String>,
}

fn told(span: &Span) -> Told {
    Told {
        priority: span.metric("_sampling_priority_v1"),
        decision_maker: span.meta("_dd.p.dm").map(str::to_owned),
        rule_rate: span.metric("_dd.rule_psr"),
        agent_rate: span.metric("_dd.agent_psr"),
        limit_rate: span.metric("_dd.limit_psr"),
        hash_rate: span.meta("_dd.p.ksr").map(str::to_owned),
    }
}

impl Told {
    fn new(priority: f64, decision_maker: &str) -> Self {
        let decision_maker = Some(decision_maker.to_owned());
        Told { priority: Some(priority), decision_maker, ..Told::default() }
    }

    /// Kept by a rule with rate 1, and not limited.
    fn kept_by_rule() -> Self {
        let explained = Told { limit_rate: Some(1.0), ..Told::new(2.0, "-3") };
        Told { rule_rate: Some(1.0), hash_rate: Some("1".to_owned()), ..explained }
    }

    /// Dropped by a rule with rate 0: the limit is not asked.
    fn dropped_by_rule() -> Self {
        let explained = Told::new(-1.0, "-3");
        Told { rule_rate: Some(0.0), hash_rate: Some("0".to_owned()), ..explained }
    }

    fn by_agent(priority: f64, rate: f64, text: &str) -> Self {
        let explained = Told::new(priority, "-1");
        Told { agent_rate: Some(rate), hash_rate: Some(text.to_owned()), ..explained }
    }

    fn by_default() -> Self {
        Told::new(1.0, "-0")
    }

    fn by_hand(priority: f64) -> Self {
        Told::new(priority, "-4")
    }
}

// ===== what counts, and until when =====

const GOLD_AND_NO_PINGS: [(&str, &str); 1] = [(
    "DD_TRACE_SAMPLING_RULES",
    r#"[{"tags": {"tier": "gold", "items": "3"}, "sample_rate": 1},
        {"resource": "GET /ping", "sample_rate": 0},
        {"name": "late.*", "service": "other", "sample_rate": 0}]"#,
)];

#[test]
fn what_is_set_after_the_start_takes_part() {
    run_with(GOLD_AND_NO_PINGS, |service| {
        let tracer = &service.tracer;
        let tagged = tracer.start_span("tagged");
        tagged.set_tag("tier", "GOLD");
        tagged.set_tag("items", 3);
        tagged.finish();
        let ping = tracer.start_span("ping");
        ping.set_resource("get /ping");
        ping.finish();
        let renamed = tracer.start_span("early");
        renamed.set_name("late.name");
        renamed.set_service("other");
        renamed.finish();
        tracer.start_span("plain").finish();

        assert_eq!(told(&service.span("tagged")), Told::kept_by_rule());
        assert_eq!(told(&service.span("ping")), Told::dropped_by_rule());
        assert_eq!(told(&service.span("late.name")), Told::dropped_by_rule());
        assert_eq!(told(&service.span("plain")), Told::by_default());
    });
}

#[test]
fn the_root_decides_and_only_the_root_explains() {
    run_with(GOLD_AND_NO_PINGS, |service| {
        let root = service.tracer.trace("root");
        let child = service.tracer.trace("child");
        child.set_resource("GET /ping");
        drop(child);
        root.set_tags([("tier", "gold"), ("items", "3")]);
        drop(root);
        assert_eq!(told(&service.span("root")), Told::kept_by_rule());
        assert_eq!(told(&service.span("child")), Told::default());
    });
}

#[test]
fn writing_headers_decides_once_and_for_all() {
    run_with(GOLD_AND_NO_PINGS, |service| {
        let injected = service.tracer.trace("injected");
        injected.set_resource("GET /ping");
        let child = service.tracer.trace("child");
        let mut headers = HashMap::new();
        service.tracer.inject(&mut headers);
        assert_eq!(headers["x-datadog-sampling-priority"], "-1");
        assert_eq!(child.priority(), Some(SamplingPriority::USER_REJECT));
        injected.set_resource("GET /cart");
        injected.set_tags([("tier", "gold"), ("items", "3")]);
        service.tracer.inject(&mut headers);
        assert_eq!(headers["x-datadog-sampling-priority"], "-1");
        drop((child, injected));
        assert_eq!(told(&service.span("injected")), Told::dropped_by_rule());
    });
}

#[test]
fn reading_the_context_decides_and_so_does_a_link() {
    type Leave = fn(&Tracer, &SpanRef);
    let ways: [Leave; 3] = [
        |_, span| drop(span.propagation_context()),
        |tracer, span| tracer.start_span("other").link_to(span),
        |tracer, _| drop(tracer.propagation_context()),
    ];
    for leave in ways {
        run_with(GOLD_AND_NO_PINGS, move |service| {
            let span = service.tracer.trace("left");
            assert_eq!(span.sampling_decision(), None, "nobody has asked");
            leave(&service.tracer, &span);
            span.set_resource("GET /ping");
            drop(span);
            assert_eq!(told(&service.span("left")), Told::by_default());
        });
    }
}

#[test]
fn a_part_that_is_sent_binds_the_rest() {
    let build = |builder: TracerBuilder| builder.partial_flush(Some(2));
    run(GOLD_AND_NO_PINGS, build, |service| {
        let root = service.tracer.trace("root");
        root.set_resource("GET /ping");
        for _ in 0..2 {
            drop(service.tracer.trace("child"));
        }
        root.set_resource("GET /cart");
        drop(root);
        let spans = service.spans();
        // The root explains; the first span of the earlier chunk says the same without the rates.
        let by_rule = spans.iter().filter(|span| told(span) == Told::new(-1.0, "-3"));
        assert_eq!((by_rule.count(), spans.len()), (1, 3));
        assert_eq!(told(&service.span("root")), Told::dropped_by_rule());
    });
}

#[test]
fn a_decision_that_came_in_is_followed_and_not_explained() {
    run_with([("DD_TRACE_SAMPLE_RATE", "0")], |service| {
        let upstream =
            |priority| SpanContext::new(TraceId::new(7).unwrap(), None).with_priority(priority);
        let tracer = &service.tracer;
        let kept =
            upstream(SamplingPriority::AUTO_KEEP).with_mechanism(SamplingMechanism::AGENT_RATE);
        let kept = kept.with_tag("_dd.p.ksr", "0.250000");
        tracer.span("kept").child_of(kept).start().finish();
        tracer.span("odd").child_of(upstream(SamplingPriority::new(3))).start().finish();
        tracer
            .span("open")
            .child_of(SpanContext::new(TraceId::new(7).unwrap(), None))
            .start()
            .finish();

        let kept = Told { hash_rate: Some("0.250000".to_owned()), ..Told::new(1.0, "-1") };
        assert_eq!(told(&service.span("kept")), kept, "as it came");
        assert_eq!(told(&service.span("odd")), Told { priority: Some(3.0), ..Told::default() });
        assert_eq!(told(&service.span("open")), Told::dropped_by_rule(), "nobody had decided");
    });
}

// ===== by hand =====

#[test]
fn the_users_own_word_wins_over_rules_wherever_it_is_said() {
    run_with(GOLD_AND_NO_PINGS, |service| {
        let tracer = &service.tracer;
        let trace = |name: &'static str, say: fn(&SpanRef)| {
            let root = tracer.span(name).resource("GET /ping").enter();
            let child = tracer.trace("child");
            say(&child);
            drop((child, root));
            told(&service.span(name))
        };
        assert_eq!(trace("tag", |span| span.set_tag("manual.keep", "yes")), Told::by_hand(2.0));
        assert_eq!(trace("method", |span| span.keep_trace()), Told::by_hand(2.0));
        assert_eq!(
            trace("number", |span| span.set_tag("sampling.priority", 1)),
            Told::by_hand(2.0)
        );
        assert_eq!(trace("drop", |span| span.drop_trace()), Told::by_hand(-1.0));
        assert_eq!(trace("zero", |span| span.set_tag("sampling.priority", 0)), Told::by_hand(-1.0));
        assert_eq!(
            trace("false", |span| span.set_tag("manual.keep", false)),
            Told::dropped_by_rule()
        );
        let changed = trace("twice", |span| {
            span.keep_trace();
            span.drop_trace();
        });
        assert_eq!(changed, Told::by_hand(-1.0), "the last word counts");

        tracer.span("born").resource("GET /ping").tag("manual.keep", true).start().finish();
        assert_eq!(told(&service.span("born")), Told::by_hand(2.0));
        let tags =
            |span: &Span| span.meta.keys().chain(span.metrics.keys()).cloned().collect::<Vec<_>>();
        for span in service.spans() {
            let stray = tags(&span)
                .into_iter()
                .find(|key| key.starts_with("manual") || key.starts_with("sampling."));
            assert_eq!(stray, None);
        }
    });
}

#[test]
fn the_users_own_word_wins_over_a_decision_that_came_in_or_went_out() {
    run_with(GOLD_AND_NO_PINGS, |service| {
        let tracer = &service.tracer;
        let dropped = SpanContext::new(TraceId::new(7).unwrap(), None)
            .with_priority(SamplingPriority::USER_REJECT)
            .with_mechanism(SamplingMechanism::RULE);
        let inherited = tracer.span("inherited").child_of(dropped).start();
        inherited.keep_trace();
        inherited.finish();
        assert_eq!(told(&service.span("inherited")), Told::by_hand(2.0));

        let injected = tracer.span("injected").resource("GET /ping").enter();
        let mut headers = HashMap::new();
        tracer.inject(&mut headers);
        injected.keep_trace();
        tracer.inject(&mut headers);
        assert_eq!(headers["x-datadog-sampling-priority"], "2");
        assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-4"));
        assert!(!headers["tracestate"].contains("th:"), "no rate explains it");
        drop(injected);
        assert_eq!(told(&service.span("injected")), Told::by_hand(2.0));
    });
}

// ===== rules =====

#[test]
fn rules_in_code_take_the_place_of_the_variable() {
    let build = |builder: TracerBuilder| {
        builder
            .sampling_rule(SamplingRule::new(0.0).unwrap().name("a*").service("SHOP"))
            .sampling_rule(SamplingRule::new(1.0).unwrap().tag("plan", "?old"))
    };
    run(GOLD_AND_NO_PINGS, build, |service| {
        let tracer = &service.tracer;
        tracer.span("ab").tag("plan", "gold").start().finish();
        tracer.span("b").tag("plan", "gold").start().finish();
        tracer.span("c").resource("GET /ping").start().finish();
        assert_eq!(told(&service.span("ab")), Told::dropped_by_rule(), "the first that matches");
        assert_eq!(told(&service.span("b")), Told::kept_by_rule());
        assert_eq!(told(&service.span("c")), Told::by_default());
    });
}

#[test]
fn rules_come_from_the_file_that_the_variable_names() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, r#"[{{"name": "noise", "sample_rate": 0}}]"#).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    run_with([("DD_TRACE_SAMPLING_RULES_FILE", path)], |service| {
        service.tracer.start_span("noise").finish();
        assert_eq!(told(&service.span("noise")), Told::dropped_by_rule());
    });
    drop(file);
}

#[test]
fn a_function_as_a_rule_may_use_the_trace_it_decides_on() {
    // The rule is made before the tracer.
    let tracer: Arc<Mutex<Option<Tracer>>> = Arc::default();
    let known = Arc::clone(&tracer);
    let build = move |builder: TracerBuilder| {
        builder.sampling_rule(SamplingRule::new(0.0).unwrap().when(move |root| {
            let tracer = known.lock().unwrap().clone().unwrap();
            if let Some(span) = tracer.current_span() {
                span.set_tag("asked", root.name().into_owned());
                let _child = tracer.trace("inside.the.rule");
                assert_eq!(span.local_root().name().as_deref(), Some("root"));
            }
            root.tag("customer").is_some_and(|customer| customer == "nobody")
        }))
    };
    run(UNSET, build, move |service| {
        *tracer.lock().unwrap() = Some(service.tracer.clone());
        let root = service.tracer.span("root").tag("customer", "nobody").enter();
        service.tracer.inject(&mut HashMap::new());
        drop(root);
        *tracer.lock().unwrap() = None;
        let root = service.span("root");
        assert_eq!(told(&root), Told::dropped_by_rule());
        assert_eq!(root.meta("asked"), Some("root"));
        assert_eq!(service.span("inside.the.rule").parent_id, root.span_id);
    });
}

#[test]
fn the_global_rate_is_for_what_no_rule_matches() {
    let variables = [
        ("DD_TRACE_SAMPLING_RULES", r#"[{"name": "kept", "sample_rate": 1}]"#),
        ("DD_TRACE_SAMPLE_RATE", "0.5"),
    ];
    run_with(variables, |service| {
        // By the hash that every Datadog tracer uses, 1 is kept at 0.5 and 11 is not.
        let open = |low| SpanContext::new(TraceId::new(low).unwrap(), None);
        service.tracer.span("low").child_of(open(1)).start().finish();
        service.tracer.span("high").child_of(open(11)).start().finish();
        service.tracer.span("kept").child_of(open(11)).start().finish();
        let half = |told| Told { rule_rate: Some(0.5), hash_rate: Some("0.5".to_owned()), ..told };
        assert_eq!(told(&service.span("low")), half(Told::kept_by_rule()));
        assert_eq!(told(&service.span("high")), half(Told::dropped_by_rule()));
        assert_eq!(told(&service.span("kept")), Told::kept_by_rule());
    });
}

#[test]
fn the_limit_drops_what_the_rate_keeps() {
    let variables = [("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "3")];
    run_with(variables, |service| {
        let start = Instant::now();
        for _ in 0..200 {
            service.tracer.start_span("request").finish();
        }
        service.tracer.start_span("by hand").keep_trace();
        let spans = service.spans();
        // The bucket fills while the traces are made.
        let most = 3.0 + 3.0 * start.elapsed().as_secs_f64();
        let requests = spans.iter().filter(|span| span.name == "request").map(told);
        let (kept, dropped): (Vec<_>, Vec<_>) =
            requests.partition(|told| told.priority == Some(2.0));
        assert!(kept.len() >= 3 && kept.len() as f64 <= most, "{} of {most}", kept.len());
        assert_eq!(kept.iter().filter(|told| told.limit_rate == Some(1.0)).count(), 3);
        for dropped in dropped {
            let rate = dropped.limit_rate.unwrap();
            assert!((0.0..1.0).contains(&rate), "{rate}");
            let dropped = Told { limit_rate: Some(1.0), ..dropped };
            assert_eq!(dropped, Told { priority: Some(-1.0), ..Told::kept_by_rule() });
        }
        assert_eq!(told(&service.span("by hand")), Told::by_hand(2.0));
    });
}

#[test]
fn a_limit_of_zero_lets_nothing_through_and_a_negative_one_everything() {
    run_with([("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "0")], |service| {
        service.tracer.start_span("root").finish();
        let root = told(&service.span("root"));
        assert_eq!((root.priority, root.limit_rate), (Some(-1.0), Some(0.0)));
    });
    run_with([("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "-1")], |service| {
        for _ in 0..300 {
            service.tracer.start_span("root").finish();
        }
        assert!(service.spans().iter().all(|root| told(root) == Told::kept_by_rule()));
    });
}

// ===== the agent's rates =====

#[test]
fn the_agents_rates_come_with_its_answers() {
    run_with([("DD_ENV", "prod")], |service| {
        let tracer = &service.tracer;
        service.agent.set_rates(&[
            ("service:shop,env:prod", 0.0),
            ("service:Cart,env:stage", 0.5),
            ("service:,env:", 0.25),
        ]);
        let root = |name: &'static str, low| {
            let open = SpanContext::new(TraceId::new(low).unwrap(), None);
            tracer.span(name).child_of(open).start()
        };
        root("before", 11).finish();
        assert_eq!(told(&service.span("before")), Told::by_default());

        root("own", 11).finish();
        let cart = root("cart", 1);
        cart.set_service("Cart");
        cart.set_tag("env", "stage");
        cart.finish();
        root("other", 11).set_service("search");
        assert_eq!(told(&service.span("own")), Told::by_agent(0.0, 0.0, "0"));
        assert_eq!(told(&service.span("cart")), Told::by_agent(1.0, 0.5, "0.5"));
        assert_eq!(told(&service.span("other")), Told::by_agent(0.0, 0.25, "0.25"));

        service.agent.set_rates(&[("service:search,env:prod", 0.125)]);
        root("last of the old", 11).finish();
        service.spans();
        root("gone", 11).finish();
        assert_eq!(told(&service.span("gone")), Told::by_default(), "all are replaced");
    });
}

#[test]
fn rules_and_the_global_rate_come_before_the_agents_rates() {
    run_with([("DD_TRACE_SAMPLE_RATE", "1")], |service| {
        service.agent.set_rates(&[("service:,env:", 0.0)]);
        service.tracer.start_span("first").finish();
        service.spans();
        service.tracer.start_span("second").finish();
        assert_eq!(told(&service.span("second")), Told::kept_by_rule());
    });
}

#[test]
fn a_rate_goes_out_with_the_headers_as_opentelemetrys_threshold() {
    run_with([("DD_TRACE_SAMPLE_RATE", "0.5")], |service| {
        let open = SpanContext::new(TraceId::new(1).unwrap(), None);
        let root = service.tracer.span("root").child_of(open).enter();
        let mut headers = HashMap::new();
        service.tracer.inject(&mut headers);
        let tracestate = format!("dd=p:{:016x};s:2;t.dm:-3,ot=rv:", root.span_id().unwrap().get());
        assert!(headers["tracestate"].starts_with(&tracestate), "{headers:?}");
        assert!(headers["tracestate"].ends_with(";th:8"), "{headers:?}");
        assert!(!headers["x-datadog-tags"].contains("ksr"), "the rate itself is for the agent");
    });
}

// ===== single spans =====

/// What the agent is told of a span that is kept alone: rate and limit.
fn kept_alone(span: &Span) -> Option<(f64, Option<f64>)> {
    let mechanism = span.metric("_dd.span_sampling.mechanism")?;
    assert_eq!(mechanism, 8.0);
    let limit = span.metric("_dd.span_sampling.max_per_second");
    Some((span.metric("_dd.span_sampling.rule_rate").unwrap(), limit))
}

/// A trace of three spans: `root`, `db.query`, and `db.query` of another service.
fn three_spans(tracer: &Tracer, root: impl FnOnce(&SpanRef)) {
    let span = tracer.trace("root");
    root(&span);
    drop(tracer.trace("db.query"));
    drop(tracer.span("db.query").service("users").enter());
}

const SINGLE_SPANS: &str = r#"[{"service": "users", "name": "db.*", "max_per_second": 50},
    {"name": "db.*", "sample_rate": 0}, {"service": "*", "name": "db.query"}]"#;

fn users_only(spans: &[Span], priority: f64) {
    let kept: Vec<_> = spans.iter().map(|span| (span.service.as_str(), kept_alone(span))).collect();
    assert_eq!(kept, [("shop", None), ("shop", None), ("users", Some((1.0, Some(50.0))))]);
    assert_eq!(spans[0].metric("_sampling_priority_v1"), Some(priority));
}

#[test]
fn single_spans_of_dropped_traces_are_kept_by_rules_of_their_own() {
    run_with(
        [("DD_SPAN_SAMPLING_RULES", SINGLE_SPANS), ("DD_TRACE_SAMPLE_RATE", "0")],
        |service| {
            three_spans(&service.tracer, |_| {});
            users_only(&service.spans(), -1.0);
            assert_eq!(
                told(&service.span("root")),
                Told::dropped_by_rule(),
                "the trace stays dropped"
            );
        },
    );
}

#[test]
fn single_spans_are_kept_whoever_has_dropped_the_trace() {
    run_with([("DD_SPAN_SAMPLING_RULES", SINGLE_SPANS)], |service| {
        three_spans(&service.tracer, |root| root.drop_trace());
        users_only(&service.spans(), -1.0);
        service.agent.clear();
        let upstream = SpanContext::new(TraceId::new(7).unwrap(), None)
            .with_priority(SamplingPriority::AUTO_REJECT);
        let scope = service.tracer.activate(upstream);
        three_spans(&service.tracer, |_| {});
        drop(scope);
        users_only(&service.spans(), 0.0);
    });
}

#[test]
fn nothing_is_marked_in_traces_that_are_kept() {
    run_with([("DD_SPAN_SAMPLING_RULES", SINGLE_SPANS)], |service| {
        three_spans(&service.tracer, |_| {});
        let marked = service.spans().iter().filter_map(kept_alone).count();
        assert_eq!(marked, 0);
    });
}

#[test]
fn rules_for_single_spans_come_from_a_file_or_from_code() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(SINGLE_SPANS.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    run_with([("DD_SPAN_SAMPLING_RULES_FILE", path)], |service| {
        three_spans(&service.tracer, |root| root.drop_trace());
        users_only(&service.spans(), -1.0);
    });
    let from_code = |builder: TracerBuilder| {
        let rule = SpanSamplingRule::new(1.0).unwrap().service("users").max_per_second(50.0);
        builder.span_sampling_rule(rule)
    };
    // In code wins: the variable would keep all.
    run([("DD_SPAN_SAMPLING_RULES", r#"[{"name": "*"}]"#)], from_code, |service| {
        three_spans(&service.tracer, |root| root.drop_trace());
        users_only(&service.spans(), -1.0);
    });
}

#[test]
fn every_rule_for_single_spans_has_a_limit_of_its_own() {
    let rules = r#"[{"name": "a", "max_per_second": 2}, {"name": "b", "max_per_second": 3}]"#;
    run_with([("DD_SPAN_SAMPLING_RULES", rules)], |service| {
        let start = Instant::now();
        for _ in 0..100 {
            let root = service.tracer.trace("root");
            root.drop_trace();
            for name in ["a", "b"] {
                drop(service.tracer.trace(name));
            }
        }
        let spans = service.spans();
        let seconds = start.elapsed().as_secs_f64();
        for (name, limit) in [("a", 2.0), ("b", 3.0)] {
            let of_name = spans.iter().filter(|span| span.name == name);
            let kept = of_name
                .filter_map(kept_alone)
                .inspect(|kept| assert_eq!(*kept, (1.0, Some(limit))))
                .count() as f64;
            assert!(kept >= limit && kept <= limit + limit * seconds, "{kept} of {name}");
        }
    });
}

// ===== a sampler of one's own =====

#[derive(Default)]
struct Payments {
    rates: Mutex<Vec<HashMap<String, f64>>>,
}

impl Sampler for Payments {
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
        assert!(root.is_local_root());
        let mut decision = match root.metric("amount") {
            Some(_) => SamplingDecision::new(SamplingPriority::USER_KEEP, SamplingMechanism::RULE),
            None => {
                SamplingDecision::new(SamplingPriority::AUTO_REJECT, SamplingMechanism::AGENT_RATE)
            }
        };
        decision.rate = Some(0.75);
        decision
    }

    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        self.rates.lock().unwrap().push(rates.clone());
    }
}

#[test]
fn a_sampler_of_ones_own_takes_the_place_of_all_rules() {
    let payments = Arc::new(Payments::default());
    let seen = Arc::clone(&payments);
    let build = move |builder: TracerBuilder| {
        builder.sampler(payments).sampling_rule(SamplingRule::new(1.0).unwrap())
    };
    run([("DD_TRACE_SAMPLE_RATE", "1")], build, move |service| {
        service.agent.set_rates(&[("service:shop,env:", 0.5)]);
        let paid = service.tracer.start_span("paid");
        paid.set_tag("amount", 12.5);
        paid.finish();
        service.tracer.start_span("looked").finish();
        let three_quarters = Some("0.75".to_owned());
        let paid =
            Told { rule_rate: Some(0.75), hash_rate: three_quarters, ..Told::new(2.0, "-3") };
        assert_eq!(told(&service.span("paid")), paid);
        assert_eq!(told(&service.span("looked")), Told::by_agent(0.0, 0.75, "0.75"));
        let rates = HashMap::from([("service:shop,env:".to_owned(), 0.5)]);
        assert_eq!(*seen.rates.lock().unwrap(), [rates]);
    });
}

#[test]
fn a_sampler_that_panics_keeps_the_trace_and_is_reported_once() {
    struct Broken;
    impl Sampler for Broken {
        fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
            panic!("the sampler's own mistake");
        }
    }
    run(
        UNSET,
        |builder| builder.sampler(Broken),
        |service| {
            let root = service.tracer.trace("injected");
            service.tracer.inject(&mut HashMap::new());
            drop(root);
            service.tracer.start_span("sent").finish();
            assert_eq!(told(&service.span("injected")), Told::by_default());
            assert_eq!(told(&service.span("sent")), Told::by_default());
            let [said] = service.warnings().try_into().unwrap();
            let of_message =
                said.strip_prefix("the sampler panicked (\"the sampler's own mistake\", ");
            assert!(of_message.unwrap().starts_with("panicked at tests/sampling.rs:"), "{said}");
            assert!(said.ends_with("): the trace is kept; said once, counted on"), "{said}");
        },
    );
}

// ===== settings that are wrong =====

/// The warnings of a tracer with one variable set.
fn warnings(name: &'static str, value: &'static str) -> Vec<String> {
    let said = common::Said::default();
    let environment = Environment::from_pairs([(name, value)]);
    let builder = Tracer::builder().service("shop").environment(environment);
    drop(builder.log(said.listener()).build());
    said.warnings()
}

#[test]
fn each_bad_rule_is_skipped_with_its_number_and_field() {
    let rules = r#"[
        {"name": "good", "sample_rate": 0},
        {"name": "bad"},
        {"sample_rate": 1.5},
        {"sample_rate": 1, "service": ["a"]},
        {"sample_rate": 1, "tags": {"k": {}}},
        17,
        {"sample_rate": "0"},
        {"nam": "bad", "sample_rate": 0},
        {"name": "good too", "sample_rate": 0.0}]"#;
    run_with([("DD_TRACE_SAMPLING_RULES", rules)], |service| {
        for name in ["good", "bad", "good too"] {
            service.tracer.start_span(name).finish();
        }
        assert_eq!(told(&service.span("good")), Told::dropped_by_rule());
        assert_eq!(told(&service.span("bad")), Told::by_default());
        assert_eq!(told(&service.span("good too")), Told::dropped_by_rule());
        let expected = [
            "rule 2: sample_rate: missing",
            "rule 3: sample_rate: 1.5 is not between 0 and 1",
            r#"rule 4: service: ["a"] is not a text"#,
            "rule 5: tags: k: {} is not a text",
            "rule 6: 17 is not an object",
            r#"rule 7: sample_rate: "0" is not a number"#,
            r#"rule 8: "nam" is not a field of a rule, did you mean name?"#,
        ];
        let expected = expected.map(|problem| {
            format!("DD_TRACE_SAMPLING_RULES (env_var): {problem}; the rule is skipped")
        });
        assert_eq!(service.warnings(), expected);
    });
}

#[test]
fn a_setting_that_cannot_be_used_is_one_warning() {
    let cases = [
        ("DD_TRACE_SAMPLING_RULES", "[{", "is not a list in JSON"),
        ("DD_TRACE_SAMPLING_RULES", "{}", "is not a list in JSON"),
        (
            "DD_SPAN_SAMPLING_RULES",
            r#"[{"sample_rate": 1}]"#,
            "rule 1: neither service nor name is given",
        ),
        (
            "DD_SPAN_SAMPLING_RULES",
            r#"[{"name": "a", "max_per_second": "x"}]"#,
            "rule 1: max_per_second",
        ),
        ("DD_TRACE_SAMPLE_RATE", "1.5", "1.5"),
        ("DD_TRACE_SAMPLE_RATE", "often", "often"),
        ("DD_TRACE_RATE_LIMIT", "ten", "ten"),
    ];
    for (name, value, expected) in cases {
        let warnings = warnings(name, value);
        assert_eq!(warnings.len(), 1, "{name}={value}: {warnings:?}");
        assert!(warnings[0].contains(name) && warnings[0].contains(expected), "{warnings:?}");
    }
    for name in ["DD_TRACE_SAMPLING_RULES_FILE", "DD_SPAN_SAMPLING_RULES_FILE"] {
        let warnings = warnings(name, "/nowhere/rules.json");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let (start, end) = (format!("{name} (env_var): /nowhere/rules.json: "), "; no rules apply");
        assert!(warnings[0].starts_with(&start) && warnings[0].ends_with(end), "{warnings:?}");
    }
}

#[test]
fn a_rate_in_code_that_is_out_of_range_leaves_the_next_source() {
    let build = |builder: TracerBuilder| builder.sample_rate(2.0);
    run([("DD_TRACE_SAMPLE_RATE", "0")], build, |service| {
        service.tracer.start_span("root").finish();
        assert_eq!(told(&service.span("root")), Told::dropped_by_rule());
        let warnings = service.warnings();
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("sample_rate (code): "),
            "{warnings:?}"
        );
    });
}

// ===== only for other products =====

#[test]
fn without_apm_one_trace_per_minute_shows_that_the_service_lives() {
    run_with([("DD_APM_TRACING_ENABLED", "false"), ("DD_TRACE_SAMPLE_RATE", "1")], |service| {
        for _ in 0..20 {
            service.tracer.start_span("root").finish();
        }
        let spans = service.spans();
        let kept =
            spans.iter().filter(|root| root.metric("_sampling_priority_v1") == Some(1.0)).count();
        let dropped =
            spans.iter().filter(|root| root.metric("_sampling_priority_v1") == Some(0.0)).count();
        assert_eq!((kept, dropped), (1, 19));
        assert!(spans.iter().all(|root| root.meta("_dd.p.dm") == Some("-5")));
    });
}

#[test]
fn without_apm_only_traces_that_a_product_has_marked_go_on() {
    run_with([("DD_APM_TRACING_ENABLED", "false")], |service| {
        let headers = |marked: bool| {
            let tags = if marked { "_dd.p.ts=02" } else { "_dd.p.usr=u" };
            [
                ("x-datadog-trace-id", "7"),
                ("x-datadog-parent-id", "9"),
                ("x-datadog-sampling-priority", "2"),
                ("x-datadog-tags", tags),
                ("baggage", "a=1"),
            ]
        };
        let outgoing = |marked: bool| {
            let parent = service.tracer.extract(&headers(marked));
            let span = service.tracer.span("server").child_of(parent).start();
            let mut carrier = HashMap::<String, String>::new();
            service.tracer.inject_span(&span, &mut carrier);
            let mut names: Vec<_> = carrier.into_keys().collect();
            names.sort();
            names
        };
        assert_eq!(outgoing(false), ["baggage"]);
        assert!(outgoing(true).contains(&"x-datadog-trace-id".to_owned()));
        let spans = service.spans();
        let priority = |index: usize| spans[index].metric("_sampling_priority_v1");
        assert_ne!(priority(0), Some(2.0), "the priority that came in does not count");
        assert_eq!(priority(1), Some(2.0));
        assert!(spans.iter().all(|span| span.trace_id == 7));
        assert!(spans.iter().all(|span| span.metric("_dd.apm.enabled") == Some(0.0)));
    });
}
