//! Traces as OTLP to an OpenTelemetry Collector, or to anything else that takes it.
//!
//! `cargo run --example otlp_collector` needs no collector: a small one inside this program takes the request and prints
//! what is in it. With `OTEL_EXPORTER_OTLP_ENDPOINT` set, traces go there instead, in the protocol that
//! `OTEL_EXPORTER_OTLP_PROTOCOL` names (`grpc` with `--features grpc`).
//!
//! A program needs no code for that: `OTEL_TRACES_EXPORTER=otlp` is enough.

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use support::say;
use tokio::net::TcpListener;
use tracehound::config::{Config, Origin};
use tracehound::{SpanKind, TraceWriter, Tracer};

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut writer = TraceWriter::otlp();
    let is_named = is_named();
    if !is_named {
        let address = runtime.block_on(start_collector())?;
        writer = writer.endpoint(format!("http://{address}/v1/traces"));
    }
    let tracer = Tracer::builder().service("shop").env("examples").writer(writer).build();

    tracer.in_span("web.request", |request| {
        request.set_kind(SpanKind::Server);
        request.set_resource("GET /cart");
        tracer.in_span("db.query", |span| span.set_tag("db.rows", 3));
    });

    tracer.shutdown(Duration::from_secs(10))?;
    if is_named {
        say("The trace is where OTEL_EXPORTER_OTLP_ENDPOINT points to.");
    }
    Ok(())
}

/// Whether the environment names a collector.
fn is_named() -> bool {
    let config = Config::builder().build();
    let is_set = |name| config.report().get(name).is_some_and(|row| row.origin() > Origin::Default);
    is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
}

// ===== the collector =====

async fn start_collector() -> Result<SocketAddr, AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(take);
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(address)
}

/// Prints the spans of a request, each with what OTLP knows about it.
async fn take(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    for spans in list(&body, "resourceSpans") {
        say(&format!("service {}", attribute(spans.get("resource"), "service.name")));
        for span in list(spans, "scopeSpans").iter().flat_map(|scope| list(scope, "spans")) {
            let text = |field: &str| span.get(field).and_then(Value::as_str).unwrap_or("-");
            let operation = attribute(Some(span), "operation.name");
            say(&format!(
                "  {:10} operation {operation:11} trace {}, span {}, parent {}",
                text("name"),
                text("traceId"),
                text("spanId"),
                text("parentSpanId"),
            ));
        }
    }
    Ok(Response::new(Full::from("{}")))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn attribute<'a>(of: Option<&'a Value>, key: &str) -> &'a str {
    let all = of.map(|of| list(of, "attributes")).unwrap_or_default();
    let found = all.iter().find(|pair| pair.get("key").and_then(Value::as_str) == Some(key));
    let value = found.and_then(|pair| pair.get("value")?.get("stringValue")?.as_str());
    value.unwrap_or("-")
}
