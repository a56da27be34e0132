//! The handles that finish their span.

use super::at::At;
use super::failure::Failure;
use super::provider::Scope;
use super::span::SpanRef;

/// A span, finished when this is dropped.
///
/// `Send`, so that it can end elsewhere than it began. Everything to be done with it is on [`SpanRef`], to
/// which it dereferences. A span that is dropped by a panic is marked as an error.
#[must_use = "a span that is dropped at once measures nothing"]
#[derive(Debug, Default)]
pub struct Span {
    handle: SpanRef,
}

impl Span {
    pub(crate) const fn of(at: Option<At>) -> Self {
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
            let failure = Failure {
                message: "the span was dropped by a panic".into(),
                kind: Some("panic".into()),
                stack: None,
            };
            at.edit(|record, tags| {
                if !record.error {
                    failure.apply(record, tags);
                }
            });
        }
        at.finish(None);
    }
}

/// A span that is active on this thread, finished when this is dropped.
///
/// Made by [`Tracer::trace`](crate::Tracer::trace). It belongs to its thread: it cannot be held across an
/// `.await` in a future that moves between threads; [`FutureExt::in_span`](crate::FutureExt::in_span) can.
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
    _scope: Scope,
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
