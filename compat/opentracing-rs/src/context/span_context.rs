//! Contexts: what of a span goes elsewhere, and the trait behind the handle.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::any::AsAny;
use super::baggage::Baggage;

/// What of a span goes to its children and to other processes. It does not change.
pub trait SpanContextBackend: AsAny + fmt::Debug + Send + Sync {
    /// The baggage.
    fn baggage(&self) -> &Baggage;

    /// The trace, in the form in which the tracer writes it into carriers; `None` if it has no such id.
    fn trace_id(&self) -> Option<String>;

    /// The span, in the form in which the tracer writes it into carriers; `None` if it has no such id.
    fn span_id(&self) -> Option<String>;
}

/// What of a span goes to its children and to other processes: its identity and its baggage.
///
/// It does not change, is cheap to clone, and stays valid after the span has finished. An empty one is that
/// of no span: the no-op tracer's, and what `None` of
/// [`Tracer::extract`](crate::Tracer::extract) becomes as a parent. References to it are ignored.
///
/// ```
/// # #[cfg(feature = "mock")] fn main() {
/// let tracer = opentracing_rs::mock::MockTracer::new().tracer();
/// let span = tracer.start_span("checkout");
/// span.set_baggage_item("tenant", "acme");
/// for (key, value) in span.context().baggage().iter() {
///     assert_eq!((key, value), ("tenant", "acme"));
/// }
/// # }
/// # #[cfg(not(feature = "mock"))] fn main() {}
/// ```
#[derive(Clone, Debug, Default)]
pub struct SpanContext {
    backend: Option<Arc<dyn SpanContextBackend>>,
}

/// The contract of a backend is not to panic.
impl UnwindSafe for SpanContext {}
impl RefUnwindSafe for SpanContext {}

impl SpanContext {
    /// For implementers: the handle of a context.
    #[must_use]
    pub fn new(backend: impl SpanContextBackend) -> Self {
        SpanContext { backend: Some(Arc::new(backend)) }
    }

    /// For implementers: the handle of a context that is shared already.
    #[must_use]
    pub fn from_backend(backend: Arc<dyn SpanContextBackend>) -> Self {
        SpanContext { backend: Some(backend) }
    }

    /// The context of no span.
    #[must_use]
    pub const fn empty() -> Self {
        SpanContext { backend: None }
    }

    /// Whether this is the context of no span.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.backend.is_none()
    }

    /// The baggage that travels with the span.
    #[must_use]
    pub fn baggage(&self) -> &Baggage {
        static NONE: Baggage = Baggage::new();
        self.backend.as_ref().map_or(&NONE, |context| context.baggage())
    }

    /// The id of the trace as text, for logs; the form is the tracer's own.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.backend.as_ref()?.trace_id()
    }

    /// The id of the span as text, for logs; the form is the tracer's own.
    #[must_use]
    pub fn span_id(&self) -> Option<String> {
        self.backend.as_ref()?.span_id()
    }

    /// For implementers: the context that was given to [`SpanContext::new`], if it is of this type.
    #[must_use]
    pub fn downcast_ref<T: SpanContextBackend>(&self) -> Option<&T> {
        (**self.backend.as_ref()?).as_any().downcast_ref()
    }
}

impl From<&SpanContext> for SpanContext {
    fn from(context: &SpanContext) -> Self {
        context.clone()
    }
}

/// So that what [`Tracer::extract`](crate::Tracer::extract) gives can be a parent as it is.
impl From<Option<SpanContext>> for SpanContext {
    fn from(context: Option<SpanContext>) -> Self {
        context.unwrap_or_default()
    }
}
