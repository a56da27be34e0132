//! What a span costs through OpenTelemetry, beside the same span made natively, with a real pipeline behind.
//!
//! `cargo bench -p tracehound-opentelemetry --bench span`. Each measured call is one whole trace: a local
//! root and nine children, each active and with five tags. Between the samples, outside of the time, the
//! worker sends what there is, so that its vectors come back as they do in a program that is not overloaded.
//!
//! `a_native` runs while the core keeps its own thread-local stacks, `b_*` afterwards, when OpenTelemetry's
//! context is the one store.
//!
//! Medians of one run on two shared cores of a Xeon at 2.8 GHz, for one span of the ten:
//!
//! | | time | allocations for a child |
//! | --- | --- | --- |
//! | native, on the core's own stacks | 341 ns | 0 |
//! | native, in OpenTelemetry's context | 510 ns | 2 |
//! | OpenTelemetry, concrete tracer | 602 ns | 2 |
//! | OpenTelemetry, type-erased tracer | 590 ns | 3 |
//! | OpenTelemetry, with a provider that stores nothing | 151 ns | 2 |
//!
//! All of these allocations are the boxes in which OpenTelemetry keeps a span.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/common/nothing.rs"]
#[allow(unreachable_pub)]
mod nothing;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use divan::{AllocProfiler, Bencher, Divan};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use nothing::Nothing;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    Divan::from_args().skip_regex("b_").main();
    tracehound_opentelemetry::install();
    Divan::from_args().skip_regex("a_").main();
}

/// Traces between two flushes: fewer spans than wake the worker by themselves.
const TRACES: u32 = 100;
const SPANS: usize = 10;

fn tracer() -> &'static Tracer {
    static TRACER: OnceLock<(FaultAgent, Tracer)> = OnceLock::new();
    let (_, tracer) = TRACER.get_or_init(|| {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .flush_interval(Duration::from_secs(3600))
            .build();
        (agent, tracer)
    });
    tracer
}

fn measure(bencher: Bencher<'_, '_>, trace: impl Fn() + Sync) {
    let made = AtomicUsize::new(0);
    bencher
        .counter(divan::counter::ItemsCount::new(SPANS))
        .with_inputs(|| {
            if made.fetch_add(1, Ordering::Relaxed) % TRACES as usize == 0 {
                tracer().flush(Duration::from_secs(10)).unwrap();
            }
        })
        .bench_refs(|()| trace());
}

fn native() {
    let tracer = tracer();
    tracer.in_span("root", |root| {
        tag(root);
        for _ in 1..SPANS {
            tracer.in_span("child", tag);
        }
    });
}

fn tag(span: &tracehound::SpanRef) {
    span.set_tag("http.method", "GET");
    span.set_tag("http.route", "/users/{id}");
    span.set_tag("user.name", "somebody");
    span.set_tag("cart.items", 3);
    span.set_tag("cart.total", 9.5);
}

fn attributes(cx: &Context) {
    let span = cx.span();
    span.set_attribute(KeyValue::new("http.method", "GET"));
    span.set_attribute(KeyValue::new("http.route", "/users/{id}"));
    span.set_attribute(KeyValue::new("user.name", "somebody"));
    span.set_attribute(KeyValue::new("cart.items", 3));
    span.set_attribute(KeyValue::new("cart.total", 9.5));
}

fn through<T: opentelemetry::trace::Tracer>(tracer: &T)
where
    T::Span: Send + Sync + 'static,
{
    tracer.in_span("root", |cx| {
        attributes(&cx);
        for _ in 1..SPANS {
            tracer.in_span("child", |cx| attributes(&cx));
        }
    });
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn a_native(bencher: Bencher<'_, '_>) {
    measure(bencher, native);
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn b_native_in_otel_context(bencher: Bencher<'_, '_>) {
    measure(bencher, native);
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn b_otel(bencher: Bencher<'_, '_>) {
    let tracer = TracerProvider::new(tracer().clone()).tracer("bench");
    measure(bencher, || through(&tracer));
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn b_otel_boxed(bencher: Bencher<'_, '_>) {
    let tracer = TracerProvider::new(tracer().clone()).tracer("bench");
    let tracer = BoxedTracer::new(Box::new(tracer));
    measure(bencher, || through(&tracer));
}

/// OpenTelemetry's own part: a provider that stores nothing.
#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn b_otel_nothing(bencher: Bencher<'_, '_>) {
    measure(bencher, || through(&Nothing));
}
