//! OpenTelemetry's own SDK with its batch processor: to an exporter that does nothing (`noop`), or by OTLP as
//! protobuf over HTTP (`otlp`). It has no propagator for Datadog's headers.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use through_opentelemetry::Sdk;
use workload::CountAllocations;

pub(crate) fn run(count: Option<CountAllocations>) {
    let builder = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("shop").build());
    let builder = match std::env::args().nth(1).as_deref() {
        Some("otlp") => match SpanExporter::builder().with_http().build() {
            Ok(exporter) => builder.with_batch_exporter(exporter),
            Err(error) => return eprintln!("otlp: {error}"),
        },
        _ => builder.with_batch_exporter(Nothing),
    };
    let provider = builder.build();
    through_opentelemetry::serve(provider.tracer("peers"), Sdk(provider), None, count);
}

#[derive(Debug)]
struct Nothing;

impl opentelemetry_sdk::trace::SpanExporter for Nothing {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}
