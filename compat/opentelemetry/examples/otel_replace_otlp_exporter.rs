//! What do I change to send to Datadog instead of OTLP?
//!
//! One line: the exporter. `cargo run -p tracehound-opentelemetry --features sdk --example
//! otel_replace_otlp_exporter` needs no Datadog agent: the trace goes to a local agent inside this program,
//! which prints it. With `DD_TRACE_AGENT_URL` set it goes there instead.

#[path = "../../../examples/support/mod.rs"]
mod support;

use std::error::Error;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use support::Agent;
use tracehound::Tracer;
use tracehound_opentelemetry::SpanExporter;

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;

    // Before:
    //     let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    // In a program of yours `SpanExporter::builder().build()` is all: it finds the agent by itself.
    let exporter = SpanExporter::builder().tracer(agent.receive_from(Tracer::builder())).build();

    let provider = SdkTracerProvider::builder()
        // Not needed, but then Datadog's sampling rules and the agent's rates apply, and its headers go out.
        .with_sampler(exporter.sampler())
        .with_resource(Resource::builder().with_service_name("checkout").build())
        .with_batch_exporter(exporter.clone())
        .build();
    global::set_text_map_propagator(exporter.propagator());
    global::set_tracer_provider(provider.clone());

    place_order();

    // As before: what has ended is sent.
    provider.shutdown()?;
    agent.print(3);
    Ok(())
}

/// Instrumented code stays as it is.
fn place_order() {
    let tracer = global::tracer("checkout");
    let request = tracer.span_builder("place_order").with_kind(SpanKind::Server).with_attributes([
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("http.route", "/orders"),
    ]);
    tracer.in_span_with_builder(request, |cx| {
        tracer.in_span("price", |cx| cx.span().set_attribute(KeyValue::new("order.lamps", 2)));
        let mut query = tracer
            .span_builder("insert_order")
            .with_kind(SpanKind::Client)
            .with_attributes([
                KeyValue::new("db.system.name", "postgresql"),
                KeyValue::new("db.query.text", "INSERT INTO orders VALUES ($1)"),
            ])
            .start(&tracer);
        query.set_status(Status::error("deadlock detected"));
        query.end();
        cx.span().set_attribute(KeyValue::new("http.response.status_code", 503));
    });
}
