//! What is counted: the work of the application's thread, in batches as `benches/span.rs` measures them; and for
//! statistics, which nobody waits for, that of the worker.

use std::hint::black_box;
use std::mem;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tracehound::config::{Config, Environment, Style};
use tracehound::{
    HttpPropagator, SamplingMechanism, SamplingPriority, SpanContext, SpanId, SpanKind, SpanRef,
    TraceId, Tracer,
};
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply};

use crate::batches::Batches;

/// One kind of work.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What one piece of work is divided by.
    pub(crate) spans: u64,
    /// Pieces of work in a batch. For those with spans: fewer than wake the worker by themselves.
    pub(crate) pieces: u64,
    /// What of it is counted.
    pub(crate) counted: Counted,
    /// Does the work.
    pub(crate) work: fn(Batches),
}

/// What callgrind counts.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    /// What the thread does that makes the spans, in batches.
    Caller,
    /// A function of the library, on whatever thread: its full name, with `*` for any part of it.
    Function(&'static str),
}

/// Counts the spans of a chunk.
const COUNT: Counted = Counted::Function("*tracehound*stats*Concentrator*count*");

/// In the order of the table.
pub(crate) const CASES: [Case; 9] = [
    case("native: root", 1, 1_000, root),
    case("native: root and 9 children", 10, 100, root_and_9_children),
    case("native: hot", 10, 100, hot),
    case("opentelemetry: root", 1, 1_000, opentelemetry_root),
    case("opentelemetry: hot", 10, 100, opentelemetry_hot),
    case("inject", 1, 100, inject),
    case("extract", 1, 100, extract),
    Case { counted: COUNT, ..case("statistics: request", 1, 1_000, statistics_of_requests) },
    Case { counted: COUNT, ..case("statistics: call", 1, 1_000, statistics_of_calls) },
];

const fn case(name: &'static str, spans: u64, pieces: u64, work: fn(Batches)) -> Case {
    Case { name, spans, pieces, counted: Counted::Caller, work }
}

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

/// What the worker does to count them: with an agent that takes statistics, and names as many peers as a current one.
fn with_statistics(batches: Batches, trace: impl Fn(&Tracer)) {
    let agent = FaultAgent::start(|request| match request.path.as_str() {
        "/info" => {
            let mut info = scripts::info_with_stats();
            let fields = info.as_object_mut().unwrap();
            fields.insert("peer_tags".to_owned(), PEER_TAGS.as_slice().into());
            Reply::json(&info)
        }
        _ => scripts::healthy(request),
    });
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .agent_timeout(PATIENCE)
        .flush_interval(Duration::from_secs(3600))
        .build();
    // The agent is asked before there is anything that should be counted.
    drop(tracer.start_span("first"));
    tracer.flush(PATIENCE).unwrap();
    batches.run_cold(|| tracer.flush(PATIENCE).unwrap(), || trace(&tracer));
    mem::forget(agent);
}

/// A request to a service.
fn statistics_of_requests(batches: Batches) {
    with_statistics(batches, |tracer| {
        let span = tracer.span("web.request").root().kind(SpanKind::Server).start();
        span.set_resource("GET /users/{id}");
        span.set_type("web");
        tag(&span);
        span.set_tag("http.status_code", 200);
    });
}

/// A call of another service, with three peers. Each is a trace of its own, so that only these are counted.
fn statistics_of_calls(batches: Batches) {
    with_statistics(batches, |tracer| {
        let span = tracer.span("postgres.query").root().kind(SpanKind::Client).start();
        span.set_service("users-db");
        span.set_resource("SELECT * FROM users WHERE id = ?");
        span.set_type("sql");
        span.set_tag("db.name", "users");
        span.set_tag("db.row_count", 3);
        span.set_tag("out.host", "db-1.example.com");
    });
}

/// About those of an agent 7.78.
const PEER_TAGS: [&str; 24] = [
    "_dd.base_service",
    "amqp.destination",
    "amqp.exchange",
    "amqp.queue",
    "aws.queue.name",
    "aws.s3.bucket",
    "bucketname",
    "db.couchbase.seed.nodes",
    "db.hostname",
    "db.instance",
    "db.name",
    "db.namespace",
    "db.system",
    "hostname",
    "messaging.destination",
    "messaging.kafka.bootstrap.servers",
    "net.peer.name",
    "network.destination.name",
    "out.host",
    "peer.hostname",
    "peer.service",
    "queuename",
    "rpc.service",
    "server.address",
];

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
