//! Writes a line: to the program's log function, or to the standard error stream.

use std::cell::Cell;
#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(unix)]
use tracehound_fork::epoch;

use super::level::LogLevel;
use crate::catch::catch;
use crate::suppression::suppress;

/// A log function of the program.
pub(crate) type LogFn = Box<dyn Fn(LogLevel, &str) + Send + Sync>;

/// A log function of the program, and how often it has panicked.
pub(super) struct Log {
    function: LogFn,
    panics: AtomicU64,
}

thread_local! {
    /// Whether a log function of the program runs on this thread. It is not called for lines that it causes itself: a
    /// log function that traces would be called for ever.
    static IS_LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a log function of the program.
pub(super) fn is_logging() -> bool {
    IS_LOGGING.try_with(Cell::get).unwrap_or(false)
}

impl Log {
    pub(super) fn new(function: LogFn) -> Self {
        Log { function, panics: AtomicU64::new(0) }
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Calls the program's function, which may do anything: block, trace, panic. If it panics, a warning is written to
    /// the standard error stream instead.
    ///
    /// Tracing is suppressed meanwhile: where debugging is on, its traces would cause lines, and those more traces.
    pub(super) fn call(&self, level: LogLevel, line: &str) -> io::Result<()> {
        let _off = suppress();
        let _ = IS_LOGGING.try_with(|logging| logging.set(true));
        let called = catch(|| (self.function)(level, line));
        let _ = IS_LOGGING.try_with(|logging| logging.set(false));
        if called.is_some() {
            return Ok(());
        }
        self.panics.fetch_add(1, Ordering::Relaxed);
        if level == LogLevel::Warn { write(line) } else { Ok(()) }
    }
}

/// Writes a line to the standard error stream; blocks where nobody reads that.
///
/// Not with `eprintln!`, which panics when the stream is closed. In one piece, so that the lines of several processes
/// do not mix.
pub(super) fn write(line: &str) -> io::Result<()> {
    write_stderr(format!("tracehound: {line}\n").as_bytes())
}

/// Without the lock of `std::io::stderr`: in a forked child, a thread that exists only in the parent may hold it.
#[cfg(unix)]
fn write_stderr(line: &[u8]) -> io::Result<()> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(stream) => File::from(stream).write_all(line),
        // No descriptor is left, so the lock is taken after all; but not in a forked child, which might wait for ever.
        Err(_) if epoch() == 0 => io::stderr().write_all(line),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn write_stderr(line: &[u8]) -> io::Result<()> {
    io::stderr().write_all(line)
}
