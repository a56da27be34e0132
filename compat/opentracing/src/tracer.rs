//! The tracer.

use std::ops::Deref;
use std::sync::Arc;

use opentracing_rs::Span as OtSpan;
use tracehound::SpanRef;

use crate::bridge::{Backend, Span};
use crate::correlation::LogCorrelation;

/// The OpenTracing API over a native tracer: the same spans, sampling, propagation and pipeline.
///
/// A cheap handle. It dereferences to [`opentracing_rs::Tracer`], which has all of OpenTracing's methods and
/// is what libraries take; `tracer.into()` makes it one.
///
/// ```
/// use opentracing_rs::tags;
/// use tracehound_opentracing::Tracer;
///
/// let (native, captured) = tracehound::testing::tracer();
/// let tracer = Tracer::new(native.clone());
/// let scope = tracer.start_active_span("checkout");
/// scope.span().set_tag(tags::COMPONENT, "shop");
/// native.in_span("cart.price", |_| ()); // a native child
/// scope.close();
/// assert_eq!(captured.tree(), "checkout component=shop\n  cart.price\n");
/// ```
#[derive(Clone, Debug)]
pub struct Tracer {
    handle: opentracing_rs::Tracer,
    backend: Arc<Backend>,
}

impl Tracer {
    /// The OpenTracing API over a tracer that there is: that of the process ([`tracehound::tracer`]), or one
    /// of a test. Its spans have the native tracer's service.
    #[must_use]
    pub fn new(native: tracehound::Tracer) -> Self {
        let service = native.service().unwrap_or_default().to_owned();
        Tracer::of(native, &service)
    }

    pub(crate) fn of(native: tracehound::Tracer, service: &str) -> Self {
        let backend = Arc::new(Backend::new(native, service));
        Tracer { handle: opentracing_rs::Tracer::from_backend(backend.clone()), backend }
    }

    /// Another tracer over the same native one, whose spans have a service of their own.
    ///
    /// For a process with several services in it. Their spans mix in one trace, and go through one pipeline.
    ///
    /// ```
    /// let (native, captured) = tracehound::testing::tracer();
    /// let shop = tracehound_opentracing::Tracer::new(native).with_service("shop");
    /// let billing = shop.with_service("billing");
    /// shop.in_span("order", |_| billing.in_span("invoice", |_| ()));
    /// assert_eq!(captured.tree(), "order @shop\n  invoice @billing\n");
    /// ```
    #[must_use]
    pub fn with_service(&self, service: &str) -> Self {
        Tracer::of(self.backend.native.clone(), service)
    }

    /// The native tracer.
    #[must_use]
    pub fn native(&self) -> &tracehound::Tracer {
        &self.backend.native
    }

    /// The service of the spans that this tracer starts.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.backend.service
    }

    /// OpenTracing's handle of a span that was made natively. It does not finish the span by being dropped.
    ///
    /// The active one need not be wrapped: `active_span` finds it, whichever API has made it.
    pub fn wrap(&self, span: &SpanRef) -> OtSpan {
        Span::wrap(&self.handle, span.clone())
    }

    /// What connects a line of a log with the active trace: ids, service, environment and version.
    #[must_use]
    pub fn log_correlation_context(&self) -> LogCorrelation {
        LogCorrelation::here(self.native(), self.service())
    }
}

impl Deref for Tracer {
    type Target = opentracing_rs::Tracer;

    fn deref(&self) -> &opentracing_rs::Tracer {
        &self.handle
    }
}

impl From<Tracer> for opentracing_rs::Tracer {
    fn from(tracer: Tracer) -> Self {
        tracer.handle
    }
}

impl From<&Tracer> for opentracing_rs::Tracer {
    fn from(tracer: &Tracer) -> Self {
        tracer.handle.clone()
    }
}
