//! The handle of a tracer, and the traits behind it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::span::{Span, SpanBackend};
use crate::carrier::{Error, ExtractCarrier, ExtractFrom, Format, InjectCarrier, InjectInto};
use crate::context::{AsAny, SpanContext, StartOptions};

/// Starts spans and carries contexts over the border of the process.
pub trait TracerBackend: AsAny + fmt::Debug + Send + Sync {
    /// Starts a span, and does not make it active.
    ///
    /// `tracer` is the handle through which it was called, for an implementation that needs one.
    ///
    /// - The parent is what [`StartOptions::parent`] says. References to contexts of other tracers, which this one
    ///   cannot know, are ignored.
    /// - Tags are set as by [`SpanBackend::set_tag`].
    /// - The parent's baggage is copied.
    fn start_span(&self, tracer: &Tracer, options: StartOptions<'_>) -> Arc<dyn SpanBackend>;

    /// The store of the active spans; the same one each time.
    fn scope_manager(&self) -> &dyn ScopeManagerBackend;

    /// Writes a context, as far as the carrier can hold it.
    ///
    /// An empty context ([`SpanContext::is_empty`]) writes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::unsupported_format`], and [`Error::foreign_span_context`] for another tracer's context.
    fn inject(&self, context: &SpanContext, carrier: InjectInto<'_>) -> Result<(), Error>;

    /// Reads a context; `None` where there is none. It does not become active.
    ///
    /// # Errors
    ///
    /// [`Error::unsupported_format`], and [`Error::span_context_corrupted`] for one that cannot be read.
    fn extract(&self, carrier: ExtractFrom<'_>) -> Result<Option<SpanContext>, Error>;
}

/// Keeps which span is active, for each thread or whatever else the program runs in.
///
/// An implementation may have no store of its own, and look into that of another library; then
/// [`ScopeManagerBackend::active_span`] makes a [`Span`] of whatever is active there, with
/// [`Span::from_backend`].
pub trait ScopeManagerBackend: fmt::Debug + Send + Sync {
    /// Makes a span the active one here, until what is returned is dropped, on the same thread.
    fn activate(&self, span: &Span) -> Box<dyn ScopeBackend>;

    /// The span that is active here. `tracer` is the handle that asks, and that of a span which is made for this.
    fn active_span(&self, tracer: &Tracer) -> Option<Span>;
}

/// One activation; dropping it ends it.
///
/// It is dropped on the thread that it was made on. Dropped while it is the active one, the nearest earlier
/// activation that has not ended is active again. Dropped while another is active, that one stays, and
/// this one never becomes active again.
pub trait ScopeBackend {
    /// Whether this activation is the one that is in effect here. If not, closing the scope does not
    /// finish the span.
    ///
    /// `true` as well for one that could not be stored, on a thread that is being torn down: its span
    /// has to be finished.
    fn is_active(&self) -> bool;
}

/// Starts spans, and carries their contexts over the border of the process.
///
/// A cheap handle: clones are the same tracer. Which implementation it holds is decided where it is made,
/// and nobody who is given one needs to know. The default is [`Tracer::noop`].
///
/// ```
/// use opentracing_rs::Tracer;
///
/// fn handle(tracer: &Tracer) {
///     let scope = tracer.start_active_span("request");
///     scope.span().set_tag("user", 42);
///     tracer.start_span("audit").finish(); // a child of `request`
/// } // `request` is finished here
/// # handle(&Tracer::noop());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    backend: Option<Arc<dyn TracerBackend>>,
}

/// The contract of a backend is not to panic.
impl UnwindSafe for Tracer {}
impl RefUnwindSafe for Tracer {}

impl Tracer {
    /// The handle of an implementation.
    #[must_use]
    pub fn new(backend: impl TracerBackend) -> Self {
        Tracer { backend: Some(Arc::new(backend)) }
    }

    /// The handle of an implementation that is shared already.
    #[must_use]
    pub fn from_backend(backend: Arc<dyn TracerBackend>) -> Self {
        Tracer { backend: Some(backend) }
    }

    /// The tracer that does nothing.
    ///
    /// Its spans have no identity, nothing is ever active, nothing is written into carriers and nothing
    /// found in them. Unknown formats and wrong carriers are errors all the same. It allocates nothing.
    #[must_use]
    pub const fn noop() -> Self {
        Tracer { backend: None }
    }

    /// Whether this is the tracer that does nothing.
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.backend.is_none()
    }

    /// The implementation, if it is of this type.
    #[must_use]
    pub fn downcast_ref<T: TracerBackend>(&self) -> Option<&T> {
        (**self.backend.as_ref()?).as_any().downcast_ref()
    }

    pub(crate) fn backend(&self) -> Option<&dyn TracerBackend> {
        self.backend.as_deref()
    }

    pub(crate) fn start(&self, options: StartOptions<'_>) -> Span {
        match &self.backend {
            Some(backend) => Span::from_backend(self.clone(), backend.start_span(self, options)),
            None => Span::noop(),
        }
    }

    /// Writes a context into a carrier, for another process to go on with the trace.
    ///
    /// The empty context writes nothing.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use opentracing_rs::{Format, Tracer};
    ///
    /// let tracer = Tracer::noop();
    /// let span = tracer.start_span("call");
    /// let mut headers = HashMap::new();
    /// tracer.inject(&span.context(), Format::HttpHeaders, &mut headers)?;
    /// # Ok::<(), opentracing_rs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The tracer does not know the format, the carrier is of the wrong sort for it, or the context is of
    /// another tracer. The carrier is as it was.
    pub fn inject(
        &self,
        context: &SpanContext,
        format: Format,
        carrier: &mut dyn InjectCarrier,
    ) -> Result<(), Error> {
        let carrier = InjectInto::new(format, carrier)?;
        match (&self.backend, format) {
            (Some(backend), _) => backend.inject(context, carrier),
            (None, Format::Custom(_)) => Err(Error::unsupported_format(format)),
            (None, _) => Ok(()),
        }
    }

    /// Reads the context that another process has written; `None` where there is none.
    ///
    /// It does not become active: give it to [`SpanBuilder::child_of`](crate::SpanBuilder::child_of).
    ///
    /// # Errors
    ///
    /// The tracer does not know the format, the carrier is of the wrong sort for it, or what it holds
    /// cannot be understood.
    pub fn extract(
        &self,
        format: Format,
        carrier: &dyn ExtractCarrier,
    ) -> Result<Option<SpanContext>, Error> {
        let carrier = ExtractFrom::new(format, carrier)?;
        match (&self.backend, format) {
            (Some(backend), _) => backend.extract(carrier),
            (None, Format::Custom(_)) => Err(Error::unsupported_format(format)),
            (None, _) => Ok(None),
        }
    }
}
