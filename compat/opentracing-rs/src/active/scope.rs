//! Scopes: a span is active while one lasts.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::panic_watch::PanicWatch;
use crate::context::SpanContext;
use crate::handle::{ScopeBackend, Span};

/// One activation of a span: the span is active on this thread until the scope is closed or dropped.
///
/// Made by [`Tracer::start_active_span`](crate::Tracer::start_active_span), which also finishes the span at
/// the end, and by [`Span::activate`] and [`ScopeManager::activate`](crate::ScopeManager::activate).
///
/// Scopes nest: closing one makes active again what was active before. A scope that is closed while
/// another is active does nothing, so that a mistake in the order cannot end work that is going on: the
/// span is **not finished** and the other stays active. The scope is over all the same, and never becomes
/// active again.
///
/// A scope that finishes its span and is dropped by a panic marks it first: the tag `error`, and a log with
/// `event`, `message` and `error.kind`.
///
/// It belongs to its thread, and cannot be held across an `.await` in a future that moves between threads.
/// In one that does not move it could be, and would be active for the other tasks of the thread as well.
/// Use [`FutureExt::in_span`](crate::FutureExt::in_span) in both.
///
/// ```compile_fail,E0277
/// let scope = opentracing_rs::Tracer::noop().start_active_span("here");
/// std::thread::spawn(move || scope.close()); // not here
/// ```
#[must_use = "the span is active only until the scope is dropped; `let _ =` drops it at once"]
pub struct Scope {
    span: Span,
    /// `None` where nothing keeps what is active: for the no-op span, and the no-op tracer.
    backend: Option<Box<dyn ScopeBackend>>,
    finish_on_close: bool,
    panic: PanicWatch,
    /// Not `Send`: what is active is the thread's.
    _thread: PhantomData<*const ()>,
}

impl Scope {
    pub(crate) fn new(
        span: Span,
        backend: Option<Box<dyn ScopeBackend>>,
        finish_on_close: bool,
    ) -> Self {
        let panic = PanicWatch::new();
        Scope { span, backend, finish_on_close, panic, _thread: PhantomData }
    }

    /// The span.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Whether this is the activation that is in effect.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.backend.as_ref().is_some_and(|backend| backend.is_active())
    }

    /// Ends the activation, as dropping does.
    pub fn close(self) {
        drop(self);
    }
}

impl Deref for Scope {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // Finished before the activation ends: what comes next must find the span complete.
        let is_in_order = self.backend.as_ref().is_none_or(|backend| backend.is_active());
        if self.finish_on_close && is_in_order {
            self.panic.mark(&self.span);
            self.span.finish();
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("span", &self.span)
            .field("finish_on_close", &self.finish_on_close)
            .finish_non_exhaustive()
    }
}

/// The context of its span.
impl From<&Scope> for SpanContext {
    fn from(scope: &Scope) -> Self {
        scope.span().context()
    }
}
