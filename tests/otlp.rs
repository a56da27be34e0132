//! Traces as OTLP over HTTP: what a collector gets, and what follows from each of its answers.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::{Value, json};
use tracehound::config::{Environment, OtlpProtocol};
use tracehound::{LossReason, SamplingPriority, SpanContext, SpanId, TraceId, TraceWriter, Tracer};
use tracehound_test_support::fault_agent::Received;
use tracehound_test_support::{FaultAgent, Reply, TestAgent, http};

use common::{LIMIT, Said};

const TRACES: &str = "/v1/traces";

struct Pair {
    collector: FaultAgent,
    tracer: Tracer,
    said: Said,
}

impl Pair {
    fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(&[], script)
    }

    /// A tracer that sees only these settings, and the address of the collector.
    fn with(
        settings: &[(&str, &str)],
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let collector = FaultAgent::start(script);
        let said = Said::default();
        let url = collector.url();
        let own = [("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &url)];
        let settings = own.into_iter().chain(settings.iter().copied());
        let tracer = Tracer::builder()
            .environment(Environment::from_pairs(settings))
            .service("shop")
            .flush_interval(Duration::from_secs(3600))
            .log(said.listener())
            .build();
        Pair { collector, tracer, said }
    }

    /// Makes a span, and flushes. Returns whether all that has finished was taken.
    fn send(&self, name: &'static str) -> bool {
        self.tracer.span(name).start().finish();
        self.tracer.flush(LIMIT).is_ok()
    }

    /// The names of the spans in each request, first to last.
    fn received(&self) -> Vec<Vec<String>> {
        self.collector.requests_to(TRACES).iter().map(|request| names(request)).collect()
    }

    fn lost(&self, reason: LossReason) -> u64 {
        self.tracer.losses().spans(reason)
    }
}

fn decoded(request: &Received) -> ExportTraceServiceRequest {
    match request.header("content-type") {
        Some("application/json") => serde_json::from_slice(&request.body).unwrap(),
        Some("application/x-protobuf") => {
            ExportTraceServiceRequest::decode(&request.body[..]).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn names(request: &Received) -> Vec<String> {
    let spans = decoded(request).resource_spans.into_iter().flat_map(|of| of.scope_spans);
    spans.flat_map(|of| of.spans).map(|span| span.name).collect()
}

fn taken(_: &Received) -> Reply {
    Reply::json(&json!({}))
}

#[test]
fn the_settings_say_where_and_how() {
    for (protocol, content_type) in
        [("http/json", "application/json"), ("http/protobuf", "application/x-protobuf")]
    {
        let settings = [
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2,x-team=a%20b"),
            ("DD_TRACE_DEBUG", "true"),
        ];
        let pair = Pair::with(&settings, taken);
        assert!(pair.send("op"));
        let [request] = &pair.collector.requests()[..] else { panic!("and nothing else") };
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", TRACES));
        assert_eq!(request.header("content-type"), Some(content_type));
        assert_eq!(request.header("api-key"), Some("hunter2"));
        assert_eq!(request.header("x-team"), Some("a b"));
        let is_datadogs = |(name, _): (&str, &str)| name.to_ascii_lowercase().contains("datadog");
        assert!(!request.headers.iter().any(is_datadogs), "{:?}", request.headers);
        assert_eq!(names(request), ["op"]);
        pair.tracer.shutdown(LIMIT).unwrap();
        assert_eq!(pair.tracer.losses().total(), 0);
        for level in [tracehound::LogLevel::Warn, tracehound::LogLevel::Debug] {
            let lines = pair.said.lines(level).join("\n");
            assert!(!lines.contains("hunter2"), "{lines}");
        }
    }
}

#[test]
fn code_wins_over_the_settings() {
    let collector = FaultAgent::start(taken);
    let said = Said::default();
    let writer = TraceWriter::otlp()
        .protocol(OtlpProtocol::HttpProtobuf)
        .endpoint(format!("{}/other/path", collector.url()))
        .header("x-team", "checkout")
        .header("bad header", "hunter2")
        .timeout(Duration::from_secs(30));
    let pairs = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=b,x-more=c"),
    ];
    let tracer = Tracer::builder()
        .environment(Environment::from_pairs(pairs))
        .log(said.listener())
        .writer(writer)
        .build();
    tracer.span("op").start().finish();
    tracer.shutdown(LIMIT).unwrap();
    let [request] = &collector.requests_to("/other/path")[..] else { panic!("one request") };
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!((request.header("x-team"), request.header("x-more")), (Some("checkout"), Some("c")));
    assert_eq!(tracer.agent_url(), None);
    let warnings = said.warnings();
    assert!(warnings.iter().any(|line| line.contains("a header is none that HTTP can carry")));
    assert!(!format!("{warnings:?} {tracer:?}").contains("hunter2"));
}

#[test]
fn datadogs_own_test_agent_reads_both_forms() {
    for protocol in [OtlpProtocol::HttpJson, OtlpProtocol::HttpProtobuf] {
        let agent = TestAgent::start();
        let endpoint = format!("{}{TRACES}", agent.otlp_address());
        let tracer = common::builder(&agent.url(), &Said::default())
            .writer(TraceWriter::otlp().protocol(protocol).endpoint(endpoint))
            .env("prod")
            .build();
        tracer.in_span("web.request", |root| {
            root.set_resource("GET /");
            tracer.in_span("db.query", |span| span.set_tag("rows", 3));
        });
        tracer.shutdown(LIMIT).unwrap();
        let got: Value =
            http::get("/test/session/traces").send(agent.otlp_address()).unwrap().json();
        // It keeps JSON as it is, and names the fields of protobuf as the `.proto` files do.
        let [resources, scopes, text, id, parent] = match protocol {
            OtlpProtocol::HttpJson => {
                ["resourceSpans", "scopeSpans", "stringValue", "spanId", "parentSpanId"]
            }
            _ => ["resource_spans", "scope_spans", "string_value", "span_id", "parent_span_id"],
        };
        let resource = &got[0][resources][0];
        let service = json!({"key": "service.name", "value": {text: "shop"}});
        let attributes = resource["resource"]["attributes"].as_array();
        assert!(attributes.is_some_and(|all| all.contains(&service)), "{got}");
        let spans = resource[scopes][0]["spans"].as_array().unwrap();
        let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["GET /", "db.query"], "{got}");
        assert_eq!(spans[0][id], spans[1][parent]);
    }
}

#[test]
fn only_what_is_sampled_is_sent_and_the_rest_is_no_loss() {
    let pair = Pair::start(taken);
    for (name, priority) in [
        ("kept", SamplingPriority::AUTO_KEEP),
        ("dropped", SamplingPriority::AUTO_REJECT),
        ("dropped by hand", SamplingPriority::USER_REJECT),
        ("kept by hand", SamplingPriority::USER_KEEP),
    ] {
        let upstream = SpanContext::new(TraceId::new(1 << 70 | 5).unwrap(), SpanId::new(6));
        let span = pair.tracer.span(name).child_of(upstream.with_priority(priority));
        span.start().finish();
    }
    pair.tracer.shutdown(LIMIT).unwrap();
    assert_eq!(pair.received().concat(), ["kept", "kept by hand"]);
    assert_eq!(pair.tracer.losses().total(), 0);
    assert_eq!(pair.said.warnings(), [""; 0]);
}

#[test]
fn large_amounts_arrive_whole_in_requests_within_the_limit() {
    const MOST: usize = 60_000;
    for protocol in ["http/json", "http/protobuf"] {
        let settings = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES", "60000"),
        ];
        let pair = Pair::with(&settings, taken);
        for _ in 0..50 {
            let root = pair.tracer.span("root").start();
            for _ in 0..20 {
                let child = pair.tracer.span("child").child_of(&root);
                child.tag("fill", "x".repeat(200)).start().finish();
            }
        }
        pair.tracer.shutdown(LIMIT).unwrap();
        let requests = pair.collector.requests_to(TRACES);
        assert!(requests.len() > 5 && requests.iter().all(|request| request.body.len() <= MOST));
        assert_eq!(pair.received().concat().len(), 50 * 21);
        assert_eq!(pair.tracer.losses().total(), 0);
    }
}

// ===== answers =====

#[test]
fn what_is_not_taken_now_is_sent_again_after_the_pause_that_was_asked_for() {
    for status in [429, 502, 503, 504] {
        let pair = Pair::start(move |request| match request.number {
            0 => Reply::status(status).header("Retry-After", "1"),
            _ => taken(request),
        });
        let start = std::time::Instant::now();
        pair.tracer.span("op").start().finish();
        assert!(pair.tracer.shutdown(LIMIT).is_ok(), "{status}");
        assert_eq!(pair.received(), [["op"], ["op"]], "{status}");
        assert_eq!(pair.tracer.losses().total(), 0);
        assert!(start.elapsed() < LIMIT);
    }
}

#[test]
fn a_flush_that_is_not_urgent_keeps_the_pause() {
    let collector = FaultAgent::start(|request| match request.number {
        0 => Reply::status(503).header("Retry-After", "2"),
        _ => taken(request),
    });
    let writer = TraceWriter::otlp().endpoint(format!("{}{TRACES}", collector.url()));
    let tracer = common::builder("http://localhost:1", &Said::default())
        .flush_interval(Duration::from_millis(10))
        .writer(writer)
        .build();
    tracer.span("op").start().finish();
    collector.wait_for_requests(1, LIMIT);
    let start = std::time::Instant::now();
    collector.wait_for_requests(2, LIMIT);
    assert!(start.elapsed() >= Duration::from_millis(1500), "{:?}", start.elapsed());
    tracer.shutdown(LIMIT).unwrap();
}

#[test]
fn what_is_refused_is_lost_and_said_in_the_collectors_words() {
    let words = json!({"code": 3, "message": "no such tenant"});
    for status in [400, 401, 404, 500] {
        let words = words.clone();
        let pair = Pair::start(move |_| {
            let reply = Reply::status(status).header("Content-Type", "application/json");
            reply.body(words.to_string())
        });
        assert!(!pair.send("op"), "{status}");
        assert_eq!(pair.received(), [["op"]], "not sent again");
        assert_eq!(pair.lost(LossReason::AgentRejected), 1);
        let warnings = pair.said.warnings().join("\n");
        for part in ["the collector answered", "no such tenant", TRACES, &status.to_string()] {
            assert!(warnings.contains(part), "{part}: {warnings}");
        }
    }
}

#[test]
fn what_is_rejected_of_a_request_is_lost_and_the_rest_is_delivered() {
    for is_json in [true, false] {
        let protocol = if is_json { "http/json" } else { "http/protobuf" };
        let settings = [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let pair = Pair::with(&settings, move |request| {
            let partial =
                ExportTracePartialSuccess { rejected_spans: 2, error_message: "too old".into() };
            let answer = ExportTraceServiceResponse {
                partial_success: (request.number == 0).then_some(partial),
            };
            let content_type = request.header("content-type").unwrap();
            let reply = Reply::ok().header("Content-Type", content_type);
            match is_json {
                true => reply.body(serde_json::to_vec(&answer).unwrap()),
                false => reply.body(answer.encode_to_vec()),
            }
        });
        for _ in 0..4 {
            pair.tracer.span("op").start().finish();
        }
        assert!(!pair.send("op"));
        assert_eq!((pair.lost(LossReason::AgentRejected), pair.tracer.losses().total()), (2, 2));
        assert!(pair.said.warnings().concat().contains("too old"), "{:?}", pair.said.warnings());
        assert!(pair.send("later"), "delivered as a whole");
        assert_eq!(pair.received().concat().len(), 6, "nothing is sent again");
    }
}

#[test]
fn what_is_too_large_for_it_is_divided() {
    let pair = Pair::start(|request| match request.body.len() {
        20_000.. => Reply::status(413),
        _ => taken(request),
    });
    for _ in 0..30 {
        pair.tracer.span("op").tag("fill", "x".repeat(1_000)).start().finish();
    }
    pair.tracer.shutdown(LIMIT).unwrap();
    let requests = pair.collector.requests_to(TRACES);
    let taken = requests.iter().filter(|request| request.body.len() < 20_000);
    assert_eq!(taken.map(|request| names(request).len()).sum::<usize>(), 30);
    assert_eq!(pair.tracer.losses().total(), 0);
}

#[test]
fn a_collector_that_is_away_gets_what_waits_when_it_is_back() {
    let pair = Pair::start(taken);
    pair.collector.refuse();
    assert!(!pair.send("early"));
    let warnings = pair.said.warnings().concat();
    for part in ["could not connect to collector at http://", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    pair.collector.accept();
    assert!(pair.send("late"));
    assert_eq!(pair.received().concat(), ["early", "late"]);
    let lines = pair.said.lines(tracehound::LogLevel::Info).concat();
    assert!(lines.contains("the collector at") && lines.contains("is back"), "{lines}");
    assert_eq!(pair.tracer.losses().total(), 0);
}

#[test]
fn each_span_is_delivered_or_lost_whatever_it_answers() {
    // Taken, hung up on, rejected in part, refused, busy, garbage.
    let pair =
        Pair::with(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "300")], |request| match request.number % 7 {
            0 => taken(request),
            1 => Reply::close(),
            2 => Reply::json(&json!({"partialSuccess": {"rejectedSpans": "1"}})),
            3 => Reply::status(400),
            4 => Reply::status(503),
            5 => Reply::hang(),
            _ => Reply::raw("garbage\r\n\r\n"),
        });
    const MADE: u64 = 60;
    for _ in 0..MADE / 3 {
        for _ in 0..2 {
            pair.tracer.span("op").start().finish();
        }
        pair.send("op");
    }
    let _ = pair.tracer.shutdown(LIMIT);
    let losses = pair.tracer.losses();
    let confirmed = pair.collector.requests_to(TRACES);
    let delivered: u64 = confirmed
        .iter()
        .map(|request| match request.number % 7 {
            0 => names(request).len() as u64,
            2 => names(request).len() as u64 - 1,
            _ => 0,
        })
        .sum();
    // What came twice was confirmed once at the most.
    assert_eq!(delivered + losses.total(), MADE, "{losses}");
    assert!(
        losses.spans(LossReason::AgentRejected) > 0 && losses.spans(LossReason::Unconfirmed) > 0
    );
}
