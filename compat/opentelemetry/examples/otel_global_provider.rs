//! How does a program that uses OpenTelemetry's API alone send its traces to Datadog?
//!
//! `cargo run -p tracehound-opentelemetry --example otel_global_provider` needs no Datadog agent: the trace
//! goes to a local agent inside this program, which prints it. With `DD_TRACE_AGENT_URL` set it goes there.
//!
//! The two calls of `install` are all there is to it. What follows knows nothing of Datadog: a client and a
//! server with OpenTelemetry's global tracer and propagator, a span that fails, attributes by the semantic
//! conventions, baggage. What is printed in the end is Datadog's: operation names, resources, types, error
//! messages.

#[path = "../../../examples/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};
use support::{Agent, say};
use tracehound_opentelemetry::ResourceExt as _;

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    // In a program: `let _guard = tracehound::init();`, which takes all of this from the environment.
    let tracer = tracehound::Tracer::builder().resource_attributes([
        KeyValue::new("service.name", "shop"),
        KeyValue::new("deployment.environment.name", "example"),
    ]);
    let guard = agent.receive_from(tracer).install();
    let provider = tracehound_opentelemetry::install();

    let _tenant = Context::current_with_baggage([KeyValue::new("tenant", "acme")]).attach();
    for order in ["lamp", "piano"] {
        say(&format!("ordering a {order}: {}", request(order)));
    }

    // OpenTelemetry's globals cannot be flushed any more; the provider can.
    provider.force_flush(Duration::from_secs(5))?;
    drop(guard);
    agent.print(6);
    Ok(())
}

/// A client: one span, whose context travels in headers.
fn request(order: &'static str) -> u16 {
    let tracer = global::tracer("http-client");
    let span = tracer
        .span_builder("POST /orders")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("server.address", "orders.internal"),
        ])
        .start(&tracer);
    let cx = Context::current_with_span(span);
    let mut headers = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&cx, &mut headers));
    let status = serve(&headers, order);
    cx.span().set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    status
}

/// A server: it goes on with what came in.
fn serve(headers: &HashMap<String, String>, order: &'static str) -> u16 {
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    let tracer = global::tracer("http-server");
    let span = tracer
        .span_builder("POST /orders")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/orders"),
        ])
        .start_with_context(&tracer, &parent);
    let cx = parent.with_span(span);
    let _active = cx.clone().attach();
    if let Some(tenant) = cx.baggage().get("tenant") {
        cx.span().set_attribute(KeyValue::new("tenant", tenant.clone()));
    }
    let status = if store(order) { 201 } else { 503 };
    cx.span().set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
    status
}

/// A library: its span is below whatever is active.
fn store(order: &'static str) -> bool {
    let tracer = global::tracer("postgres");
    let span = tracer
        .span_builder("INSERT orders")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", "INSERT INTO orders (item) VALUES ($1)"),
        ])
        .start(&tracer);
    let cx = Context::current_with_span(span);
    if order == "piano" {
        cx.span().record_error(&std::io::Error::other("value too large for column \"item\""));
        cx.span().set_status(Status::error("insert failed"));
        return false;
    }
    cx.span().add_event("row stored", vec![KeyValue::new("rows", 1)]);
    true
}
