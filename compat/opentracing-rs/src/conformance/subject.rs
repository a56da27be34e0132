//! The tracer under test, and what it tells.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[cfg(feature = "mock")]
use crate::mock::{MockSpan, MockTracer};
use crate::{Span, Tracer};

/// A tracer to be checked, and how to see the spans that it has finished.
#[derive(Clone)]
pub struct Subject {
    tracer: Tracer,
    finished: Option<Arc<dyn Fn() -> Vec<FinishedSpan> + Send + Sync>>,
}

/// A span that the tracer has finished, as its own means of testing show it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FinishedSpan {
    /// The name.
    pub operation_name: String,
    /// The trace, as [`SpanContext::trace_id`](crate::SpanContext::trace_id) writes it.
    pub trace_id: String,
    /// The span, as [`SpanContext::span_id`](crate::SpanContext::span_id) writes it.
    pub span_id: String,
    /// The parent in the same form; `None` for the root of a trace.
    pub parent_id: Option<String>,
    /// Whether it is marked as an error.
    pub is_error: bool,
    /// Tags, with their values as text.
    pub tags: BTreeMap<String, String>,
    /// When it started.
    pub start_time: SystemTime,
    /// When it was finished.
    pub finish_time: SystemTime,
}

impl FinishedSpan {
    /// A root without tags and without error; set the fields that are different.
    #[must_use]
    pub fn new(operation_name: impl Into<String>, trace_id: String, span_id: String) -> Self {
        FinishedSpan {
            operation_name: operation_name.into(),
            trace_id,
            span_id,
            parent_id: None,
            is_error: false,
            tags: BTreeMap::new(),
            start_time: SystemTime::UNIX_EPOCH,
            finish_time: SystemTime::UNIX_EPOCH,
        }
    }

    pub(super) fn is_child_of(&self, parent: &FinishedSpan) -> bool {
        self.parent_id.as_ref() == Some(&parent.span_id) && self.trace_id == parent.trace_id
    }
}

impl Subject {
    /// A tracer whose spans cannot be seen.
    #[must_use]
    pub fn new(tracer: Tracer) -> Self {
        Subject { tracer, finished: None }
    }

    /// A tracer whose finished spans can be seen: all of them, in any order.
    ///
    /// A check asks for them when all spans of a trace have finished.
    #[must_use]
    pub fn recording(
        tracer: Tracer,
        finished: impl Fn() -> Vec<FinishedSpan> + Send + Sync + 'static,
    ) -> Self {
        Subject { tracer, finished: Some(Arc::new(finished)) }
    }

    /// The tracer.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Whether the finished spans can be seen.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.finished.is_some()
    }

    /// The finished spans; none where they cannot be seen.
    #[must_use]
    pub fn finished_spans(&self) -> Vec<FinishedSpan> {
        self.finished.as_ref().map(|finished| finished()).unwrap_or_default()
    }

    // ===== questions of the checks =====

    /// The finished spans of a name.
    pub(super) fn named(&self, name: &str) -> Vec<FinishedSpan> {
        let mut spans = self.finished_spans();
        spans.retain(|span| span.operation_name == name);
        spans
    }

    /// The one finished span of a name.
    #[track_caller]
    pub(super) fn one(&self, name: &str) -> FinishedSpan {
        let mut spans = self.named(name);
        assert_eq!(spans.len(), 1, "of the finished spans, those named {name}: {spans:?}");
        spans.pop().unwrap_or_else(|| FinishedSpan::new(name, String::new(), String::new()))
    }

    /// The ids of what is active here.
    pub(super) fn active(&self) -> Option<Identity> {
        self.tracer.active_span().map(|span| Identity::of(&span))
    }

    #[track_caller]
    pub(super) fn expect_active(&self, span: Option<&Span>) {
        assert_eq!(self.active(), span.map(Identity::of), "the active span");
    }

    /// Finishes a span, and checks that nobody has done so before.
    #[track_caller]
    pub(super) fn expect_open(&self, span: &Span, name: &str) {
        let end = later();
        span.finish_at(end);
        let found = self.one(name).finish_time;
        assert!(is_near(found, end), "{name} was finished before, at {found:?}");
    }
}

/// An end that is not reached while a check runs.
pub(super) fn later() -> SystemTime {
    let now = SystemTime::now();
    now.checked_add(Duration::from_secs(3600)).unwrap_or(now)
}

/// Whether two times are the same but for the rounding of a tracer.
pub(super) fn is_near(one: SystemTime, other: SystemTime) -> bool {
    let between = one.duration_since(other).or_else(|_| other.duration_since(one));
    between.is_ok_and(|between| between < Duration::from_millis(1))
}

/// What makes a span that one and no other, whatever handle it is seen by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity(Option<String>, Option<String>);

impl Identity {
    pub(super) fn of(span: &Span) -> Self {
        let context = span.context();
        Identity(context.trace_id(), context.span_id())
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("tracer", &self.tracer).finish_non_exhaustive()
    }
}

#[cfg(feature = "mock")]
impl From<MockTracer> for Subject {
    fn from(mock: MockTracer) -> Self {
        let tracer = mock.tracer();
        Subject::recording(tracer, move || mock.finished_spans().iter().map(finished).collect())
    }
}

#[cfg(feature = "mock")]
fn finished(span: &MockSpan) -> FinishedSpan {
    let tags = span.tags.iter().map(|(key, value)| (key.clone(), value.to_string()));
    FinishedSpan {
        operation_name: span.operation_name.clone(),
        trace_id: span.trace_id.to_string(),
        span_id: span.span_id.to_string(),
        parent_id: span.parent_id.map(|id| id.to_string()),
        is_error: span.tag(crate::tags::ERROR) == Some(&true.into()),
        tags: tags.collect(),
        start_time: span.start_time,
        finish_time: span.finish_time.unwrap_or(span.start_time),
    }
}
