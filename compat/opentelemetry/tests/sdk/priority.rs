//! Which traces the agent is told to keep.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Span, within};

use super::support::{LIMIT, TRACE, context, export, patient, span, tracer, with};

/// The first span of the trace as the agent gets it.
fn sent(batch: Vec<SpanData>) -> Span {
    let agent = FaultAgent::start(scripts::healthy);
    let exporter = patient(tracer().agent_url(agent.url())).build();
    export(&exporter, batch).unwrap();
    exporter.flush(LIMIT).unwrap();
    let span = agent.spans().into_iter().find(|span| span.metric(PRIORITY).is_some());
    span.unwrap()
}

const PRIORITY: &str = "_sampling_priority_v1";

fn root(sampled: bool, state: &str) -> SpanData {
    let mut data = span(1, 0);
    data.span_context = context(TRACE, 1, sampled, state);
    data
}

fn priority_and_maker(batch: Vec<SpanData>) -> (f64, Option<String>) {
    let span = sent(batch);
    (span.metric(PRIORITY).unwrap(), span.meta("_dd.p.dm").map(str::to_owned))
}

#[test]
fn flags_then_trace_state_then_numbers_then_the_users_word() {
    within(LIMIT, || {
        let dm = |maker: &str| Some(maker.to_owned());
        let number = |key: &'static str, number: i64| KeyValue::new(key, number);
        for (name, batch, expected) in [
            ("sampled", vec![root(true, "")], (1.0, None)),
            ("not sampled", vec![root(false, "")], (0.0, None)),
            ("another vendor", vec![root(true, "a=1")], (1.0, dm("-0"))),
            ("kept by a rule", vec![root(true, "dd=s:2;t.dm:-3")], (2.0, dm("-3"))),
            ("dropped by a rule", vec![root(false, "dd=s:-1;t.dm:-3")], (-1.0, dm("-3"))),
            (
                "a number",
                vec![with(root(true, "dd=s:1;t.dm:-0"), [number("sampling.priority", 2)])],
                (2.0, dm("-4")),
            ),
            (
                "the exact number",
                vec![with(root(false, ""), [number("_sampling_priority_v1", 1)])],
                (1.0, None),
            ),
            (
                "a number and who took it",
                vec![with(
                    root(false, ""),
                    [number("_sampling_priority_v1", 2), KeyValue::new("_dd.p.dm", "-5")],
                )],
                (2.0, dm("-5")),
            ),
            (
                "kept by hand on a child",
                vec![
                    with(span(2, 1), [KeyValue::new("manual.keep", true)]),
                    root(false, "dd=s:-1"),
                ],
                (2.0, dm("-4")),
            ),
            (
                "dropped by hand",
                vec![with(root(true, "dd=s:2;t.dm:-3"), [KeyValue::new("manual.drop", "1")])],
                (-1.0, dm("-4")),
            ),
        ] {
            assert_eq!(priority_and_maker(batch), expected, "{name}");
        }
    });
}

#[test]
fn the_users_decision_counts_for_every_part_of_the_trace() {
    let dropped = |span| with(span, [KeyValue::new("manual.drop", true)]);
    for batches in [
        // A part that comes later, and another one with a root of its own.
        vec![vec![dropped(root(true, ""))], vec![span(2, 1)]],
        vec![vec![root(true, ""), dropped(span(2, 0))]],
    ] {
        within(LIMIT, || {
            let agent = FaultAgent::start(scripts::healthy);
            let exporter = patient(tracer().agent_url(agent.url())).build();
            for batch in batches {
                export(&exporter, batch).unwrap();
                exporter.flush(LIMIT).unwrap();
            }
            let priorities: Vec<_> =
                agent.spans().iter().map(|span| span.metric(PRIORITY).unwrap()).collect();
            assert_eq!(priorities, [-1.0, -1.0]);
        });
    }
}

#[test]
fn what_came_with_the_trace_is_on_it_and_rates_are_on_the_root() {
    within(LIMIT, || {
        let mut data = root(true, "dd=s:2;o:rum;p:00000000000000aa;t.dm:-3;t.usr.id:u1,a=1");
        data.parent_span_id = 99.into();
        data.parent_span_is_remote = true;
        let rates = [KeyValue::new("_dd.rule_psr", 0.5), KeyValue::new("_dd.limit_psr", 1.0)];
        let span = sent(vec![with(data, rates)]);
        assert_eq!(span.meta("_dd.origin"), Some("rum"));
        assert_eq!(span.meta("_dd.p.usr.id"), Some("u1"));
        assert_eq!(span.meta("_dd.parent_id"), Some("00000000000000aa"));
        assert_eq!(span.meta("w3c.tracestate"), Some("a=1"));
        assert_eq!(span.meta("_dd.p.tid"), Some("0102030405060708"));
        assert_eq!(span.metric("_dd.rule_psr"), Some(0.5));
        assert_eq!(span.metric("_dd.limit_psr"), Some(1.0));
        assert_eq!(span.meta("_dd.p.ksr"), Some("0.5"));
        assert_eq!(span.metric("_dd.top_level"), Some(1.0));
        assert_eq!(span.parent_id, 99);
    });
}

#[test]
fn rates_do_not_explain_a_decision_by_hand() {
    within(LIMIT, || {
        let said = [KeyValue::new("_dd.rule_psr", 0.5), KeyValue::new("manual.keep", true)];
        let span = sent(vec![with(root(false, "dd=s:-1;t.dm:-3"), said)]);
        assert_eq!(span.metric("_dd.rule_psr"), None);
        assert_eq!(span.meta("_dd.p.ksr"), None);
    });
}
