//! How does a program that uses `datadog-opentelemetry` go on, without OpenTelemetry's SDK?
//!
//! docs/migrating.md has the program before. `cargo run -p tracehound-opentelemetry --example
//! from_datadog_opentelemetry` sends one trace to the agent of this machine, or to `DD_TRACE_AGENT_URL`.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer as _};
use opentelemetry::{KeyValue, global};
use tracehound::Tracer;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let _guard = Tracer::builder().service("shop").env("prod").version("1.4").install();
    let provider = tracehound_opentelemetry::install();

    handle_order(&HashMap::new());

    provider.shutdown(Duration::from_secs(1))?;
    Ok(())
}

/// Takes an order that came with headers.
fn handle_order(headers: &HashMap<String, String>) {
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    let tracer = global::tracer("orders");
    let server = tracer
        .span_builder("take order")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/orders"),
        ])
        .start_with_context(&tracer, &parent);
    let cx = parent.with_span(server);
    let mut query = tracer
        .span_builder("insert order")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", "INSERT INTO orders VALUES ($1)"),
        ])
        .start_with_context(&tracer, &cx);
    query.set_status(Status::error("deadlock detected"));
    query.end();
    cx.span().set_attribute(KeyValue::new("http.response.status_code", 503));
}
