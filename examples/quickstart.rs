//! A service and its client, traced: native and OpenTelemetry spans in one distributed trace.
//!
//! `cargo run --example quickstart` needs no Datadog agent and no account: the traces go to a local agent
//! inside this program, which prints them as trees. With `DD_TRACE_AGENT_URL` set they go there instead.

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry::trace::{Span as _, SpanKind as OtelKind, Status, Tracer as _};
use opentelemetry::{KeyValue, global};
use support::Agent;
use tokio::net::{TcpListener, TcpStream};
use tracehound::{FutureExt, SpanKind, Tracer};

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let agent = Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("shop").env("quickstart")).install();
    // From here on OpenTelemetry's global tracer makes spans of the same traces.
    tracehound_opentelemetry::install();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(go_shopping())?;

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(13);
    Ok(())
}

// ===== the client =====

async fn go_shopping() -> Result<(), AnyError> {
    let address = start_server().await?;
    for order in ["42", "1999", "lamp"] {
        let span = tracehound::span("checkout").resource(format!("checkout {order}")).start();
        get(address, order).in_span(span).await?;
    }
    Ok(())
}

/// One request, inside a native client span.
async fn get(address: SocketAddr, order: &str) -> Result<StatusCode, AnyError> {
    let span = tracehound::span("http.request")
        .resource("GET /orders/{id}")
        .span_type("http")
        .kind(SpanKind::Client)
        .tag("http.method", "GET")
        .tag("out.host", address.ip().to_string())
        .tag("network.destination.port", address.port())
        .start();
    let handle = span.handle();
    async move {
        let mut request = Request::get(format!("/orders/{order}"))
            .header("host", address.to_string())
            .body(Empty::<Bytes>::new())?;
        // The trace goes on on the other side.
        tracehound::inject(request.headers_mut());

        let stream = TokioIo::new(TcpStream::connect(address).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        tokio::spawn(connection);
        let status = sender.send_request(request).await?.status();
        handle.set_tag("http.status_code", status.as_u16());
        Ok(status)
    }
    .in_span(span)
    .await
}

// ===== the server =====

async fn start_server() -> Result<SocketAddr, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(serve);
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

async fn serve(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let span = tracehound::span("web.request")
        .service("orders")
        .resource("GET /orders/{id}")
        .span_type("web")
        .kind(SpanKind::Server)
        .tag("http.method", request.method().as_str())
        .tag("http.url", request.uri().path())
        .child_of(tracehound::extract(request.headers()))
        .start();
    let handle = span.handle();
    let (status, text) = async move {
        let id = request.uri().path().rsplit('/').next().unwrap_or_default();
        let (status, text) = match id.parse::<u32>() {
            Ok(id) => (StatusCode::OK, load(id).await),
            Err(error) => {
                handle.set_error(&error);
                (StatusCode::BAD_REQUEST, error.to_string())
            }
        };
        handle.set_tag("http.status_code", status.as_u16());
        (status, text)
    }
    .in_span(span)
    .await;

    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    Ok(response)
}

/// A library that knows nothing of Datadog: it is instrumented with OpenTelemetry.
async fn load(id: u32) -> String {
    let tracer = global::tracer("warehouse");
    let mut span = tracer
        .span_builder("SELECT orders")
        .with_kind(OtelKind::Client)
        .with_attributes([
            KeyValue::new("db.system", "postgresql"),
            KeyValue::new("db.query.text", "SELECT * FROM orders WHERE id = $1"),
        ])
        .start(&tracer);
    tokio::time::sleep(Duration::from_millis(3)).await;
    span.set_attribute(KeyValue::new("db.response.returned_rows", 1));
    if id > 1000 {
        span.set_status(Status::error("relation \"orders\" is locked"));
    }
    span.end();

    // And natively again, below the same request.
    tracehound::in_span("cart.price", |span| {
        span.set_tag("cart.items", 3);
        std::thread::sleep(Duration::from_millis(1));
    });
    format!("order {id}")
}
