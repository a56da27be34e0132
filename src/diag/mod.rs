//! Diagnostics: the library's own log lines, and the number of lost spans by reason.
//!
//! Every other module reports here, from any thread. [`Diag`] (`diag.rs`) counts losses (`counters.rs`), decides
//! whether a line is due (`throttle.rs`, `topics.rs`), and hands it to a thread that only writes lines (`lines.rs`,
//! `output.rs`). So nothing here may wait, call code of the program on the caller's thread, or use `log` or `tracing`.
//!
//! Whoever holds a lock only counts (`Diag::count_lost`), and reports after releasing it (`Diag::say_lost`). To add a
//! reason for a loss, read the top of `loss.rs`.

mod counters;
#[expect(clippy::module_inception, reason = "the folder's one idea, beside what it is made of")]
mod diag;
mod filtered;
mod level;
mod lines;
mod loss;
mod output;
mod statistics;
mod throttle;
mod topics;
mod withheld;

pub(crate) use diag::{Diag, ShutdownCause};
pub use filtered::{DroppedByFilter, Filtered};
pub use level::LogLevel;
#[cfg(any(test, feature = "testing"))]
pub(crate) use lines::drain_all as drain_all_lines;
pub(crate) use lines::{WAIT as LINES_WAIT, drain as drain_lines};
pub use loss::{LossReason, Losses};
pub(crate) use output::LogFn;
pub use statistics::{Answers, Statistics};
pub(crate) use withheld::{StatsCounters, Withheld};
