//! What the library says about itself: its own log lines, and the count of what it lost, by reason.
//!
//! All others report here, from any thread; while they hold a lock they only count (`Diag::count_lost`). [`Diag`]
//! (`diag.rs`) counts, decides whether a line is due (`throttle.rs`, `topics.rs`), and hands it to a thread of its own
//! (`lines.rs`), which writes it (`output.rs`). So nothing here may wait, call code of the program on the caller's
//! thread, or use `log` or `tracing`. A new reason for a loss is a row in `loss.rs`.

mod counters;
#[expect(clippy::module_inception, reason = "the folder's one idea, beside what it is made of")]
mod diag;
mod level;
mod lines;
mod loss;
mod output;
mod throttle;
mod topics;

pub(crate) use diag::{Diag, ShutdownCause};
pub use level::LogLevel;
#[cfg(any(test, feature = "testing"))]
pub(crate) use lines::drain_all as drain_all_lines;
pub(crate) use lines::{WAIT as LINES_WAIT, drain as drain_lines};
pub use loss::{LossReason, Losses};
pub(crate) use output::LogFn;
