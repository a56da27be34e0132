//! What a reader is told, one thing at a time.

use crate::model::{Finding, Trace};

/// Something to show.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Report {
    /// A trace has been quiet for a while: it is probably complete.
    Trace {
        /// All of it that is kept.
        trace: Trace,
        /// Whether an earlier report had a part of it.
        again: bool,
    },
    /// Something received is wrong.
    Finding(Finding),
}
