//! Those who do the same: OpenTelemetry's SDK, and the ways of this crate.

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider};
use tracehound::config::Environment;
use tracehound::testing::{Captured, CapturedSpan};
use tracehound_opentelemetry::{SpanExporter, Tracer, TracerProvider, share_context};

use super::expected;
use super::world::{Mapping, Notes, Record, Run, World};

/// More than any of it takes.
const LIMIT: Duration = Duration::from_secs(60);
/// Without a name, so that a row is about what it does.
const SCOPE: &str = "";

/// The measure: the SDK with what it does by default.
pub(crate) fn sdk(program: impl FnOnce(&SdkTracer, &mut Notes), mapping: Mapping) -> World {
    assert!(share_context());
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let (run, notes) = perform(program, &provider.tracer(SCOPE));
    let spans = exporter.get_finished_spans().unwrap();
    let records: Vec<_> = spans.iter().map(|span| expected::record(span, mapping)).collect();
    run.end(&records, notes)
}

pub(crate) fn provider(program: impl FnOnce(&Tracer, &mut Notes)) -> World {
    let (provider, captured) = own();
    let (run, notes) = perform(program, &provider.tracer(SCOPE));
    run.end(&records(&captured), notes)
}

pub(crate) fn behind_the_global_api(program: impl FnOnce(&BoxedTracer, &mut Notes)) -> World {
    let (provider, captured) = own();
    let tracer = BoxedTracer::new(Box::new(provider.tracer(SCOPE)));
    let (run, notes) = perform(program, &tracer);
    run.end(&records(&captured), notes)
}

pub(crate) fn exporter(program: impl FnOnce(&SdkTracer, &mut Notes)) -> World {
    assert!(share_context());
    let captured = Captured::default();
    let tracer = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .service("test")
        .capture(&captured);
    let exporter = SpanExporter::builder().tracer(tracer).build();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_simple_exporter(exporter.clone())
        .build();
    let (run, notes) = perform(program, &provider.tracer(SCOPE));
    exporter.flush(LIMIT).unwrap();
    run.end(&records(&captured), notes)
}

fn own() -> (TracerProvider, Captured) {
    assert!(share_context());
    let (native, captured) = tracehound::testing::tracer();
    (TracerProvider::new(native), captured)
}

fn perform<T>(program: impl FnOnce(&T, &mut Notes), tracer: &T) -> (Run, Notes) {
    let run = Run::begin();
    let mut notes = Notes::default();
    program(tracer, &mut notes);
    (run, notes)
}

fn records(captured: &Captured) -> Vec<Record> {
    captured.spans().iter().map(record).collect()
}

fn record(span: &CapturedSpan) -> Record {
    let start = UNIX_EPOCH + Duration::from_nanos(span.start_ns.try_into().unwrap());
    Record {
        trace_id: span.trace_id.get(),
        span_id: span.span_id.unwrap().get(),
        parent_id: span.parent_id.map_or(0, |id| id.get()),
        is_local_root: span.is_local_root,
        service: span.service.clone(),
        name: span.name.clone(),
        resource: span.resource.clone(),
        span_type: span.span_type.clone().unwrap_or_default(),
        kind: span.kind.unwrap().as_str().to_owned(),
        is_error: span.is_error,
        priority: span.priority.unwrap().get(),
        start,
        end: start + span.duration,
        meta: span.tags.clone(),
        metrics: span.metrics.clone(),
        links: span.links.clone(),
        events: span.events.clone(),
    }
}
