//! The conformance kit of `opentracing-rs`, with the spans that the native tracer has finished.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentracing_rs::conformance::{self, BoxFuture, FinishedSpan, Spawn, Subject};
use tracehound::testing::CapturedSpan;

use super::tracers;

pub fn run_all() {
    conformance::run(conformance::API, subject);
    conformance::run(conformance::SCOPES, subject);
    conformance::run(conformance::SPANS, subject);
    conformance::run(conformance::PATTERNS, subject);
    super::on_both(|| conformance::run_tasks(conformance::TASKS, subject, spawn()));
}

fn subject() -> Subject {
    let (tracer, _, captured) = tracers();
    Subject::recording(tracer.into(), move || captured.spans().iter().map(finished).collect())
}

fn spawn() -> Spawn {
    Arc::new(|task: BoxFuture| -> BoxFuture {
        let task = tokio::spawn(task);
        Box::pin(async move { drop(task.await) })
    })
}

fn finished(span: &CapturedSpan) -> FinishedSpan {
    let id = |id: tracehound::SpanId| id.to_string();
    let span_id = span.span_id.map(id).unwrap_or_default();
    let mut finished = FinishedSpan::new(&span.name, span.trace_id.to_string(), span_id);
    finished.parent_id = span.parent_id.map(id);
    finished.is_error = span.is_error;
    finished.tags = span.tags.clone();
    finished.tags.extend(span.kind.map(|kind| ("span.kind".to_owned(), kind.to_string())));
    let metrics = span.metrics.iter().map(|(key, value)| (key.clone(), value.to_string()));
    finished.tags.extend(metrics);
    let start = Duration::from_nanos(u64::try_from(span.start_ns).unwrap());
    finished.start_time = SystemTime::UNIX_EPOCH.checked_add(start).unwrap();
    finished.finish_time = finished.start_time.checked_add(span.duration).unwrap();
    finished
}
