//! The decisions that all Datadog tracers take alike, from the rules' JSON to the tags of the root.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{DatadogSampler, Sampler, Tag, chunk_tags, root_tags, trace_rules};
use crate::id::TraceId;
use crate::trace::testkit::Bench;
use crate::trace::{SamplingDecision, Span, SpanContext};

fn root(bench: &Bench, input: &Value) -> Span {
    let id = input["trace_id"].as_str().map_or(1, |id| id.parse().unwrap());
    let upstream = SpanContext::new(TraceId::new(id).unwrap(), None);
    let root = bench.span("web.request").service("webserver").resource("/bar").child_of(upstream);
    let root = root.start();
    for (key, value) in input["tags"].as_object().into_iter().flatten() {
        match value {
            Value::String(text) => root.set_tag(key, text),
            number => root.set_tag(key, number.as_f64().unwrap()),
        }
    }
    root
}

fn sampler(input: &Value) -> DatadogSampler {
    let sampler = DatadogSampler::builder()
        .rules(trace_rules(&input["rules"].to_string()).rules)
        .rate_limit(input["limit"].as_u64())
        .build()
        .unwrap();
    let rates = serde_json::from_value(input["agent_rates"].clone());
    sampler.set_agent_rates(&rates.unwrap_or_default());
    sampler
}

fn tags(decision: &SamplingDecision) -> BTreeMap<&'static str, Value> {
    let mut tags = BTreeMap::new();
    let mut write = |tag: Tag<'_>| {
        let (key, value) = match tag {
            Tag::Text(key, text) => (key, json!(text)),
            Tag::Number(key, number) => (key, json!(number)),
        };
        assert!(tags.insert(key, value).is_none(), "{key} twice");
    };
    chunk_tags(decision, &mut write);
    root_tags(decision, false, &mut write);
    tags
}

#[test]
fn roots_are_tagged_as_by_every_tracer() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../tests/vectors/sampling-rules.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let (input, expected) = (&case["input"], &case["expected"]);
        let env = input["env"].as_str().map(|env| env.to_owned().into());
        let bench = Bench::with(|shared| shared.env = env);
        let decision = root(&bench, input).read(|root| sampler(input).sample(root)).unwrap();
        let tags = tags(&decision);
        for (name, key) in [
            ("priority", "_sampling_priority_v1"),
            ("dm", "_dd.p.dm"),
            ("ksr", "_dd.p.ksr"),
            ("rule_psr", "_dd.rule_psr"),
            ("agent_psr", "_dd.agent_psr"),
            ("limit_psr", "_dd.limit_psr"),
        ] {
            let found = tags.get(key).unwrap_or(&Value::Null);
            let same = match (found.as_f64(), expected[name].as_f64()) {
                (Some(found), Some(expected)) => found == expected,
                _ => *found == expected[name],
            };
            assert!(same, "{}: {key} is {found}, not {}", case["note"], expected[name]);
        }
    }
}
