//! Traces as OTLP over gRPC: to a server of `tonic`, through the service that OpenTelemetry generates.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};
use tracehound::config::{Environment, OtlpProtocol};
use tracehound::{LossReason, TraceWriter, Tracer};

use common::{LIMIT, Said};

/// What the server is to answer next; then it takes everything.
type Answers = VecDeque<Result<ExportTraceServiceResponse, Status>>;

#[derive(Default)]
struct State {
    answers: Answers,
    /// The names of the spans of each request, and its metadata.
    received: Vec<Vec<String>>,
    keys: Vec<Option<String>>,
}

#[derive(Clone, Default)]
struct Service(Arc<Mutex<State>>);

impl Service {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut state = self.state();
        let key = request.metadata().get("api-key");
        state.keys.push(key.map(|key| key.to_str().unwrap().to_owned()));
        let spans = request.into_inner().resource_spans.into_iter().flat_map(|of| of.scope_spans);
        let names = spans.flat_map(|of| of.spans).map(|span| span.name).collect();
        state.received.push(names);
        state
            .answers
            .pop_front()
            .unwrap_or(Ok(ExportTraceServiceResponse::default()))
            .map(Response::new)
    }
}

/// A collector, and the runtime that it is served by: none of the tracer's.
struct Collector {
    service: Service,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Collector {
    fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), Service::default())
    }

    fn at(address: SocketAddr, service: Service) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder().add_service(TraceServiceServer::new(service.clone()));
        runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Collector { service, address, runtime: Some(runtime) }
    }

    /// Ends it with all its connections.
    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }

    fn tracer(&self, said: &Said) -> Tracer {
        let pairs = [
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", self.address)),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
        ];
        Tracer::builder()
            .environment(Environment::from_pairs(pairs))
            .service("shop")
            .flush_interval(Duration::from_secs(3600))
            .log(said.listener())
            .build()
    }

    fn received(&self) -> Vec<Vec<String>> {
        self.service.state().received.clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a span, and flushes. Returns whether all that has finished was taken.
fn send(tracer: &Tracer, name: &'static str) -> bool {
    tracer.span(name).start().finish();
    tracer.flush(LIMIT).is_ok()
}

#[test]
fn spans_arrive_over_one_connection_with_the_headers() {
    let (collector, said) = (Collector::start(), Said::default());
    let tracer = collector.tracer(&said);
    for name in ["one", "two", "three"] {
        assert!(send(&tracer, name), "{:?}", said.warnings());
    }
    tracer.shutdown(LIMIT).unwrap();
    assert_eq!(collector.received(), [["one"], ["two"], ["three"]]);
    assert!(collector.service.state().keys.iter().all(|key| key.as_deref() == Some("hunter2")));
    assert_eq!((tracer.losses().total(), said.warnings()), (0, vec![]));
}

#[test]
fn more_than_a_message_may_hold_goes_in_several() {
    let (collector, said) = (Collector::start(), Said::default());
    let tracer = collector.tracer(&said);
    // Twelve megabytes; the server takes four at once.
    for _ in 0..60 {
        let root = tracer.span("root").start();
        for _ in 0..20 {
            tracer.span("child").child_of(&root).tag("fill", "x".repeat(10_000)).start().finish();
        }
    }
    tracer.shutdown(LIMIT).unwrap();
    assert!(collector.received().len() > 3);
    assert_eq!(collector.received().concat().len(), 60 * 21, "{:?}", said.warnings());
    assert_eq!(tracer.losses().total(), 0);
}

#[test]
fn each_status_has_its_consequence() {
    for (code, is_tried_again) in [
        (Code::Unavailable, true),
        (Code::DeadlineExceeded, true),
        (Code::ResourceExhausted, true),
        (Code::InvalidArgument, false),
        (Code::Unauthenticated, false),
        (Code::Unimplemented, false),
        (Code::Internal, false),
    ] {
        let (collector, said) = (Collector::start(), Said::default());
        collector.service.state().answers.push_back(Err(Status::new(code, "on purpose, café")));
        let tracer = collector.tracer(&said);
        assert_eq!(send(&tracer, "op"), is_tried_again, "{code:?}");
        let times = if is_tried_again { 2 } else { 1 };
        assert_eq!(collector.received(), vec![["op"]; times], "{code:?}");
        let lost = u64::from(!is_tried_again);
        assert_eq!(tracer.losses().spans(LossReason::AgentRejected), lost, "{code:?}");
        assert_eq!(tracer.losses().total(), lost, "{code:?}");
        let warnings = said.warnings().concat();
        for part in
            ["the collector answered gRPC status", "on purpose, café", "TraceService/Export"]
        {
            assert!(warnings.contains(part), "{part}: {warnings}");
        }
        assert!(send(&tracer, "later"), "{code:?}");
        assert!(!said.warnings().concat().contains("hunter2"));
    }
}

#[test]
fn what_is_rejected_of_a_request_is_lost_and_the_rest_is_delivered() {
    let (collector, said) = (Collector::start(), Said::default());
    let partial = ExportTracePartialSuccess { rejected_spans: 2, error_message: "too old".into() };
    let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
    collector.service.state().answers.push_back(Ok(answer));
    let tracer = collector.tracer(&said);
    for _ in 0..4 {
        tracer.span("op").start().finish();
    }
    assert!(!send(&tracer, "op"));
    assert_eq!((tracer.losses().spans(LossReason::AgentRejected), tracer.losses().total()), (2, 2));
    assert!(said.warnings().concat().contains("too old"));
    assert_eq!(collector.received().concat().len(), 5, "nothing is sent again");
    assert!(send(&tracer, "later"));
}

#[test]
fn a_collector_that_is_restarted_gets_what_waits() {
    let (mut collector, said) = (Collector::start(), Said::default());
    let tracer = collector.tracer(&said);
    assert!(send(&tracer, "before"));
    collector.stop();
    assert!(!send(&tracer, "meanwhile"));
    let collector = Collector::at(collector.address, collector.service.clone());
    assert!(send(&tracer, "after"));
    let received = collector.received().concat();
    assert_eq!(received, ["before", "meanwhile", "after"], "{:?}", said.warnings());
    tracer.shutdown(LIMIT).unwrap();
    assert_eq!(tracer.losses().total(), 0);
}

#[test]
fn what_speaks_no_http2_is_a_problem_that_is_said() {
    let server =
        tracehound_test_support::FaultAgent::start(|_| tracehound_test_support::Reply::ok());
    let said = Said::default();
    let writer = TraceWriter::otlp().protocol(OtlpProtocol::Grpc).endpoint(server.url());
    let tracer = common::builder("http://127.0.0.1:1", &said).writer(writer).build();
    tracer.span("op").start().finish();
    assert!(tracer.flush(LIMIT).is_err());
    let _ = tracer.shutdown(LIMIT);
    let warnings = said.warnings().concat();
    assert!(warnings.contains("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), "{warnings}");
    assert_eq!(tracer.losses().total(), 1, "{}", tracer.losses());
}
