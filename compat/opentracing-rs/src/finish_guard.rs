//! A span that is finished when it is left.

use std::ops::Deref;
use std::thread;

use crate::span::Span;

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

impl FinishGuard {
    pub(crate) fn new(span: Span) -> Self {
        FinishGuard { span, panic: PanicWatch::new() }
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

/// Tells whether a panic began since this was made. A span that is traced in a `drop` that a panic runs
/// did not fail.
#[derive(Debug)]
pub(crate) struct PanicWatch {
    before: bool,
}

impl PanicWatch {
    pub(crate) fn new() -> Self {
        PanicWatch { before: thread::panicking() }
    }

    /// Marks the span as an error if a panic began.
    pub(crate) fn mark(&self, span: &Span) {
        if thread::panicking() && !self.before {
            span.log_panic();
        }
    }
}
