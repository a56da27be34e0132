//! State that belongs to one process.
//!
//! `fork` copies the memory of a process and one of its threads. A lock that another thread held at that
//! moment stays locked in the child for ever, what it guards may be half changed, and a value that another
//! thread was just making is never ready. The way out that this crate offers is not to repair what was
//! inherited but to leave it alone:
//!
//! - [`epoch`] tells processes apart: remember it beside what you lock, and compare before you lock.
//! - [`PerProcess`] holds a value that each process makes for itself.
//! - [`WriteOnce`] holds a value that all processes may share, because nobody ever waits for it.
//! - [`Watch`] counts the forks, and runs something before each of them.
//!
//! A part of Tracehound, which forbids `unsafe` everywhere else. Anybody may use it; it follows Tracehound's
//! needs and versions. On systems other than Unix nothing ever changes its process, and all of this is free.
//!
//! # What is not seen
//!
//! Processes that come to be without the handlers of `pthread_atfork`: by `vfork`, `_Fork`, or the system
//! call `clone` itself. All that such a child may do is to execute another program.

mod epoch;
mod per_process;
mod slot;
mod watch;
mod write_once;

pub use epoch::epoch;
pub use per_process::PerProcess;
pub use watch::{BeforeFork, Watch};
pub use write_once::WriteOnce;
