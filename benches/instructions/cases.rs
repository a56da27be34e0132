//! What is counted: the work of the application's thread, in batches as `benches/span.rs` measures them.

use std::hint::black_box;
use std::mem;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tracehound::config::{ApiVersion, Config, Environment, Style};
use tracehound::{
    HttpPropagator, SamplingMechanism, SamplingPriority, SpanContext, SpanId, SpanRef, Text,
    TraceId, Tracer,
};
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use crate::batches::{Batches, COUNTED, ENCODED};

/// One kind of work.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What one piece of work is divided by.
    pub(crate) spans: u64,
    /// Pieces of work in a batch. For those with spans: fewer than wake the worker by themselves.
    pub(crate) pieces: u64,
    /// Does the work.
    pub(crate) work: fn(Batches),
    /// The function that is counted.
    pub(crate) counted: &'static str,
}

const fn on_application(name: &'static str, spans: u64, pieces: u64, work: fn(Batches)) -> Case {
    Case { name, spans, pieces, work, counted: COUNTED }
}

const fn on_worker(name: &'static str, work: fn(Batches)) -> Case {
    Case { name, spans: 10, pieces: 100, work, counted: ENCODED }
}

/// In the order of the table.
pub(crate) const CASES: [Case; 13] = [
    on_application("native: root", 1, 1_000, root),
    on_application("native: root and 9 children", 10, 100, root_and_9_children),
    on_application("native: hot", 10, 100, hot),
    on_application("opentelemetry: root", 1, 1_000, opentelemetry_root),
    on_application("opentelemetry: hot", 10, 100, opentelemetry_hot),
    on_application("inject", 1, 100, inject),
    on_application("extract", 1, 100, extract),
    on_worker("encode v0.4: hot", |batches| encode(batches, ApiVersion::V04, tag)),
    on_worker("encode v0.5: hot", |batches| encode(batches, ApiVersion::V05, tag)),
    on_worker("encode v1.0: hot", |batches| encode(batches, ApiVersion::V1, tag)),
    on_worker("encode v0.4: no literals", |batches| encode(batches, ApiVersion::V04, tag_copies)),
    on_worker("encode v0.5: no literals", |batches| encode(batches, ApiVersion::V05, tag_copies)),
    on_worker("encode v1.0: no literals", |batches| encode(batches, ApiVersion::V1, tag_copies)),
];

const CHILDREN: usize = 9;

/// For what the agent and the worker do between two batches, on a machine that is busy with more than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// With a real pipeline behind it. What is sent between two batches comes back as empty vectors, as in a program
/// that is not overloaded.
fn with_tracer(batches: Batches, trace: impl Fn(&Tracer)) {
    with_tracer_of(|tracer| tracer, batches, trace);
}

/// The same for a tracer of another API.
fn with_tracer_of<T>(bridge: impl FnOnce(Tracer) -> T, batches: Batches, trace: impl Fn(&T)) {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .agent_timeout(PATIENCE)
        .flush_interval(Duration::from_secs(3600))
        .build();
    let bridged = bridge(tracer.clone());
    batches.run(|| tracer.flush(PATIENCE).unwrap(), || trace(&bridged));
    // Nothing depends on how it ends, and it would give up waiting for its threads on a busy machine.
    mem::forget(agent);
}

/// The traces of `hot`, on the worker, in this format.
fn encode(batches: Batches, version: ApiVersion, tag: fn(&SpanRef)) {
    let agent = FaultAgent::start(scripts::with_v1);
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .agent_timeout(PATIENCE)
        .flush_interval(Duration::from_secs(3600))
        .api_version(version)
        .build();
    batches.run_without_warm_up(
        || tracer.flush(PATIENCE).unwrap(),
        || {
            let root = tracer.trace("root");
            tag(&root);
            for _ in 0..CHILDREN {
                tag(&tracer.trace("child"));
            }
        },
    );
    mem::forget(agent);
}

/// As [`tag`], with keys and values that the program has made.
fn tag_copies(span: &SpanRef) {
    let copy = |text: &str| Text::copy(black_box(text));
    span.set_tag(copy("http.method"), copy("GET"));
    span.set_tag(copy("http.route"), copy("/users/{id}"));
    span.set_tag(copy("user.name"), copy("somebody"));
    span.set_tag(copy("cart.items"), 3);
    span.set_tag(copy("cart.total"), 9.5);
}

fn root(batches: Batches) {
    with_tracer(batches, |tracer| drop(tracer.start_span("root")));
}

fn root_and_9_children(batches: Batches) {
    with_tracer(batches, |tracer| {
        let _root = tracer.trace("root");
        for _ in 0..CHILDREN {
            drop(tracer.trace("child"));
        }
    });
}

/// All active, with five tags each.
fn hot(batches: Batches) {
    with_tracer(batches, |tracer| {
        let root = tracer.trace("root");
        tag(&root);
        for _ in 0..CHILDREN {
            let child = tracer.trace("child");
            tag(&child);
        }
    });
}

fn tag(span: &SpanRef) {
    span.set_tag("http.method", "GET");
    span.set_tag("http.route", "/users/{id}");
    span.set_tag("user.name", "somebody");
    span.set_tag("cart.items", 3);
    span.set_tag("cart.total", 9.5);
}

/// The same through a tracer of its own type, with OpenTelemetry's context as the one store.
fn opentelemetry_hot(batches: Batches) {
    with_tracer_of(opentelemetry_tracer, batches, |tracer| {
        tracer.in_span("root", |cx| {
            set_attributes(&cx);
            for _ in 0..CHILDREN {
                tracer.in_span("child", |cx| set_attributes(&cx));
            }
        });
    });
}

fn opentelemetry_root(batches: Batches) {
    with_tracer_of(opentelemetry_tracer, batches, |tracer| tracer.in_span("root", drop));
}

fn opentelemetry_tracer(tracer: Tracer) -> tracehound_opentelemetry::Tracer {
    TracerProvider::builder().tracer(tracer).install().tracer("bench")
}

fn set_attributes(cx: &Context) {
    let span = cx.span();
    span.set_attribute(KeyValue::new("http.method", "GET"));
    span.set_attribute(KeyValue::new("http.route", "/users/{id}"));
    span.set_attribute(KeyValue::new("user.name", "somebody"));
    span.set_attribute(KeyValue::new("cart.items", 3));
    span.set_attribute(KeyValue::new("cart.total", 9.5));
}

fn propagator() -> HttpPropagator {
    let config = Config::builder().environment(Environment::empty());
    let styles = [Style::Datadog, Style::TraceContext];
    HttpPropagator::new(&config.propagation_styles(styles).build())
}

/// A trace kept by hand, that began in a synthetic test.
fn context() -> SpanContext {
    let trace_id = TraceId::from_halves(0x640c_fd8d_0000_0000, 0xabcd_ef01_2345_6789).unwrap();
    SpanContext::new(trace_id, SpanId::new(0x1234_5678_9abc_def0))
        .with_priority(SamplingPriority::USER_KEEP)
        .with_mechanism(SamplingMechanism::MANUAL)
        .with_origin("synthetics")
}

/// There is no worker to wait for.
fn nothing() {}

/// Into a vector that has room.
fn inject(batches: Batches) {
    let (propagator, context) = (propagator(), context());
    let mut headers: Vec<(String, String)> = Vec::with_capacity(16);
    batches.run(nothing, || {
        headers.clear();
        propagator.inject_context(black_box(&context), &mut headers);
        black_box(&headers);
    });
}

/// From the headers of a request that has others, too.
fn extract(batches: Batches) {
    let propagator = propagator();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html"),
        ("content-type", "application/json"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    propagator.inject_context(&context(), &mut headers);
    batches.run(nothing, || {
        black_box(propagator.extract(black_box(&headers)));
    });
}
