//! The handle of a span.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::SystemTime;

use crate::backend::SpanBackend;
use crate::error_object::{ErrorObject, panic_fields, with_error_fields};
use crate::fields;
use crate::finish_guard::FinishGuard;
use crate::scope::Scope;
use crate::span_context::SpanContext;
use crate::tags;
use crate::tracer::Tracer;
use crate::value::Value;

/// A piece of work, with its name, times, tags, logs and baggage.
///
/// A cheap handle: clones are the same span. Dropping a handle does not finish the span, since another part
/// of the program may have one: call [`Span::finish`], or keep a guard ([`Span::finish_on_drop`],
/// [`Scope`]). The methods that change it give it back, for the next one; after it has finished they do
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
        if let Some(span) = &self.backend {
            span.set_operation_name(name);
        }
        self
    }

    /// Sets a tag. The last value of a key wins. The standard keys are in [`tags`].
    pub fn set_tag<'v>(&self, key: &str, value: impl Into<Value<'v>>) -> &Self {
        if let Some(span) = &self.backend {
            span.set_tag(key, value.into());
        }
        self
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
        self.log_fields(fields, None)
    }

    /// Logs fields, at a time.
    pub fn log_at(&self, fields: &[(&str, Value<'_>)], at: SystemTime) -> &Self {
        self.log_fields(fields, Some(at))
    }

    /// Logs that something happened: the field [`fields::EVENT`] alone.
    pub fn log_event(&self, event: &str) -> &Self {
        self.log_fields(&[(fields::EVENT, event.into())], None)
    }

    fn log_fields(&self, fields: &[(&str, Value<'_>)], at: Option<SystemTime>) -> &Self {
        if let Some(span) = &self.backend {
            span.log(fields, at);
        }
        self
    }

    /// Marks the span as an error and says why.
    ///
    /// Sets the tag [`tags::ERROR`] and logs [`fields::EVENT_ERROR`] with the message, the error itself,
    /// the name of its type and, as the stack, its chain of sources where it has one. It gives nothing
    /// back, to be usable as `result.inspect_err(|error| span.log_error(error))`.
    pub fn log_error<E: ErrorObject + ?Sized>(&self, error: &E) {
        if let Some(span) = &self.backend {
            span.set_tag(tags::ERROR, true.into());
            with_error_fields(error, |fields| span.log(fields, None));
        }
    }

    /// As [`Span::log_error`], for a panic that passes through a guard of the span.
    pub(crate) fn log_panic(&self) {
        if let Some(span) = &self.backend {
            span.set_tag(tags::ERROR, true.into());
            span.log(&panic_fields(), None);
        }
    }

    /// Sets an item of the baggage, for contexts taken and children started from now on.
    ///
    /// It travels with every request below: use it sparingly.
    pub fn set_baggage_item(&self, key: &str, value: &str) -> &Self {
        if let Some(span) = &self.backend {
            span.set_baggage_item(key, value);
        }
        self
    }

    /// An item of the baggage.
    #[must_use]
    pub fn baggage_item(&self, key: &str) -> Option<String> {
        self.backend.as_ref()?.baggage_item(key)
    }

    // ===== being active =====

    /// Makes the span active on this thread, until the scope is closed; that does not finish it.
    ///
    /// Short for [`ScopeManager::activate`](crate::ScopeManager::activate) of the span's own tracer.
    pub fn activate(&self) -> Scope {
        self.tracer.scope_manager().activate(self, false)
    }

    // ===== ending =====

    /// Finishes the span now. A second time does nothing.
    pub fn finish(&self) {
        if let Some(span) = &self.backend {
            span.finish(None);
        }
    }

    /// Finishes the span at a time. A second time does nothing.
    pub fn finish_at(&self, end: SystemTime) {
        if let Some(span) = &self.backend {
            span.finish(Some(end));
        }
    }

    /// A guard that finishes the span when it is dropped.
    pub fn finish_on_drop(self) -> FinishGuard {
        FinishGuard::new(self)
    }
}
