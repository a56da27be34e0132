//! A guard that finishes its span.

use std::ops::Deref;

use super::panic_watch::PanicWatch;
use crate::context::SpanContext;
use crate::handle::Span;

/// A span that is finished when this is dropped; made by [`Span::finish_on_drop`].
///
/// It is not active, and may be dropped on another thread than it was made on. Dropped by a panic it first
/// marks the span: the tag `error`, and a log with `event`, `message` and `error.kind`.
///
/// ```
/// use opentracing_rs::Tracer;
///
/// let span = Tracer::noop().start_span("job").finish_on_drop();
/// std::thread::spawn(move || {
///     span.set_tag("items", 3);
/// }); // finished at the end of the thread
/// ```
#[must_use = "the span is finished when the guard is dropped; `let _ =` drops it at once"]
#[derive(Debug)]
pub struct FinishGuard {
    span: Span,
    panic: PanicWatch,
}

impl Span {
    /// A guard that finishes the span when it is dropped.
    pub fn finish_on_drop(self) -> FinishGuard {
        FinishGuard { span: self, panic: PanicWatch::new() }
    }
}

impl Deref for FinishGuard {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

impl Drop for FinishGuard {
    fn drop(&mut self) {
        self.panic.mark(&self.span);
        self.span.finish();
    }
}

/// The context of its span.
impl From<&FinishGuard> for SpanContext {
    fn from(guard: &FinishGuard) -> Self {
        guard.context()
    }
}
