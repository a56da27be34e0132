//! What an executor is told of a call.

use std::cell::Cell;
use std::fmt;

use crate::trace::{ActiveSpan, Span, SpanBuilder, SpanKind, SpanRef};
use crate::tracer::Tracer;

/// A call of a wrapped function, as a [`WrapExecutor`](crate::WrapExecutor) is given it: what its span is to be like.
#[must_use = "without `start` or `enter` the function has no span"]
pub struct WrapCall<'c> {
    tracer: &'c Tracer,
    span: SpanBuilder<'c>,
    /// For what the function returns, which is looked at afterwards.
    started: &'c Cell<SpanRef>,
}

impl<'c> WrapCall<'c> {
    pub(super) fn new(
        tracer: &'c Tracer,
        span: SpanBuilder<'c>,
        started: &'c Cell<SpanRef>,
    ) -> Self {
        WrapCall { tracer, span, started }
    }

    /// The tracer.
    #[must_use]
    pub fn tracer(&self) -> &'c Tracer {
        self.tracer
    }

    /// The name of the span; with `#[wrap]`, the function's own unless another was given.
    #[must_use]
    pub fn name(&self) -> &str {
        self.span.planned().map_or("", |record| &record.name)
    }

    /// The service, if one was given.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.span.planned()?.service.as_deref()
    }

    /// The resource, if one was given.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.span.planned()?.resource.as_deref()
    }

    /// The type of the span, if one was given.
    #[must_use]
    pub fn span_type(&self) -> Option<&str> {
        self.span.planned()?.span_type.as_deref()
    }

    /// The kind of the span, if one was given.
    #[must_use]
    pub fn kind(&self) -> Option<SpanKind> {
        self.span.planned()?.kind
    }

    /// Says more of the span, or something else: see [`SpanBuilder`].
    ///
    /// ```
    /// use tracehound::WrapCall;
    ///
    /// fn execute(call: WrapCall<'_>, run: &mut dyn FnMut()) {
    ///     let _span = call.describe(|span| span.service("jobs").root()).enter();
    ///     run();
    /// }
    /// # let _ = tracehound::Tracer::builder().wrap_executor(execute);
    /// ```
    pub fn describe(self, say: impl FnOnce(SpanBuilder<'c>) -> SpanBuilder<'c>) -> Self {
        WrapCall { span: say(self.span), ..self }
    }

    /// Starts the span. It is not made active.
    pub fn start(self) -> Span {
        let span = self.span.start();
        self.started.set(span.handle());
        span
    }

    /// Starts the span and makes it active on this thread, until the result is dropped.
    pub fn enter(self) -> ActiveSpan {
        self.start().enter()
    }
}

impl fmt::Debug for WrapCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrapCall").field("name", &self.name()).finish_non_exhaustive()
    }
}
