//! Describing a span before it starts.

use std::borrow::Cow;
use std::error::Error;
use std::time::SystemTime;

use crate::active::Scope;
use crate::context::{Reference, SpanContext, StartOptions};
use crate::handle::{Span, Tracer};
use crate::value::Value;

/// Describes a span before it starts.
///
/// Made by [`Tracer::build_span`]. Without more, the span is a child of the active one, begins now, and is
/// finished when its scope is closed.
///
/// ```
/// use opentracing_rs::{Format, Tracer, tags};
///
/// fn serve(tracer: &Tracer, headers: &[(String, String)]) -> Result<(), opentracing_rs::Error> {
///     let caller = tracer.extract(Format::HttpHeaders, &headers)?;
///     let scope = tracer
///         .build_span("GET /cart")
///         .child_of(caller)
///         .tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER)
///         .start_active();
///     scope.span().set_tag(tags::HTTP_STATUS_CODE, 200);
///     Ok(())
/// }
/// # serve(&Tracer::noop(), &[]).unwrap();
/// ```
#[must_use = "nothing starts before `start`, `start_active` or `in_span`"]
#[derive(Debug)]
pub struct SpanBuilder<'a> {
    tracer: &'a Tracer,
    options: StartOptions<'a>,
    finish_on_close: bool,
}

impl<'a> SpanBuilder<'a> {
    /// Makes a span or a context the parent, before any [`SpanBuilder::reference`]. The last call counts.
    ///
    /// `None`, an empty context and one of another tracer are no parent: then it is as if this had not been
    /// called.
    pub fn child_of(mut self, parent: impl Into<SpanContext>) -> Self {
        self.options.child_of = Some(Reference::child_of(parent));
        self
    }

    /// Adds a cause. The first one becomes the parent where no [`SpanBuilder::child_of`] says otherwise,
    /// of whatever type it is; what the others become is up to the tracer.
    pub fn reference(mut self, reference: Reference) -> Self {
        if !self.tracer.is_noop() {
            self.options.references.push(reference);
        }
        self
    }

    /// Sets a tag from the start, where the tracer's sampling may look at it.
    pub fn tag(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        if !self.tracer.is_noop() {
            self.options.tags.push((key.into(), value.into()));
        }
        self
    }

    /// When the work began, if that was not now.
    pub fn start_time(mut self, start: SystemTime) -> Self {
        self.options.start_time = Some(start);
        self
    }

    /// Begins a new trace, whatever is active, unless a parent is named.
    pub fn ignore_active_span(mut self) -> Self {
        self.options.ignore_active_span = true;
        self
    }

    /// Whether closing the scope finishes the span; by default it does. Of no effect on
    /// [`SpanBuilder::start`].
    pub fn finish_on_close(mut self, finish: bool) -> Self {
        self.finish_on_close = finish;
        self
    }

    /// Starts the span and does not make it active.
    ///
    /// It must be finished: by [`Span::finish`], or by a guard such as [`Span::finish_on_drop`].
    pub fn start(self) -> Span {
        self.tracer.start(self.options)
    }

    /// Starts the span and makes it active on this thread, until the scope is closed.
    pub fn start_active(self) -> Scope {
        let span = self.tracer.start(self.options);
        self.tracer.scope_manager().activate(&span, self.finish_on_close)
    }

    /// Runs `work` inside the span, which is active meanwhile and finished afterwards.
    ///
    /// A panic marks the span as an error.
    pub fn in_span<T>(self, work: impl FnOnce(&Span) -> T) -> T {
        let scope = self.start_active();
        work(scope.span())
    }

    /// Runs `work` inside the span as [`SpanBuilder::in_span`] does, and marks the span if it fails.
    ///
    /// ```
    /// let port: Result<u16, _> = opentracing_rs::Tracer::noop()
    ///     .build_span("config.port")
    ///     .try_in_span(|_| "eighty".parse());
    /// assert!(port.is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// What `work` returns.
    pub fn try_in_span<T, E: Error + 'static>(
        self,
        work: impl FnOnce(&Span) -> Result<T, E>,
    ) -> Result<T, E> {
        self.in_span(|span| work(span).inspect_err(|error| span.log_error(error)))
    }
}

impl Tracer {
    /// Describes a span: its parent, tags, start.
    pub fn build_span<'a>(&'a self, operation_name: impl Into<Cow<'a, str>>) -> SpanBuilder<'a> {
        let options = StartOptions::new(operation_name.into());
        SpanBuilder { tracer: self, options, finish_on_close: true }
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
}
