//! The handle of a span, and the trait behind it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::SystemTime;

use super::tracer::Tracer;
use crate::context::{AsAny, SpanContext};
use crate::fields;
use crate::tags;
use crate::value::{ErrorObject, Value, panic_fields, with_error_fields};

/// One span.
///
/// After [`SpanBackend::finish`] changes do nothing, and the context stays valid.
pub trait SpanBackend: AsAny + fmt::Debug + Send + Sync {
    /// What of the span goes to its children and to other processes, with its baggage as it is now.
    ///
    /// Called for each `child_of(&span)`: it should be cheap, and leave what is not (a sampling decision)
    /// to the one who looks into it.
    fn context(&self) -> SpanContext;

    /// Replaces the name that the span was started with.
    fn set_operation_name(&self, name: &str);

    /// Sets a tag. The last value of a key wins.
    fn set_tag(&self, key: &str, value: Value<'_>);

    /// Adds a log: fields at a time, now if none is given.
    ///
    /// For [`fields::EVENT_ERROR`](crate::fields::EVENT_ERROR) see
    /// [`Span::log_error`](crate::Span::log_error).
    fn log(&self, fields: &[(&str, Value<'_>)], at: Option<SystemTime>);

    /// Sets an item of the baggage, for contexts taken and children started from now on.
    fn set_baggage_item(&self, key: &str, value: &str);

    /// An item of the baggage.
    fn baggage_item(&self, key: &str) -> Option<String> {
        self.context().baggage().get(key).map(str::to_owned)
    }

    /// Finishes the span at a time, now if none is given. Only the first call counts.
    fn finish(&self, at: Option<SystemTime>);
}

/// A piece of work, with its name, times, tags, logs and baggage.
///
/// A cheap handle: clones are the same span. Dropping a handle does not finish the span, since another part
/// of the program may have one: call [`Span::finish`], or keep a guard ([`Span::finish_on_drop`],
/// [`Scope`](crate::Scope)). The methods that change it give it back, for the next one; after it has finished they do
/// nothing. None of them fails.
///
/// ```
/// use opentracing_rs::{Tracer, tags};
///
/// let span = Tracer::noop().start_span("query");
/// span.set_tag(tags::DB_TYPE, "sql").set_tag("rows", 3).log_event("parsed");
/// span.finish();
/// ```
#[must_use = "a span measures nothing unless it is finished"]
#[derive(Clone, Debug, Default)]
pub struct Span {
    tracer: Tracer,
    backend: Option<Arc<dyn SpanBackend>>,
}

/// The contract of a backend is not to panic.
impl UnwindSafe for Span {}
impl RefUnwindSafe for Span {}

impl Span {
    /// For implementers: the handle of a span of this tracer.
    pub fn from_backend(tracer: Tracer, backend: Arc<dyn SpanBackend>) -> Self {
        Span { tracer, backend: Some(backend) }
    }

    /// The span that does nothing.
    pub const fn noop() -> Self {
        Span { tracer: Tracer::noop(), backend: None }
    }

    /// Whether this is the span that does nothing.
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.backend.is_none()
    }

    /// The implementation, if it is of this type.
    #[must_use]
    pub fn downcast_ref<T: SpanBackend>(&self) -> Option<&T> {
        (**self.backend.as_ref()?).as_any().downcast_ref()
    }

    /// The tracer that started it.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// What of the span goes to its children and to other processes. It stays valid when the span has
    /// finished; baggage that is set later is not in it.
    #[must_use]
    pub fn context(&self) -> SpanContext {
        self.backend.as_ref().map(|span| span.context()).unwrap_or_default()
    }

    // ===== changing =====

    /// Replaces the name that the span was started with.
    pub fn set_operation_name(&self, name: &str) -> &Self {
        self.with(|span| span.set_operation_name(name))
    }

    /// Sets a tag. The last value of a key wins. The standard keys are in [`tags`].
    pub fn set_tag<'v>(&self, key: &str, value: impl Into<Value<'v>>) -> &Self {
        self.with(|span| span.set_tag(key, value.into()))
    }

    /// Logs fields, now. The standard names are in [`fields`].
    ///
    /// ```
    /// use opentracing_rs::{Tracer, fields};
    ///
    /// let span = Tracer::noop().start_span("fetch");
    /// span.log(&[(fields::EVENT, "cache.miss".into()), ("size", 512.into())]);
    /// # span.finish();
    /// ```
    pub fn log(&self, fields: &[(&str, Value<'_>)]) -> &Self {
        self.with(|span| span.log(fields, None))
    }

    /// Logs fields, at a time.
    pub fn log_at(&self, fields: &[(&str, Value<'_>)], at: SystemTime) -> &Self {
        self.with(|span| span.log(fields, Some(at)))
    }

    /// Logs that something happened: the field [`fields::EVENT`] alone.
    pub fn log_event(&self, event: &str) -> &Self {
        self.log(&[(fields::EVENT, event.into())])
    }

    /// Marks the span as an error and says why.
    ///
    /// Sets the tag [`tags::ERROR`] and logs [`fields::EVENT_ERROR`] with the message, the error itself,
    /// the name of its type and, as the stack, its chain of sources where it has one. It gives nothing
    /// back, to be usable as `result.inspect_err(|error| span.log_error(error))`.
    pub fn log_error<E: ErrorObject + ?Sized>(&self, error: &E) {
        self.with(|span| {
            span.set_tag(tags::ERROR, true.into());
            with_error_fields(error, |fields| span.log(fields, None));
        });
    }

    /// As [`Span::log_error`], for a panic that passes through a guard of the span.
    pub(crate) fn log_panic(&self) {
        self.set_tag(tags::ERROR, true).log(&panic_fields());
    }

    /// Sets an item of the baggage, for contexts taken and children started from now on.
    ///
    /// It travels with every request below: use it sparingly.
    pub fn set_baggage_item(&self, key: &str, value: &str) -> &Self {
        self.with(|span| span.set_baggage_item(key, value))
    }

    /// An item of the baggage.
    #[must_use]
    pub fn baggage_item(&self, key: &str) -> Option<String> {
        self.backend.as_ref()?.baggage_item(key)
    }

    // ===== ending =====

    /// Finishes the span now. A second time does nothing.
    pub fn finish(&self) {
        self.with(|span| span.finish(None));
    }

    /// Finishes the span at a time. A second time does nothing.
    pub fn finish_at(&self, end: SystemTime) {
        self.with(|span| span.finish(Some(end)));
    }

    /// Does something to the span, unless it is the one that does nothing.
    fn with(&self, act: impl FnOnce(&dyn SpanBackend)) -> &Self {
        if let Some(backend) = &self.backend {
            act(&**backend);
        }
        self
    }
}

impl From<&Span> for SpanContext {
    fn from(span: &Span) -> Self {
        span.context()
    }
}
