//! From native spans to contexts of OpenTelemetry, and back.

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::TraceContextExt;
use tracehound::{ActiveContext, SpanRef};

use super::active::{activated, native};
use crate::span::registry;

/// Native spans in contexts of OpenTelemetry, for code that hands one API's word to the other's.
///
/// What is active needs none of it: each API sees what the other has made active.
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider as _};
/// use tracehound_opentelemetry::{ContextExt, TracerProvider};
///
/// let (tracer, captured) = tracehound::testing::tracer();
/// let otel = TracerProvider::new(tracer.clone()).tracer("doc");
///
/// // A native span as the parent of one of OpenTelemetry's.
/// let job = tracer.start_span("job");
/// let cx = Context::new().with_native(job.handle());
/// let step = otel.start_with_context("step", &cx);
///
/// // And back: the native span behind a context, for tags or as a parent.
/// let cx = cx.with_span(step);
/// cx.native_span().unwrap().set_tag("step.number", 1);
/// tracer.span("detail").child_of(cx.native()).start().finish();
///
/// drop(cx);
/// job.finish();
/// assert_eq!(
///     captured.tree(),
///     "job\n  internal [step] otel.scope.name=doc step.number=1\n    detail\n"
/// );
/// ```
pub trait ContextExt {
    /// This context with a native one in the place of what is active: a span, what came in with headers
    /// ([`tracehound::SpanContext`]), or both of it with its baggage ([`tracehound::ActiveContext`]).
    ///
    /// A span is not finished when the context is dropped. OpenTelemetry sees a copy of its span context that was
    /// made now, with the trace state that headers written now would have; see
    /// [`decided_span_context`](crate::decided_span_context). Other values of the context stay.
    #[must_use]
    fn with_native(&self, native: impl Into<ActiveContext>) -> Self;

    /// What is active in this context as a native one, baggage included: a parent for
    /// [`child_of`](tracehound::SpanBuilder::child_of), or to be
    /// [activated](tracehound::Tracer::activate). It may be a span, whichever API has started it, or what came from
    /// another process; [empty](tracehound::ActiveContext::is_empty) where nothing is active.
    #[must_use]
    fn native(&self) -> ActiveContext;

    /// The span that is active in this context, if it is one of this process and of the core, open or finished.
    ///
    /// `None` for spans of OpenTelemetry's SDK, and for what came from another process.
    #[must_use]
    fn native_span(&self) -> Option<SpanRef>;
}

impl ContextExt for OtelContext {
    fn with_native(&self, native: impl Into<ActiveContext>) -> Self {
        activated(self, native.into())
    }

    fn native(&self) -> ActiveContext {
        native(self)
    }

    fn native_span(&self) -> Option<SpanRef> {
        registry::find(self.span().span_context()).map(|(span, _)| span)
    }
}
