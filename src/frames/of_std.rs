//! Frames of the standard library.
//!
//! It takes stacks and looks up their symbols under one lock: while a stack is written, other threads wait to take
//! theirs.

use std::backtrace::Backtrace;
use std::fmt;
use std::sync::Arc;

/// The frames of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Frames(Arc<Backtrace>);

impl Frames {
    /// The frames of this call. Std has no limit, so all are taken.
    pub(crate) fn take(_limit: usize) -> Self {
        Frames(Arc::new(Backtrace::force_capture()))
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
