//! A provider that samples what comes in by its own rules, whatever was decided upstream.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracehound::testing::{self, Captured};
use tracehound::{SamplingMechanism, SamplingPriority};
use tracehound_opentelemetry::{TracerProvider, share_context};

const TRACE: u128 = 0x640c_fd8d_0000_0000_abcd_ef01_2345_6789;

fn headers(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The trace as a sender of each style has it, kept or dropped upstream.
fn incoming(keep: bool) -> [HashMap<String, String>; 2] {
    let priority = if keep { "2" } else { "-1" };
    let flags = u8::from(keep);
    let parent = format!("00-{TRACE:032x}-00000000000004d2-{flags:02x}");
    let state = format!("dd=s:{priority};o:rum;t.dm:-4;t.usr:u,other=1");
    [
        headers(&[
            ("x-datadog-trace-id", &(TRACE as u64).to_string()),
            ("x-datadog-parent-id", "1234"),
            ("x-datadog-sampling-priority", priority),
            ("x-datadog-origin", "rum"),
            ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000,_dd.p.usr=u"),
        ]),
        headers(&[("traceparent", &parent), ("tracestate", &state)]),
    ]
}

fn provider(parent_based: bool) -> (TracerProvider, Captured) {
    assert!(share_context());
    let (native, captured) = testing::tracer();
    let builder = TracerProvider::builder().tracer(native);
    (builder.parent_based_sampling(parent_based).build(), captured)
}

/// What a service below is told, and what the span is sent with.
fn serve(
    provider: &TracerProvider,
    captured: &Captured,
    parent: &Context,
) -> (HashMap<String, String>, Option<SamplingPriority>) {
    let otel = provider.tracer("");
    let server = otel.start_with_context("server", parent);
    let active = parent.with_span(server);
    let client = otel.start_with_context("client", &active);
    let mut outgoing = HashMap::new();
    provider.propagator().inject_context(&active.with_span(client), &mut outgoing);
    drop(active);
    let span = captured.spans().into_iter().find(|span| span.resource == "server").unwrap();
    assert_eq!((span.trace_id.get(), span.parent_id.unwrap().get()), (TRACE, 1234));
    (outgoing, span.priority)
}

#[test]
fn a_trace_that_comes_in_is_sampled_anew_and_goes_on() {
    for (keep, priority, mechanism) in [
        (true, SamplingPriority::USER_REJECT, SamplingMechanism::RULE),
        (false, SamplingPriority::USER_KEEP, SamplingMechanism::RULE),
        (false, SamplingPriority::AUTO_KEEP, SamplingMechanism::AGENT_RATE),
    ] {
        for headers in incoming(keep) {
            let (provider, captured) = provider(false);
            captured.decide(priority, mechanism);
            let parent = provider.propagator().extract_with_context(&Context::new(), &headers);
            let (outgoing, sent) = serve(&provider, &captured, &parent);
            assert_eq!(sent, Some(priority), "{headers:?}");
            assert_eq!(outgoing["x-datadog-sampling-priority"], priority.to_string());
            assert_eq!(outgoing["x-datadog-origin"], "rum");
            let tags = &outgoing["x-datadog-tags"];
            assert!(tags.contains("_dd.p.usr=u"), "{tags}");
            assert!(tags.contains(&format!("_dd.p.dm={mechanism}")), "{tags}");
            let flags = if priority.is_keep() { "-01" } else { "-00" };
            assert!(outgoing["traceparent"].ends_with(flags), "{outgoing:?}");
            let is_w3c = headers.contains_key("tracestate");
            assert_eq!(outgoing["tracestate"].ends_with(",other=1"), is_w3c, "{outgoing:?}");
        }
    }
}

#[test]
fn so_is_one_that_another_propagator_has_read() {
    for (keep, priority) in
        [(true, SamplingPriority::USER_REJECT), (false, SamplingPriority::USER_KEEP)]
    {
        let [_, headers] = incoming(keep);
        let (provider, captured) = provider(false);
        captured.decide(priority, SamplingMechanism::RULE);
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let (outgoing, sent) = serve(&provider, &captured, &parent);
        assert_eq!(sent, Some(priority));
        assert_eq!(outgoing["x-datadog-sampling-priority"], priority.to_string());
        assert_eq!(outgoing["x-datadog-origin"], "rum");
    }
}

#[test]
fn by_default_the_parent_is_followed() {
    for (keep, followed) in
        [(true, SamplingPriority::USER_KEEP), (false, SamplingPriority::USER_REJECT)]
    {
        for headers in incoming(keep) {
            let (provider, captured) = provider(true);
            captured.decide(SamplingPriority::AUTO_KEEP, SamplingMechanism::RULE);
            let parent = provider.propagator().extract_with_context(&Context::new(), &headers);
            let (outgoing, sent) = serve(&provider, &captured, &parent);
            assert_eq!(sent, Some(followed));
            assert_eq!(outgoing["x-datadog-sampling-priority"], followed.to_string());
        }
    }
}

#[test]
fn the_users_word_still_counts_over_the_own_decision() {
    let (provider, captured) = provider(false);
    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    let [headers, _] = incoming(false);
    let parent = provider.propagator().extract_with_context(&Context::new(), &headers);
    let span = provider.tracer("").start_with_context("server", &parent);
    let active = parent.with_span(span);
    active.span().set_attribute(KeyValue::new("manual.keep", true));
    drop(active);
    assert_eq!(captured.spans()[0].priority, Some(SamplingPriority::USER_KEEP));
}

#[test]
fn what_is_passed_on_without_a_span_keeps_the_decision_it_came_with() {
    let (provider, captured) = provider(false);
    captured.decide(SamplingPriority::USER_KEEP, SamplingMechanism::RULE);
    let [headers, _] = incoming(false);
    let parent = provider.propagator().extract_with_context(&Context::new(), &headers);
    let mut outgoing = HashMap::new();
    provider.propagator().inject_context(&parent, &mut outgoing);
    assert_eq!(outgoing["x-datadog-sampling-priority"], "-1");
}

#[test]
fn a_child_of_a_span_of_this_process_has_the_decision_of_its_trace() {
    let (provider, captured) = provider(false);
    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    provider.tracer("").in_span("root", |cx| {
        cx.span().set_attribute(KeyValue::new("manual.keep", true));
        provider.tracer("").in_span("child", |_| ());
    });
    let priorities: Vec<_> = captured.spans().into_iter().map(|span| span.priority).collect();
    assert_eq!(priorities, [Some(SamplingPriority::USER_KEEP); 2]);
}
