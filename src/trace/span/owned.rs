//! The handles that finish their span.

use super::failure::mark_panic;
use crate::trace::active::{ActiveContext, ActiveScope};
use crate::trace::store::{Location, SpanRef};

/// A span, finished when this is dropped.
///
/// `Send`, so that it can end elsewhere than it began. Everything to be done with it is on [`SpanRef`], to
/// which it dereferences. A span that is dropped by a panic is marked as an error, with what the panic said and where
/// ([`TracerBuilder::panic_hook`](crate::TracerBuilder::panic_hook)).
#[must_use = "a span that is dropped at once measures nothing"]
#[derive(Debug, Default)]
pub struct Span {
    handle: SpanRef,
}

impl Span {
    pub(crate) const fn of(at: Option<Location>) -> Self {
        Span { handle: SpanRef { at } }
    }

    /// No span: all of its methods do nothing.
    pub const fn none() -> Self {
        Span::of(None)
    }

    /// Another handle of this span, which does not finish it.
    #[must_use]
    pub fn handle(&self) -> SpanRef {
        self.handle.clone()
    }

    /// Gives up finishing the span by dropping; [`SpanRef::finish`] must be called, or it is never sent.
    #[must_use = "nothing else finishes the span"]
    pub fn detach(mut self) -> SpanRef {
        std::mem::take(&mut self.handle)
    }

    /// Makes the span active on this thread; it is finished and no longer active when the result is dropped.
    pub fn enter(self) -> ActiveSpan {
        let scope = self.handle.activate();
        ActiveSpan { span: self, _scope: scope }
    }
}

impl std::ops::Deref for Span {
    type Target = SpanRef;

    fn deref(&self) -> &SpanRef {
        &self.handle
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(at) = &self.handle.at else { return };
        if std::thread::panicking() {
            mark_panic(at);
        }
        at.finish(None);
    }
}

/// A span that is active on this thread, finished when this is dropped.
///
/// Made by [`Tracer::trace`](crate::Tracer::trace).
///
/// # Not across an `.await`
///
/// It belongs to its thread, and a future that may move between threads cannot hold it across an `.await`. One that
/// stays on its thread (`spawn_local`, `LocalSet`, a runtime of one thread) can, and must not: what is active is the
/// thread's, so that while this future waits the others that run there start their spans below this one, in a trace
/// that is not theirs. Give the future its span with [`FutureExt::in_span`](crate::FutureExt::in_span), which makes
/// it active for as long as that future itself runs:
///
/// ```
/// use tracehound::FutureExt;
///
/// # let tracer = tracehound::Tracer::builder().build();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let span = tracer.span("cart.price").start();
/// async { /* .await what you like */ }.in_span(span).await;
/// # });
/// ```
///
/// In debug builds the library says once that this has happened, where it shows: when such a span ends while one is
/// active that began later, and when a future inside a span waits with another span left active. A pair of tasks
/// that happen to end in the right order stays unnoticed.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<tracehound::ActiveSpan>();
/// ```
#[must_use = "a span that is dropped at once measures nothing; `let _ =` drops it too"]
#[derive(Debug)]
pub struct ActiveSpan {
    /// Declared first, so finished first: the scope's end must find the span complete.
    span: Span,
    _scope: ActiveScope,
}

/// What debug builds say where a span was held active across an `.await`, or ended out of order.
#[cold]
pub(super) fn warn_of_await(at: &Location) {
    at.segment.shared.diag.warn_once("active across an await", || {
        "a span was left active while something else ran on its thread: where a future holds an `ActiveSpan` (of \
         `trace` or `enter`) or an `ActiveScope` across an `.await`, other tasks of the thread start their spans below it; \
         use `.in_span(span)` on the future in its place (said once, in debug builds)"
            .to_owned()
    });
}

#[cfg(debug_assertions)]
impl Drop for ActiveSpan {
    fn drop(&mut self) {
        if let Some(at) = self.span.at.as_ref().filter(|_| !self._scope.is_active()) {
            warn_of_await(at);
        }
    }
}

impl ActiveSpan {
    /// Another handle of this span, which does not finish it.
    #[must_use]
    pub fn handle(&self) -> SpanRef {
        self.span.handle()
    }
}

impl std::ops::Deref for ActiveSpan {
    type Target = SpanRef;

    fn deref(&self) -> &SpanRef {
        &self.span
    }
}

impl From<&Span> for ActiveContext {
    fn from(span: &Span) -> Self {
        span.handle().into()
    }
}

impl From<&ActiveSpan> for ActiveContext {
    fn from(span: &ActiveSpan) -> Self {
        span.handle().into()
    }
}
