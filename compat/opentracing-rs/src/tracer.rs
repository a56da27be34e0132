//! The handle of a tracer.

use std::borrow::Cow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::backend::{ExtractFrom, InjectInto, TracerBackend};
use crate::builder::SpanBuilder;
use crate::carrier::{ExtractCarrier, InjectCarrier};
use crate::error::Error;
use crate::format::Format;
use crate::options::StartOptions;
use crate::scope::Scope;
use crate::scope_manager::ScopeManager;
use crate::span::Span;
use crate::span_context::SpanContext;

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

    // ===== spans =====

    /// Describes a span: its parent, tags, start.
    pub fn build_span<'a>(&'a self, operation_name: impl Into<Cow<'a, str>>) -> SpanBuilder<'a> {
        SpanBuilder::new(self, operation_name.into())
    }

    /// Starts a child of the active span, and does not make it active.
    ///
    /// It must be finished: by [`Span::finish`], or by a guard such as [`Span::finish_on_drop`].
    pub fn start_span<'a>(&'a self, operation_name: impl Into<Cow<'a, str>>) -> Span {
        self.build_span(operation_name).start()
    }

    /// Starts a child of the active span and makes it active on this thread. Closing or dropping the scope
    /// finishes it.
    pub fn start_active_span<'a>(&'a self, operation_name: impl Into<Cow<'a, str>>) -> Scope {
        self.build_span(operation_name).start_active()
    }

    /// Runs `work` inside a span; see [`SpanBuilder::in_span`].
    pub fn in_span<'a, T>(
        &'a self,
        operation_name: impl Into<Cow<'a, str>>,
        work: impl FnOnce(&Span) -> T,
    ) -> T {
        self.build_span(operation_name).in_span(work)
    }

    pub(crate) fn start(&self, options: StartOptions<'_>) -> Span {
        match &self.backend {
            Some(backend) => Span::from_backend(self.clone(), backend.start_span(self, options)),
            None => Span::noop(),
        }
    }

    // ===== what is active =====

    /// What makes spans active.
    #[must_use]
    pub fn scope_manager(&self) -> ScopeManager<'_> {
        ScopeManager::new(self)
    }

    /// The span that is active on this thread; `None` where none is.
    #[must_use]
    pub fn active_span(&self) -> Option<Span> {
        self.scope_manager().active_span()
    }

    // ===== over the border =====

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
    /// It does not become active: give it to [`SpanBuilder::child_of`].
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
