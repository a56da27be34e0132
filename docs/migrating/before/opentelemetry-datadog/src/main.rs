//! Sends spans to the Datadog agent by the exporter that is not developed any more.

#![allow(deprecated)]

use std::collections::HashMap;
use std::error::Error;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_datadog::DatadogPropagator;

fn main() -> Result<(), Box<dyn Error>> {
    let provider = opentelemetry_datadog::new_pipeline()
        .with_service_name("shop")
        .with_env("prod")
        .with_version("1.4")
        .with_agent_endpoint("http://localhost:8126")
        .with_service_name_mapping(|span, config| match &*span.name {
            "insert order" => "orders-db",
            _ => &config.service_name,
        })
        .install_batch()?;
    global::set_text_map_propagator(DatadogPropagator::default());
    global::set_tracer_provider(provider.clone());

    handle_order(&HashMap::new());

    provider.shutdown()?;
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
