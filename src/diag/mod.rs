//! What the library says about itself: its own log lines, and the count of what it lost, by reason.

mod counters;
#[expect(clippy::module_inception, reason = "the folder's one idea, beside what it is made of")]
mod diag;
mod level;
mod lines;
mod loss;
mod output;
mod pause;
mod topics;

pub(crate) use diag::{Diag, Ending};
pub use level::Level;
#[cfg(any(test, feature = "testing"))]
pub(crate) use lines::drain_all as drain_all_lines;
pub(crate) use lines::{WAIT as LINES_WAIT, drain as drain_lines};
pub use loss::{LossReason, Losses};
pub(crate) use output::LogFn;
