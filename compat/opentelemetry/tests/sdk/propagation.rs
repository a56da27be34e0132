//! Headers of the SDK's spans.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Link, SpanKind, TraceContextExt, TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample,
};

use tracehound_opentelemetry::ContextExt;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use super::support::{LIMIT, captured, patient, tracer};

#[test]
fn a_span_of_the_sdk_goes_out_with_its_decision() {
    let (builder, _) = captured();
    let exporter = builder.build();
    let provider = SdkTracerProvider::builder().with_sampler(exporter.sampler()).build();
    let cx = Context::new().with_span(provider.tracer("test").start("root"));
    let context = cx.span().span_context().clone();
    let mut headers = HashMap::new();
    exporter.propagator().inject_context(&cx, &mut headers);
    let id = u64::from_be_bytes(context.span_id().to_bytes());
    assert_eq!(headers["x-datadog-parent-id"], id.to_string());
    assert_eq!(headers["x-datadog-sampling-priority"], "1");
    assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-0"), "{headers:?}");
    assert_eq!(
        headers["traceparent"],
        format!("00-{}-{}-01", context.trace_id(), context.span_id())
    );
    assert_eq!(headers["tracestate"], format!("dd=p:{id:016x};s:1;t.dm:-0"));
}

#[test]
fn a_trace_that_another_sampler_drops_goes_out_as_dropped() {
    let (builder, _) = captured();
    let exporter = builder.build();
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build();
    let cx = Context::new().with_span(provider.tracer("test").start("root"));
    let mut headers = HashMap::new();
    exporter.propagator().inject_context(&cx, &mut headers);
    assert_eq!(headers["x-datadog-sampling-priority"], "0");
    assert!(headers["traceparent"].ends_with("-00"));
}

/// Two services: what the one sends is what the other goes on with.
#[test]
fn a_trace_goes_on_in_the_next_service() {
    let (builder, _) = captured();
    let exporter = builder.build();
    let provider = SdkTracerProvider::builder().with_sampler(exporter.sampler()).build();
    let (otel, propagator) = (provider.tracer("test"), exporter.propagator());
    let client = Context::new().with_span(otel.start("client"));
    let mut headers = HashMap::new();
    propagator.inject_context(&client, &mut headers);
    let parent = propagator.extract_with_context(&Context::new(), &headers);
    let server = Context::new().with_span(otel.start_with_context("server", &parent));
    let (client, server) =
        (client.span().span_context().clone(), server.span().span_context().clone());
    assert_eq!(server.trace_id(), client.trace_id());
    assert_eq!(server.trace_state().header(), "dd=s:1;t.dm:-0");
}

#[test]
fn baggage_alone_does_not_keep_a_trace_from_beginning() {
    let (builder, _) = captured();
    let exporter = builder.build();
    let provider = SdkTracerProvider::builder().with_sampler(exporter.sampler()).build();
    let headers = HashMap::from([("baggage".to_owned(), "user=1".to_owned())]);
    let parent = exporter.propagator().extract_with_context(&Context::new(), &headers);
    assert_eq!(parent.baggage().len(), 1);
    let span = Context::new().with_span(provider.tracer("t").start_with_context("root", &parent));
    assert!(span.span().span_context().is_valid());
    assert_eq!(span.span().span_context().trace_state().header(), "dd=s:1;t.dm:-0");
}

// ===== what came in goes through any sampler =====

/// A sampler of the program's own that forgets the trace state, as the specification asks it not to.
#[derive(Clone, Debug)]
struct Forgetful(SamplingDecision);

impl ShouldSample for Forgetful {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let decision = self.0.clone();
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::NONE }
    }
}

const PRIORITY: &str = "_sampling_priority_v1";

/// More than the member `dd` has room for, and with what it cannot hold as it is.
const TAGS: &str = "_dd.p.usr=u;v,_dd.p.dm=-4,_dd.p.long=";

fn incoming(priority: Option<&str>) -> HashMap<String, String> {
    let tags = format!("{TAGS}{}", "x".repeat(260));
    let headers = [
        ("x-datadog-trace-id", "77"),
        ("x-datadog-parent-id", "99"),
        ("x-datadog-origin", "synthetics"),
        ("x-datadog-tags", &tags),
        ("traceparent", "00-0000000000000000000000000000004d-0000000000000063-00"),
        ("tracestate", "vendor=1"),
    ];
    let priority = priority.map(|priority| ("x-datadog-sampling-priority", priority));
    let all = headers.into_iter().chain(priority);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn what_came_in_goes_through_any_sampler() {
    type Make = fn() -> Box<dyn ShouldSample>;
    // What is not kept is recorded where a sampler can say so, for the exporter's part.
    let samplers: [(&str, Make, Option<bool>); 6] = [
        ("parent based", || Box::new(Sampler::ParentBased(Box::new(Sampler::AlwaysOn))), None),
        ("always on", || Box::new(Sampler::AlwaysOn), Some(true)),
        ("always off", || Box::new(Sampler::AlwaysOff), Some(false)),
        ("by ratio", || Box::new(Sampler::TraceIdRatioBased(1.0)), Some(true)),
        ("forgetful", || Box::new(Forgetful(SamplingDecision::RecordAndSample)), Some(true)),
        ("forgetful", || Box::new(Forgetful(SamplingDecision::RecordOnly)), Some(false)),
    ];
    for (name, sampler, keeps) in samplers {
        for inbound in ["-1", "0", "1", "2"] {
            let what = format!("{name}, {inbound}");
            let agent = FaultAgent::start(scripts::healthy);
            let exporter = patient(tracer().agent_url(agent.url())).build();
            let provider = SdkTracerProvider::builder().with_batch_exporter(exporter.clone());
            let provider = provider.with_sampler(sampler()).build();
            let (otel, propagator) = (provider.tracer("test"), exporter.propagator());
            let headers = incoming(Some(inbound));
            let is_kept = !["-1", "0"].contains(&inbound);
            let expected = match keeps {
                Some(keeps) if keeps != is_kept => {
                    if keeps {
                        "1"
                    } else {
                        "0"
                    }
                }
                _ => inbound,
            };
            let tags = match (keeps, is_kept) {
                (Some(true), false) => headers["x-datadog-tags"].replace("dm=-4", "dm=-0"),
                (Some(false), true) => headers["x-datadog-tags"].replace("_dd.p.dm=-4,", ""),
                _ => headers["x-datadog-tags"].clone(),
            };

            let parent = propagator.extract(&headers);
            let server = parent.with_span(otel.start_with_context("server", &parent));
            let inner = server.with_span(otel.start_with_context("inner", &server));
            for cx in [&server, &inner] {
                let mut sent = HashMap::new();
                propagator.inject_context(cx, &mut sent);
                assert_eq!(sent["x-datadog-sampling-priority"], expected, "{what}");
                assert_eq!(sent["x-datadog-origin"], "synthetics", "{what}");
                assert_eq!(sent["x-datadog-tags"], tags, "{what}");
                assert_eq!(sent["x-datadog-trace-id"], "77", "{what}");
                assert!(
                    sent["tracestate"].ends_with(",vendor=1"),
                    "{what}: {}",
                    sent["tracestate"]
                );
                let id = u64::from_be_bytes(cx.span().span_context().span_id().to_bytes());
                assert!(sent["tracestate"].contains(&format!("dd=p:{id:016x};s:{expected};o:")));
                // A native child goes on with the same.
                let native = cx.native();
                let remote = native.remote().unwrap();
                assert_eq!(remote.priority().unwrap().to_string(), expected, "{what}");
                assert_eq!(remote.origin(), Some("synthetics"), "{what}");
            }
            drop((server, inner));

            provider.force_flush().unwrap();
            exporter.flush(LIMIT).unwrap();
            let spans = agent.spans();
            // The SDK itself records nothing of what its own samplers do not keep.
            let is_recorded = name == "forgetful" || keeps.unwrap_or(is_kept);
            assert_eq!(spans.len(), if is_recorded { 2 } else { 0 }, "{what}");
            let Some(span) = spans.iter().find(|span| span.metric(PRIORITY).is_some()) else {
                assert!(!is_recorded, "{what}");
                continue;
            };
            if name == "forgetful" {
                // The exporter is shown the flag alone.
                let by_flag = if keeps == Some(true) { 1.0 } else { 0.0 };
                assert_eq!(span.metric(PRIORITY), Some(by_flag), "{what}");
                continue;
            }
            assert_eq!(span.metric(PRIORITY), expected.parse().ok(), "{what}");
            assert_eq!(span.meta("_dd.origin"), Some("synthetics"), "{what}");
            // What the member `dd` has made of it.
            assert_eq!(span.meta("_dd.p.usr"), Some("u_v"), "{what}");
            let maker = if inbound == expected { "-4" } else { "-0" };
            assert_eq!(span.meta("_dd.p.dm"), Some(maker), "{what}");
            provider.shutdown().unwrap();
        }
    }
}

#[test]
fn what_came_in_undecided_is_decided_by_the_sampler_of_the_sdk() {
    for (sampler, decision) in [(Sampler::AlwaysOn, "1"), (Sampler::AlwaysOff, "0")] {
        for origin in ["rum", "synthetics"] {
            let (builder, _) = captured();
            let exporter = builder.build();
            let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
            let mut headers = incoming(None);
            headers.insert("x-datadog-origin".to_owned(), origin.to_owned());
            let parent = exporter.propagator().extract(&headers);
            let span = provider.tracer("test").start_with_context("server", &parent);
            let cx = parent.with_span(span);
            let bare = Context::new().with_remote_span_context(cx.span().span_context().clone());
            for cx in [cx, bare] {
                let mut sent = HashMap::new();
                exporter.propagator().inject_context(&cx, &mut sent);
                assert_eq!(sent["x-datadog-sampling-priority"], decision, "{origin}");
                assert_eq!(sent["x-datadog-origin"], origin);
            }
        }
    }
}

/// Where a span context is all that is left, as on its way through another library, the trace state has it all.
#[test]
fn the_trace_state_alone_says_what_came_in() {
    let (builder, _) = captured();
    let exporter = builder.build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let mut headers = incoming(Some("2"));
    headers.insert("x-datadog-tags".to_owned(), "_dd.p.usr=u,_dd.p.dm=-4".to_owned());
    let parent = exporter.propagator().extract(&headers);
    let span = provider.tracer("test").start_with_context("server", &parent);
    let span_context = Context::new().with_span(span).span().span_context().clone();
    let bare = Context::new().with_remote_span_context(span_context.clone());
    let mut sent = HashMap::new();
    exporter.propagator().inject_context(&bare, &mut sent);
    assert_eq!(sent["x-datadog-sampling-priority"], "2");
    assert_eq!(sent["x-datadog-origin"], "synthetics");
    assert!(sent["x-datadog-tags"].contains("_dd.p.usr=u"));
    // And OpenTelemetry's own propagator writes it.
    let mut w3c = HashMap::new();
    TraceContextPropagator::new().inject_context(&bare, &mut w3c);
    assert_eq!(w3c["tracestate"], "dd=s:2;o:synthetics;t.dm:-4;t.usr:u,vendor=1");
}

#[test]
fn another_trace_takes_nothing_of_the_context_around_it() {
    let (builder, _) = captured();
    let exporter = builder.build();
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).build();
    let parent = exporter.propagator().extract(&incoming(Some("2")));
    let other = provider.tracer("test").start_with_context("root", &Context::new());
    let cx = parent.with_span(other);
    let mut sent = HashMap::new();
    exporter.propagator().inject_context(&cx, &mut sent);
    assert!(!sent.contains_key("x-datadog-origin"), "{sent:?}");
    assert_eq!(sent["x-datadog-sampling-priority"], "1");
}
