//! What it costs to write the context into the headers of a request, and to read it from them.
//!
//! `cargo bench --bench propagation` shows time and allocations. Medians in nanoseconds on two cores of a Xeon
//! at 2.8 GHz, rustc 1.95, with other load on the machine; take the order from here:
//!
//! | styles | inject | allocations | extract from `HeaderMap` | allocations |
//! | --- | --- | --- | --- | --- |
//! | Datadog | 135 | 5 | 235 | 1 |
//! | Trace Context | 94 | 2 | 344 | 1 |
//! | B3, one header | 51 | 1 | 155 | 0 |
//! | the default: Datadog, Trace Context, Baggage | 284 | 8 | 619 | 4 |
//!
//! Each header that is written is one allocation, of its exact size. A request that brings no context costs
//! 75 ns and no allocation. Into a `HeaderMap` the default costs 452 ns, into a `HashMap` 498, and from one 664.
//!
//! `RESULTS.md` has it beside `datadog-opentelemetry`. Into a `HeaderMap` through OpenTelemetry 14 of 20 allocations
//! are the carrier's: it makes a name and a value of its own from each that it is given.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::HashMap;

use divan::{AllocProfiler, Bencher, black_box};
use http::HeaderMap;
use tracehound::config::{Config, Environment, Style};
use tracehound::{
    Baggage, HttpPropagator, SamplingMechanism, SamplingPriority, SpanContext, SpanId, TraceId,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn propagator(styles: &[Style]) -> HttpPropagator {
    let config = Config::builder().environment(Environment::empty());
    HttpPropagator::new(&config.propagation_styles(styles.iter().copied()).build())
}

/// A trace kept by hand, that began in a synthetic test, of a known user.
fn context() -> SpanContext {
    let trace_id = TraceId::from_halves(0x640c_fd8d_0000_0000, 0xabcd_ef01_2345_6789).unwrap();
    SpanContext::new(trace_id, SpanId::new(0x1234_5678_9abc_def0))
        .with_priority(SamplingPriority::USER_KEEP)
        .with_mechanism(SamplingMechanism::MANUAL)
        .with_origin("synthetics")
        .with_tag("_dd.p.usr.id", "baz64==")
        .with_baggage(
            [("user.id", "Amélie"), ("session.id", "4711")].into_iter().collect::<Baggage>(),
        )
}

/// The context among the headers that a request has anyway.
fn request(propagator: &HttpPropagator) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = [
        ("host", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-US,en;q=0.5"),
        ("content-type", "application/json"),
        ("content-length", "348"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-request-id", "0f9b5a3e-5f1c-4a53-9d3c-6b1f5f0c2a11"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    propagator.inject_context(&context(), &mut headers);
    headers
}

fn header_map(headers: Vec<(String, String)>) -> HeaderMap {
    headers
        .into_iter()
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

const STYLES: [&[Style]; 4] = [
    &[Style::Datadog],
    &[Style::TraceContext],
    &[Style::B3Single],
    &[Style::Datadog, Style::TraceContext, Style::Baggage],
];

/// Into a closure that drops the headers: the propagator alone.
#[divan::bench(args = STYLES)]
fn inject(bencher: Bencher<'_, '_>, styles: &[Style]) {
    let (propagator, context) = (propagator(styles), context());
    bencher.bench_local(|| {
        propagator.inject_context(black_box(&context), &mut |name: &str, value: String| {
            black_box((name, value));
        });
    });
}

#[divan::bench]
fn inject_into_header_map(bencher: Bencher<'_, '_>) {
    let (propagator, context) = (HttpPropagator::default(), context());
    bencher.with_inputs(|| HeaderMap::with_capacity(16)).bench_local_values(|mut headers| {
        propagator.inject_context(black_box(&context), &mut headers);
        headers
    });
}

#[divan::bench]
fn inject_into_hash_map(bencher: Bencher<'_, '_>) {
    let (propagator, context) = (HttpPropagator::default(), context());
    bencher.with_inputs(|| HashMap::<String, String>::with_capacity(16)).bench_local_values(
        |mut headers| {
            propagator.inject_context(black_box(&context), &mut headers);
            headers
        },
    );
}

#[divan::bench(args = STYLES)]
fn extract_from_header_map(bencher: Bencher<'_, '_>, styles: &[Style]) {
    let propagator = propagator(styles);
    let headers = header_map(request(&propagator));
    bencher.bench_local(|| propagator.extract(black_box(&headers)));
}

#[divan::bench]
fn extract_from_hash_map(bencher: Bencher<'_, '_>) {
    let propagator = HttpPropagator::default();
    let headers: HashMap<_, _> = request(&propagator).into_iter().collect();
    bencher.bench_local(|| propagator.extract(black_box(&headers)));
}

/// What a request that continues no trace pays.
#[divan::bench]
fn extract_nothing(bencher: Bencher<'_, '_>) {
    let propagator = HttpPropagator::default();
    let mut headers = request(&propagator);
    headers.truncate(10);
    let headers = header_map(headers);
    bencher.bench_local(|| propagator.extract(black_box(&headers)));
}
