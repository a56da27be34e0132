//! The context of a span of the mock tracer.

use crate::Baggage;
use crate::backend::SpanContextBackend;

/// The identity and the baggage of a span of the [`MockTracer`](super::MockTracer).
///
/// ```
/// use opentracing_rs::mock::{MockContext, MockTracer};
///
/// let span = MockTracer::new().tracer().start_span("first");
/// let context = span.context();
/// let context = context.downcast_ref::<MockContext>().unwrap();
/// assert_eq!((context.trace_id, context.span_id), (1, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MockContext {
    /// The trace.
    pub trace_id: u64,
    /// The span.
    pub span_id: u64,
    /// The baggage.
    pub baggage: Baggage,
}

/// Ids are written in decimal.
impl SpanContextBackend for MockContext {
    fn baggage(&self) -> &Baggage {
        &self.baggage
    }

    fn trace_id(&self) -> Option<String> {
        Some(self.trace_id.to_string())
    }

    fn span_id(&self) -> Option<String> {
        Some(self.span_id.to_string())
    }
}
