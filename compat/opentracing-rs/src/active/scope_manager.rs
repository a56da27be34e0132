//! Making spans active, and asking which one is.

use super::scope::Scope;
use crate::handle::{Span, Tracer};

/// Makes spans active, and knows which one is; by [`Tracer::scope_manager`].
///
/// The active span is the parent of those that are started without another one, so that a function need not
/// be given its caller's span. What "here" means is up to the tracer; for most it is the thread. In async
/// code, where one thread runs many tasks, [`FutureExt`](crate::FutureExt) makes a span active whenever its
/// task runs, and only then.
///
/// ```
/// # let tracer = opentracing_rs::Tracer::noop();
/// let span = tracer.start_span("request");
/// let scope = tracer.scope_manager().activate(&span, true);
/// // Spans started here are children of `request`.
/// scope.close(); // finishes `request`
/// assert!(tracer.scope_manager().active_span().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScopeManager<'a> {
    tracer: &'a Tracer,
}

impl ScopeManager<'_> {
    /// Makes a span active here, until the scope is closed; then it is finished if `finish_on_close`.
    ///
    /// One span may be active in several places at once.
    pub fn activate(&self, span: &Span, finish_on_close: bool) -> Scope {
        let held = self.tracer.backend().filter(|_| !span.is_noop());
        let held = held.map(|backend| backend.scope_manager().activate(span));
        Scope::new(span.clone(), held, finish_on_close)
    }

    /// The span that is active here; `None` where none is.
    #[must_use]
    pub fn active_span(&self) -> Option<Span> {
        self.tracer.backend()?.scope_manager().active_span(self.tracer)
    }
}

impl Tracer {
    /// Makes spans active, and knows which one is.
    #[must_use]
    pub fn scope_manager(&self) -> ScopeManager<'_> {
        ScopeManager { tracer: self }
    }

    /// The span that is active on this thread; `None` where none is.
    #[must_use]
    pub fn active_span(&self) -> Option<Span> {
        self.scope_manager().active_span()
    }
}

impl Span {
    /// Makes the span active on this thread, until the scope is closed; that does not finish it.
    ///
    /// Short for [`ScopeManager::activate`](crate::ScopeManager::activate) of the span's own tracer.
    pub fn activate(&self) -> Scope {
        self.tracer().scope_manager().activate(self, false)
    }
}
