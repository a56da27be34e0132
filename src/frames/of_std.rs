//! Frames as the standard library takes and writes them.
//!
//! It does both under one lock: while the symbols of a stack are looked up here, other threads wait to take theirs.

use std::backtrace::Backtrace;
use std::fmt;
use std::sync::Arc;

/// The frames of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Frames(Arc<Backtrace>);

impl Frames {
    /// Those of this call; std takes all there are.
    pub(crate) fn take(_limit: usize) -> Self {
        Frames(Arc::new(Backtrace::force_capture()))
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
