//! The least program that is traced by OpenTelemetry's SDK.

use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SdkTracerProvider;

fn main() {
    let exporter = match SpanExporter::builder().with_http().build() {
        Ok(exporter) => exporter,
        Err(error) => return eprintln!("{error}"),
    };
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    global::set_tracer_provider(provider.clone());
    global::tracer("shop").in_span("web.request", |cx| {
        cx.span().set_attribute(KeyValue::new("http.method", "GET"));
    });
    if let Err(error) = provider.shutdown() {
        eprintln!("{error}");
    }
}
