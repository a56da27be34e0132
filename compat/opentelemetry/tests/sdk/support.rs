//! Exporters of their own, and spans as the SDK hands them over.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
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
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "span_name".into(),
        start_time: start,
        end_time: start + Duration::from_millis(1),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
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
