//! What is counted: the work of the application's thread, in batches as `benches/span.rs` measures them.

use std::hint::black_box;
use std::mem;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tracehound::config::{Config, Environment, Style};
use tracehound::{
    FinishedTrace, HttpPropagator, SamplingMechanism, SamplingPriority, SpanContext, SpanId,
    SpanRef, TraceId, Tracer, TracerBuilder, Verdict,
};
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use crate::batches::Batches;

/// One kind of work.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What one piece of work is divided by.
    pub(crate) spans: u64,
    /// Pieces of work in a batch. For those with spans: fewer than wake the worker by themselves.
    pub(crate) pieces: u64,
    /// Does the work.
    pub(crate) work: fn(Batches),
}

/// In the order of the table.
pub(crate) const CASES: [Case; 9] = [
    Case { name: "native: root", spans: 1, pieces: 1_000, work: root },
    Case { name: "native: root, five filters", spans: 1, pieces: 1_000, work: five_filters },
    Case { name: "native: root, a start hook", spans: 1, pieces: 1_000, work: start_hook },
    Case { name: "native: root and 9 children", spans: 10, pieces: 100, work: root_and_9_children },
    Case { name: "native: hot", spans: 10, pieces: 100, work: hot },
    Case { name: "opentelemetry: root", spans: 1, pieces: 1_000, work: opentelemetry_root },
    Case { name: "opentelemetry: hot", spans: 10, pieces: 100, work: opentelemetry_hot },
    Case { name: "inject", spans: 1, pieces: 100, work: inject },
    Case { name: "extract", spans: 1, pieces: 100, work: extract },
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
    with_tracer_as(|builder| builder, bridge, batches, trace);
}

/// The same for a tracer with something more.
fn with_tracer_as<T>(
    build: impl FnOnce(TracerBuilder) -> TracerBuilder,
    bridge: impl FnOnce(Tracer) -> T,
    batches: Batches,
    trace: impl Fn(&T),
) {
    let agent = FaultAgent::start(scripts::healthy);
    let builder = Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .agent_timeout(PATIENCE)
        .flush_interval(Duration::from_secs(3600));
    let tracer = build(builder).build();
    let bridged = bridge(tracer.clone());
    batches.run(|| tracer.flush(PATIENCE).unwrap(), || trace(&bridged));
    // Nothing depends on how it ends, and it would give up waiting for its threads on a busy machine.
    mem::forget(agent);
}

fn root(batches: Batches) {
    with_tracer(batches, |tracer| drop(tracer.start_span("root")));
}

/// They do nothing, and the worker asks them: the same as `root`.
fn five_filters(batches: Batches) {
    let nothing = |_: &mut FinishedTrace<'_>| Verdict::Next;
    let build = |builder| (0..5).fold(builder, |it: TracerBuilder, _| it.trace_filter(nothing));
    with_tracer_as(build, |tracer| tracer, batches, |tracer| drop(tracer.start_span("root")));
}

/// It does nothing.
fn start_hook(batches: Batches) {
    let with_hook = |tracer: Tracer| {
        tracer.on_start_span(|_| ());
        tracer
    };
    with_tracer_of(with_hook, batches, |tracer| drop(tracer.start_span("root")));
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
