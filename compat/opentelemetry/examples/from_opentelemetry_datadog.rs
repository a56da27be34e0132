//! How does a program that uses the exporter `opentelemetry-datadog` go on, and keep its names?
//!
//! docs/migrating.md has the program before. `cargo run -p tracehound-opentelemetry --features sdk --example
//! from_opentelemetry_datadog` sends one trace to the agent of this machine, or to `DD_TRACE_AGENT_URL`.

use std::collections::HashMap;
use std::error::Error;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracehound_opentelemetry::{ResourceNaming, SpanExporter};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let exporter = SpanExporter::builder()
        .service("shop")
        .env("prod")
        .version("1.4")
        .service_mapping(|span, _| (span.name == "insert order").then_some("orders-db"))
        // The names as they were; without these two lines they are those of Datadog's tracers.
        .name_mapping(|span, _| Some(span.instrumentation_scope.name().to_owned()))
        .resource_naming(ResourceNaming::SpanName)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(exporter.sampler())
        .with_batch_exporter(exporter.clone())
        .build();
    global::set_text_map_propagator(exporter.propagator());
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
