//! What is counted: the work of the application's thread, in batches as `benches/span.rs` measures them; and for
//! statistics, which nobody waits for, that of the worker.

use std::hint::black_box;
use std::mem;
use std::num::ParseIntError;
use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tracehound::config::{ApiVersion, Config, Environment, Style};
use tracehound::http::{RequestInfo, ResponseInfo, Tagging};
use tracehound::integration::{Integration, Pin};
use tracehound::{
    FinishedTrace, HttpPropagator, SamplingMechanism, SamplingPriority, SpanContext, SpanId,
    SpanRef, Text, TraceId, Tracer, TracerBuilder, Verdict, integrations,
};
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply};

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

/// Counts the spans of a chunk.
const COUNT: &str = "*tracehound*stats*Concentrator*count*";

/// In the order of the table.
pub(crate) const CASES: &[Case] = &[
    on_application("native: root", 1, 1_000, root),
    on_application("native: root, five filters", 1, 1_000, five_filters),
    on_application("native: root, a start hook", 1, 1_000, start_hook),
    on_application("native: root and 9 children", 10, 100, root_and_9_children),
    on_application("native: hot", 10, 100, hot),
    on_application("native: in_span", 1, 1_000, in_span),
    on_application("native: wrap_fn", 1, 1_000, wrap_fn),
    on_application("native: #[wrap]", 1, 1_000, wrap),
    on_application("native: #[wrap] of a Result", 1, 1_000, wrap_of_a_result),
    on_application("integration: root", 1, 1_000, integration_root),
    on_application("integration: off", 1, 1_000, integration_off),
    on_application("opentelemetry: root", 1, 1_000, opentelemetry_root),
    on_application("opentelemetry: hot", 10, 100, opentelemetry_hot),
    on_application("opentelemetry: hot, ended well", 10, 100, with_status),
    on_application("opentelemetry: 30 attributes", 10, 40, many_attributes),
    Case {
        counted: COUNT,
        ..on_application("statistics: request", 1, 1_000, statistics_of_requests)
    },
    Case { counted: COUNT, ..on_application("statistics: call", 1, 1_000, statistics_of_calls) },
    on_application("inject", 1, 100, inject),
    on_application("extract", 1, 100, extract),
    on_application("http: server", 1, 1_000, http_server),
    on_application("http: server, query", 1, 1_000, http_server_query),
    on_application("http: client", 1, 1_000, http_client),
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

/// As a client library begins one: with the tags of every integration, and a service and a kind.
fn integration_root(batches: Batches) {
    static ON: Integration =
        Integration::new("on").service("db").kind(tracehound::SpanKind::Client);
    let pinned = |tracer| Pin::builder().tracer(tracer).build();
    with_tracer_of(pinned, batches, |pin| {
        drop(black_box(&ON).span(pin, "db.query").unwrap().start());
    });
}

/// Straight through.
fn integration_off(batches: Batches) {
    static OFF: Integration =
        Integration::new("off").service("db").kind(tracehound::SpanKind::Client);
    integrations().set("off", false);
    assert!(OFF.span(&Pin::new(), "db.query").is_none());
    let pin = Pin::new();
    batches.run(nothing, || {
        let span = black_box(&OFF).span(black_box(&pin), "db.query");
        assert!(span.is_none());
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
        let span = tracer.span("web.request").root().kind(tracehound::SpanKind::Server).start();
        span.set_resource("GET /users/{id}");
        span.set_type("web");
        tag(&span);
        span.set_tag("http.status_code", 200);
    });
}

/// A call of another service, with three peers. Each is a trace of its own, so that only these are counted.
fn statistics_of_calls(batches: Batches) {
    with_statistics(batches, |tracer| {
        let span = tracer.span("postgres.query").root().kind(tracehound::SpanKind::Client).start();
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
/// By the tracer of the process.
fn with_installed_tracer(batches: Batches, trace: impl Fn()) {
    let install = |tracer: Tracer| mem::forget(tracer.install());
    with_tracer_of(install, batches, |()| trace());
}

/// A function that is wrapped by hand: what the next two must not exceed.
fn in_span(batches: Batches) {
    fn work() {
        tracehound::in_span("work", |_| black_box(()));
    }

    with_installed_tracer(batches, work);
}

fn wrap_fn(batches: Batches) {
    fn work() {
        tracehound::wrap_fn("work", || black_box(()));
    }

    with_installed_tracer(batches, work);
}

fn wrap(batches: Batches) {
    #[tracehound::wrap(name = "work")]
    fn work() {
        black_box(());
    }

    with_installed_tracer(batches, work);
}

fn wrap_of_a_result(batches: Batches) {
    #[tracehound::wrap(name = "work")]
    fn work(number: u64) -> Result<u64, ParseIntError> {
        Ok(black_box(number))
    }

    with_installed_tracer(batches, || drop(work(1)));
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

/// The same, whose root says that it went well.
fn with_status(batches: Batches) {
    with_tracer_of(opentelemetry_tracer, batches, |tracer| {
        tracer.in_span("root", |cx| {
            set_attributes(&cx);
            for _ in 0..CHILDREN {
                tracer.in_span("child", |cx| set_attributes(&cx));
            }
            cx.span().set_status(Status::Ok);
        });
    });
}

/// What an instrumented server does: kinds, many attributes, a status code on each span, a status on the root.
fn many_attributes(batches: Batches) {
    let span = |tracer: &tracehound_opentelemetry::Tracer, kind, below: &dyn Fn(&Context)| {
        let span = tracer.span_builder("request").with_kind(kind).start(tracer);
        let cx = Context::current_with_span(span);
        let _active = cx.clone().attach();
        for key in ATTRIBUTES {
            cx.span().set_attribute(KeyValue::new(key, "a value of some length"));
        }
        below(&cx);
        cx.span().set_attribute(KeyValue::new("http.response.status_code", 200));
    };
    with_tracer_of(opentelemetry_tracer, batches, |tracer| {
        span(tracer, SpanKind::Server, &|root| {
            for _ in 0..CHILDREN {
                span(tracer, SpanKind::Client, &|_| ());
            }
            root.span().set_status(Status::Ok);
        });
    });
}

const ATTRIBUTES: [&str; 29] = [
    "app.a",
    "app.b",
    "app.c",
    "app.d",
    "app.e",
    "app.f",
    "app.g",
    "app.h",
    "app.i",
    "app.j",
    "app.k",
    "app.l",
    "app.m",
    "app.n",
    "app.o",
    "app.p",
    "app.q",
    "app.r",
    "app.s",
    "app.t",
    "app.u",
    "app.v",
    "app.w",
    "app.x",
    "app.y",
    "app.z",
    "url.path",
    "url.scheme",
    "server.address",
];

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

/// Headers of a request from a browser.
fn browser() -> HeaderMap {
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
    headers
}

/// From the headers of a request that has others, too.
fn extract(batches: Batches) {
    let propagator = propagator();
    let mut headers = browser();
    propagator.inject_context(&context(), &mut headers);
    batches.run(nothing, || {
        black_box(propagator.extract(black_box(&headers)));
    });
}

/// A span of a server with all of its tags, from the headers to the status.
fn http_server(batches: Batches) {
    http_server_of("/users/42", batches);
}

/// With a query that has no secret in it.
fn http_server_query(batches: Batches) {
    http_server_of("/users/42?page=2&sort=name", batches);
}

fn http_server_of(url: &str, batches: Batches) {
    let headers = browser();
    with_tracer(batches, |tracer| {
        let span = tracer.start_span("web.request");
        let request = RequestInfo::new("GET", black_box(url)).headers(&headers);
        let request = request.route("/users/{id}");
        let tags = tagging().server_request(&span, &request);
        tagging().server_response(&span, tags, Some(&ResponseInfo::new(200)));
    });
}

/// A span of a client with all of its tags.
fn http_client(batches: Batches) {
    with_tracer(batches, |tracer| {
        let span = tracer.start_span("http.request");
        let request = RequestInfo::new("GET", black_box("http://api.example/users/list"));
        tagging().client_request(&span, &request);
        tagging().client_response(&span, Some(&ResponseInfo::new(200)));
    });
}

/// As an integration keeps it.
fn tagging() -> &'static Tagging {
    static TAGGING: LazyLock<Tagging> = LazyLock::new(|| {
        let config = Config::builder().environment(Environment::empty());
        Tagging::by(&config.build()).component("bench")
    });
    &TAGGING
}
