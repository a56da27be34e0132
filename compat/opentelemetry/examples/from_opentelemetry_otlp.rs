//! How does a program that exports OTLP send the same spans to the Datadog agent?
//!
//! It keeps OpenTelemetry's SDK, and changes the exporter. docs/migrating.md has the program before.
//! `cargo run -p tracehound-opentelemetry --features sdk --example from_opentelemetry_otlp` sends one trace to the
//! agent of this machine, or to `DD_TRACE_AGENT_URL`.

use std::collections::HashMap;
use std::error::Error;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracehound_opentelemetry::SpanExporter;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let exporter = SpanExporter::builder().build();
    let resource = Resource::builder().with_service_name("shop").with_attributes([
        KeyValue::new("deployment.environment.name", "prod"),
        KeyValue::new("service.version", "1.4"),
    ]);
    let provider = SdkTracerProvider::builder()
        .with_sampler(exporter.sampler())
        .with_resource(resource.build())
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
