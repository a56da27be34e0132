//! The lines that wait to be written, and the thread that writes them.
//!
//! Writing to a stream that nobody reads blocks, and a log function of the program may block too. Neither may block a
//! thread of the application, or the worker. So a thread of its own writes the lines. It is started for the first line,
//! and ends when none has come for a second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracehound_fork::PerProcess;
use tracehound_machine::spawn_background;

use super::level::LogLevel;
use super::output::{self, Log};
use crate::sync::{lock, lock_soon};
use crate::text::first_bytes;

/// How many lines may wait: more than all settings of a program can cause at once.
const MAX_LINES: usize = 256;
const MAX_BYTES: usize = 64 * 1024;
/// Longer lines are cut, so that one line cannot take the place of all others.
const MAX_LINE_BYTES: usize = 8 * 1024;
const THREAD_NAME: &str = "tracehound-lines";
/// How long the thread waits for another line before it ends.
const LINGER: Duration = Duration::from_secs(1);
/// How long a flush, a shutdown and the end of the process wait for lines to be written. So the lines of a short
/// program are printed, and a stream that nobody reads delays little.
pub(crate) const WAIT: Duration = Duration::from_millis(250);
/// How often a thread that waits for lines checks whether they are written. It cannot sleep on a condition variable:
/// `exit` may run in a signal handler that has interrupted this thread while it held the lock.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The lines of one process. A forked child has its own, and a thread of its own from its first line on.
static LINES: PerProcess<Lines> = PerProcess::new();

pub(super) struct Line {
    /// The log function of the program; `None` for the standard error stream.
    pub(super) log: Option<Arc<Log>>,
    pub(super) level: LogLevel,
    pub(super) text: String,
}

#[derive(Default)]
struct Lines {
    state: Mutex<State>,
    called: Condvar,
    /// How many lines were left out since the last one that was written.
    left_out: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Line>,
    /// The bytes of the lines that wait.
    bytes: usize,
    has_thread: bool,
    /// The thread is writing a line.
    is_writing: bool,
    /// Somebody has waited until the timeout, and nothing was written since.
    is_stalled: bool,
}

/// Hands a line to the thread that writes it; never waits. A line for which there is no room is left out, and counted.
pub(super) fn push(mut line: Line) {
    let lines = LINES.get_or_make(Lines::default);
    cut(&mut line.text);
    if !lines.put(line) {
        lines.left_out.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until the lines have been written, for at most this time.
///
/// Returns at once where nothing waits, where somebody has waited in vain before, and on the thread that writes.
pub(crate) fn drain(timeout: Duration) {
    wait(timeout, true);
}

/// As [`drain`], and waits also where somebody has waited in vain before; for tests.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn drain_all(timeout: Duration) {
    wait(timeout, false);
}

fn wait(timeout: Duration, gives_up: bool) {
    let Some(lines) = LINES.get() else { return };
    if output::is_logging() {
        return;
    }
    let deadline = Instant::now().checked_add(timeout);
    loop {
        let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if let Some(mut state) = lock_soon(&lines.state) {
            let is_hopeless = gives_up && state.is_stalled;
            if is_hopeless || (state.waiting.is_empty() && !state.is_writing) {
                return;
            }
            state.is_stalled = is_over;
        }
        if is_over {
            return;
        }
        thread::sleep(LOOK_EVERY);
    }
}

impl Lines {
    /// Adds a line, if there is room, and starts the thread if there is none. Returns whether there was room.
    fn put(&'static self, line: Line) -> bool {
        let Some(mut state) = lock_soon(&self.state) else { return false };
        let bytes = state.bytes + line.text.len();
        if state.waiting.len() >= MAX_LINES || bytes > MAX_BYTES {
            return false;
        }
        state.bytes = bytes;
        state.waiting.push_back(line);
        let has_thread = std::mem::replace(&mut state.has_thread, true);
        drop(state);
        self.called.notify_one();
        if !has_thread && spawn_background(THREAD_NAME, || self.write_all()).is_err() {
            // The next line tries again to start the thread.
            if let Some(mut state) = lock_soon(&self.state) {
                state.has_thread = false;
                state.is_stalled = true;
            }
        }
        true
    }

    fn write_all(&self) {
        while let Some(line) = self.next() {
            let left_out = self.left_out.swap(0, Ordering::Relaxed);
            if line.write(left_out).is_err() {
                self.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
            }
        }
    }

    /// The next line to write; `None` when none has come for [`LINGER`], and then the thread ends.
    fn next(&self) -> Option<Line> {
        let mut state = lock(&self.state);
        if std::mem::take(&mut state.is_writing) {
            state.is_stalled = false;
        }
        let mut is_over = false;
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.bytes -= line.text.len();
                state.is_writing = true;
                return Some(line);
            }
            if is_over {
                state.has_thread = false;
                return None;
            }
            let woken = self.called.wait_timeout(state, LINGER);
            let (guard, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            is_over = timeout.timed_out();
        }
    }
}

impl Line {
    fn write(mut self, left_out: u64) -> std::io::Result<()> {
        if left_out > 0 {
            self.text = format!("{} ({left_out} lines left out before it)", self.text);
        }
        match &self.log {
            Some(log) => log.call(self.level, &self.text),
            None => output::write(&self.text),
        }
    }
}

fn cut(text: &mut String) {
    if text.len() > MAX_LINE_BYTES {
        text.truncate(first_bytes(text, MAX_LINE_BYTES).len());
        text.push_str("...");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let mut text = "é".repeat(MAX_LINE_BYTES);
        cut(&mut text);
        assert_eq!(text, format!("{}...", "é".repeat(MAX_LINE_BYTES / 2)));
        let mut odd = format!("a{}", "é".repeat(MAX_LINE_BYTES));
        cut(&mut odd);
        assert_eq!(odd.len(), MAX_LINE_BYTES - 1 + 3);
        let mut short = "short".to_owned();
        cut(&mut short);
        assert_eq!(short, "short");
    }
}
