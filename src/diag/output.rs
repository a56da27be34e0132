//! Where a line goes: to the program's log function, or to the standard error stream.

use std::cell::Cell;
#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(unix)]
use tracehound_fork::epoch;

use super::level::Level;
use crate::suppression::suppress;

/// A log function of the program.
pub(crate) type LogFn = Box<dyn Fn(Level, &str) + Send + Sync>;

thread_local! {
    /// Whether a log function of the program runs on this thread. It is not called for what it causes
    /// itself: one that traces would have no end.
    static IS_TALKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a log function of the program.
pub(super) fn is_talking() -> bool {
    IS_TALKING.try_with(Cell::get).unwrap_or(false)
}

/// Calls the program's function, which may do anything: wait, trace, panic.
///
/// What it traces does not exist: where debugging is on, a trace makes lines, and so would have no end.
pub(super) fn call(log: &LogFn, level: Level, line: &str) {
    let _off = suppress();
    let _ = IS_TALKING.try_with(|talking| talking.set(true));
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| log(level, line))) {
        // What was thrown may panic when it is dropped.
        std::mem::forget(payload);
    }
    let _ = IS_TALKING.try_with(|talking| talking.set(false));
}

/// Writes a line to the standard error stream, and waits where nobody reads that.
///
/// Not `eprintln!`, which panics when the stream is closed. Whole, so that the lines of several processes do not
/// mix.
pub(super) fn write(line: &str) -> io::Result<()> {
    write_stderr(format!("tracehound: {line}\n").as_bytes())
}

/// Past the lock of `std::io::stderr`, which a thread of the parent may hold for ever in a forked child.
#[cfg(unix)]
fn write_stderr(line: &[u8]) -> io::Result<()> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(stream) => File::from(stream).write_all(line),
        // No descriptor is left. In a child the line is given up.
        Err(_) if epoch() == 0 => io::stderr().write_all(line),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn write_stderr(line: &[u8]) -> io::Result<()> {
    io::stderr().write_all(line)
}
