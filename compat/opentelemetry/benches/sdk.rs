//! What `SpanExporter` costs the thread that exports, and `Sampler` the thread that starts a span.
//!
//! `cargo bench -p tracehound-opentelemetry --features sdk --bench sdk`. A span has five attributes, as the SDK
//! hands it over. Behind the exporter are its thread, the pipeline and an agent; between the samples, outside
//! of the time, everything is sent.
//!
//! Medians of one run on two shared, busy cores of a Xeon:
//!
//! | | time | allocations |
//! | --- | --- | --- |
//! | export of a batch of 512 | 5.0 µs, 10 ns a span | 1 |
//! | export of one span, which wakes the exporter's thread | 560 ns | 1 |
//! | from the export of 2,048 spans to the agent's answer | 3.5 ms, 1.7 µs a span, on other threads | |
//! | start and end a root and its child, with the exporter's sampler | 1,440 ns | 27 |
//! | the same with `AlwaysOn`, which decides and says nothing | 330 ns | 3 |
//!
//! Of those 27, the sampler's own are 8, for the root: most are copies that the SDK makes of the trace state,
//! which OpenTelemetry keeps as a list of texts.

#![allow(clippy::unwrap_used, missing_docs)]

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{
    Sampler as SdkSampler, SdkTracerProvider, SpanData, SpanExporter as _,
};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_opentelemetry::SpanExporter;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn exporter() -> &'static SpanExporter {
    static EXPORTER: OnceLock<(FaultAgent, SpanExporter)> = OnceLock::new();
    let (_, exporter) = EXPORTER.get_or_init(|| {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = Tracer::builder().environment(Environment::empty()).agent_url(agent.url());
        let exporter = SpanExporter::builder().tracer(tracer).build();
        (agent, exporter)
    });
    exporter
}

fn span(trace: u128, id: u64) -> SpanData {
    let now = SystemTime::now();
    let state = TraceState::from_key_value([("dd", "s:1;t.dm:-0")]).unwrap();
    SpanData {
        span_context: SpanContext::new(trace.into(), id.into(), TraceFlags::SAMPLED, false, state),
        parent_span_id: if id == 1 { 0 } else { 1 }.into(),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "work".into(),
        start_time: now,
        end_time: now + Duration::from_millis(1),
        attributes: vec![
            KeyValue::new("http.method", "GET"),
            KeyValue::new("http.route", "/users/{id}"),
            KeyValue::new("user.name", "somebody"),
            KeyValue::new("cart.items", 3),
            KeyValue::new("cart.total", 9.5),
        ],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("bench").build(),
    }
}

/// Traces of eight spans.
fn batch(size: u64) -> Vec<SpanData> {
    exporter().flush(Duration::from_secs(10)).unwrap();
    (0..size).map(|n| span(u128::from(n / 8 + 1), n % 8 + 1)).collect()
}

/// What a batch processor does, on its own thread, and a simple one where a span ends.
#[divan::bench(args = [1, 512], sample_size = 1, sample_count = 500)]
fn export(bencher: Bencher<'_, '_>, size: u64) {
    bencher.counter(ItemsCount::new(size)).with_inputs(|| batch(size)).bench_values(|batch| {
        let mut cx = std::task::Context::from_waker(Waker::noop());
        matches!(pin!(exporter().export(batch)).poll(&mut cx), Poll::Ready(Ok(())))
    });
}

/// From the export to the agent's answer: put together, converted, sampled, written, sent.
#[divan::bench(sample_size = 1, sample_count = 100)]
fn deliver(bencher: Bencher<'_, '_>) {
    const SPANS: u64 = 2_048;
    bencher.counter(ItemsCount::new(SPANS)).with_inputs(|| batch(SPANS)).bench_values(|batch| {
        let mut cx = std::task::Context::from_waker(Waker::noop());
        let _ = pin!(exporter().export(batch)).poll(&mut cx);
        exporter().flush(Duration::from_secs(10)).unwrap();
    });
}

/// A root and a child of it, with no processor behind.
fn start_two(provider: &SdkTracerProvider) {
    let tracer = provider.tracer("bench");
    let root = Context::new().with_span(tracer.start("root"));
    black_box(tracer.start_with_context("child", &root)).end();
}

#[divan::bench]
fn start_root_and_child(bencher: Bencher<'_, '_>) {
    let provider = SdkTracerProvider::builder().with_sampler(exporter().sampler()).build();
    bencher.bench(|| start_two(&provider));
}

#[divan::bench]
fn start_root_and_child_always_on(bencher: Bencher<'_, '_>) {
    let provider = SdkTracerProvider::builder().with_sampler(SdkSampler::AlwaysOn).build();
    bencher.bench(|| start_two(&provider));
}
