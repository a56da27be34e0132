//! Headers of the SDK's spans.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

use super::support::captured;

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
