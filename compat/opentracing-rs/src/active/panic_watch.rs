//! Whether a guard is dropped by a panic.

use std::thread;

use crate::handle::Span;

/// Tells whether a panic began since this was made. A span that is traced in a `drop` that a panic runs
/// did not fail.
#[derive(Debug)]
pub(super) struct PanicWatch {
    before: bool,
}

impl PanicWatch {
    pub(super) fn new() -> Self {
        PanicWatch { before: thread::panicking() }
    }

    /// Marks the span as an error if a panic began.
    pub(super) fn mark(&self, span: &Span) {
        if thread::panicking() && !self.before {
            span.log_panic();
        }
    }
}
