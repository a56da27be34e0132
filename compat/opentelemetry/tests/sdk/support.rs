//! Exporters of their own, and spans as the SDK hands them over.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::testing::trace::new_test_export_span_data;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tracehound::config::Environment;
use tracehound::testing::{Captured, CapturedSpan};
use tracehound::{Tracer, TracerBuilder};
use tracehound_opentelemetry::{SpanExporter, SpanExporterBuilder};

/// More than any of it takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// Longer than any test: what waits for this long is sent by something else.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

pub(crate) const TRACE: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;

pub(crate) fn tracer() -> TracerBuilder {
    // Not in code: what the resource says has to count.
    Tracer::builder().environment(Environment::from_pairs([("DD_SERVICE", "shop")]))
}

/// An exporter that sends nothing by itself before it is flushed, and whose pipeline keeps what it is given.
pub(crate) fn captured() -> (SpanExporterBuilder, Captured) {
    let captured = Captured::default();
    let builder = patient(tracer().capture(&captured));
    (builder, captured)
}

pub(crate) fn patient(tracer: TracerBuilder) -> SpanExporterBuilder {
    SpanExporter::builder().tracer(tracer).wait_for_root(NEVER).wait_for_late_spans(NEVER)
}

/// A finished span of `TRACE`. 0 is no parent.
pub(crate) fn span(id: u64, parent: u64) -> SpanData {
    let start = SystemTime::now();
    SpanData {
        span_context: context(TRACE, id, true, ""),
        parent_span_id: parent.into(),
        name: "span_name".into(),
        start_time: start,
        end_time: start + Duration::from_millis(1),
        ..new_test_export_span_data()
    }
}

pub(crate) fn context(trace: u128, id: u64, sampled: bool, state: &str) -> SpanContext {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let state: TraceState = state.parse().unwrap();
    SpanContext::new(TraceId::from(trace), SpanId::from(id), flags, false, state)
}

pub(crate) fn with(mut span: SpanData, attributes: impl IntoIterator<Item = KeyValue>) -> SpanData {
    span.attributes.extend(attributes);
    span
}

/// `export`, whose future is ready at once.
pub(crate) fn export(exporter: &SpanExporter, batch: Vec<SpanData>) -> OTelSdkResult {
    let mut export = std::pin::pin!(exporter.export(batch));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match export.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("the export waits"),
    }
}

/// The chunks after a flush.
pub(crate) fn flushed(exporter: &SpanExporter, captured: &Captured) -> Vec<Vec<CapturedSpan>> {
    exporter.flush(LIMIT).unwrap();
    captured.chunks()
}

/// The only span, after a flush.
pub(crate) fn only(exporter: &SpanExporter, captured: &Captured) -> CapturedSpan {
    let mut spans = flushed(exporter, captured).concat();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}
