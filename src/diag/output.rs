//! Where a line goes: to the program's log function, or to the standard error stream.

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

/// The same, and how often it has panicked.
pub(super) struct Log {
    function: LogFn,
    panics: AtomicU64,
}

thread_local! {
    /// Whether a log function of the program runs on this thread. It is not called for what it causes
    /// itself: one that traces would have no end.
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

    /// Calls the program's function, which may do anything: wait, trace, panic. Then a warning goes to the standard
    /// error stream.
    ///
    /// What it traces does not exist: where debugging is on, a trace makes lines, and so would have no end.
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
