//! What the library says about itself: its own log lines, and the count of what it lost, by reason.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
#[cfg(unix)]
use std::fs::File;
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::fd::AsFd as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use tracehound_fork::PerProcess;
#[cfg(unix)]
use tracehound_fork::epoch;

use crate::catch::{Caught, catch};
use crate::sync::lock;

/// How urgent one of the library's own log lines is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Something is wrong and will stay so until somebody acts: a setting that does not parse, lost spans.
    Warn,
    /// What the tracer does, said rarely: where it sends, that the agent is back.
    Info,
    /// Misuse of the interface and steps of the pipeline; only with `DD_TRACE_DEBUG=true`.
    Debug,
}

/// Why spans were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum LossReason {
    /// Finished faster than they could be sent: the hand-off queue was full.
    QueueFull,
    /// A chunk that alone exceeds the payload limit.
    TooLarge,
    /// The agent could not be reached for so long that the buffer for retries was full or out of date.
    AgentUnreachable,
    /// The agent answered with a status that says not to try again, or went on refusing.
    AgentRejected,
    /// Finished after the tracer had been shut down.
    Shutdown,
    /// Not written when the time given to `shutdown` was over.
    ShutdownTimeout,
    /// A trace with more spans than are recorded for one trace.
    TraceTooLong,
    /// The worker could not be started, or failed and could not be started again.
    WorkerFailed,
    /// A span that no agent takes: without a trace id or an id of its own.
    Invalid,
}

impl LossReason {
    /// Every reason, in the order of [`Losses`].
    pub const ALL: [LossReason; 9] = [
        LossReason::QueueFull,
        LossReason::TooLarge,
        LossReason::AgentUnreachable,
        LossReason::AgentRejected,
        LossReason::Shutdown,
        LossReason::ShutdownTimeout,
        LossReason::TraceTooLong,
        LossReason::WorkerFailed,
        LossReason::Invalid,
    ];

    /// The reason as one word, as health metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            LossReason::QueueFull => "queue_full",
            LossReason::TooLarge => "too_large",
            LossReason::AgentUnreachable => "agent_unreachable",
            LossReason::AgentRejected => "agent_rejected",
            LossReason::Shutdown => "shutdown",
            LossReason::ShutdownTimeout => "shutdown_timeout",
            LossReason::TraceTooLong => "trace_too_long",
            LossReason::WorkerFailed => "worker_failed",
            LossReason::Invalid => "invalid",
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Spans lost so far, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    spans: [u64; LossReason::ALL.len()],
}

impl Losses {
    /// Spans lost for one reason.
    #[must_use]
    pub fn spans(&self, reason: LossReason) -> u64 {
        self.spans.get(reason as usize).copied().unwrap_or_default()
    }

    /// Spans lost for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.spans.iter().fold(0, |sum, spans| sum.saturating_add(*spans))
    }
}

type Output = Box<dyn Fn(Level, &str) + Send + Sync>;

/// The diagnostics of one tracer.
///
/// Never writes to `log` or `tracing`: the application may trace those, and so trace the tracer.
pub(crate) struct Diag {
    history: PerProcess<History>,
    debug: bool,
    output: Option<Output>,
}

/// What was lost and said so far. A forked child begins anew: its parent's losses are its parent's.
#[derive(Default)]
struct History {
    lost: [AtomicU64; LossReason::ALL.len()],
    /// One bit for each reason whose first loss has been said.
    said: AtomicU16,
    once: Mutex<HashSet<&'static str>>,
    caught: Caught,
}

impl Diag {
    /// Lines go to `output`, or to the standard error stream when there is none.
    pub(crate) fn new(debug: bool, output: Option<Output>) -> Self {
        Diag { history: PerProcess::of(History::default()), debug, output }
    }

    fn history(&self) -> &History {
        self.history.get_or_make(History::default)
    }

    /// Counts lost spans, and says so the first time for each reason.
    pub(crate) fn lose(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        let history = self.history();
        if let Some(counter) = history.lost.get(reason as usize) {
            counter.fetch_add(spans, Ordering::Relaxed);
        }
        let bit = 1 << (reason as u8);
        if history.said.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.line(
                Level::Warn,
                &format!("lost {spans} spans ({reason}): {}; said once, counted on", detail()),
            );
        }
    }

    pub(crate) fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        for (spans, counter) in losses.spans.iter_mut().zip(&self.history().lost) {
            *spans = counter.load(Ordering::Relaxed);
        }
        losses
    }

    /// Panics of the program's functions.
    pub(crate) fn caught(&self) -> &Caught {
        &self.history().caught
    }

    pub(crate) fn warn(&self, line: &str) {
        self.line(Level::Warn, line);
    }

    /// A warning that is given once for its `topic`, however often its cause recurs.
    pub(crate) fn warn_once(&self, topic: &'static str, line: impl FnOnce() -> String) {
        let first = lock(&self.history().once).insert(topic);
        if first {
            self.line(Level::Warn, &line());
        }
    }

    /// Lets the next warning about `topic` through: its cause was gone in between.
    pub(crate) fn forget(&self, topic: &'static str) -> bool {
        lock(&self.history().once).remove(topic)
    }

    pub(crate) fn info(&self, line: &str) {
        self.line(Level::Info, line);
    }

    /// The line is built only where debugging is on.
    pub(crate) fn debug(&self, line: impl FnOnce() -> String) {
        if self.debug {
            self.line(Level::Debug, &line());
        }
    }

    fn line(&self, level: Level, line: &str) {
        let Some(output) = &self.output else {
            return write_line(level == Level::Warn || self.debug, line);
        };
        if IS_TALKING.try_with(|talking| talking.replace(true)).unwrap_or(false) {
            return write_line(level == Level::Warn, line);
        }
        // A panic of the user's function must not become a panic of the caller that traces.
        if catch(|| output(level, line)).is_none() {
            self.caught().add(1);
            write_line(level == Level::Warn, line);
        }
        let _ = IS_TALKING.try_with(|talking| talking.set(false));
    }
}

thread_local! {
    /// Whether a log function of the program runs on this thread. It is not called for what it causes
    /// itself: one that traces would have no end, and one that holds a lock would wait for itself.
    static IS_TALKING: Cell<bool> = const { Cell::new(false) };
}

fn write_line(is_wanted: bool, line: &str) {
    if is_wanted {
        // Not `eprintln!`, which panics when the stream is closed. Whole, so that the lines of several
        // processes do not mix.
        let _ = write_stderr(format!("tracehound: {line}\n").as_bytes());
    }
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

impl fmt::Debug for Diag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diag").field("lost", &self.losses()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn recording() -> (Diag, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let output: Output = Box::new(move |_, line| lock(&sink).push(line.to_owned()));
        (Diag::new(false, Some(output)), lines)
    }

    #[test]
    fn each_reason_is_counted_always_and_said_once() {
        let (diag, lines) = recording();
        diag.lose(LossReason::QueueFull, 3, || "a".into());
        diag.lose(LossReason::QueueFull, 4, || "b".into());
        diag.lose(LossReason::TooLarge, 1, || "c".into());
        assert_eq!(diag.losses().spans(LossReason::QueueFull), 7);
        assert_eq!(diag.losses().total(), 8);
        assert_eq!(lock(&lines).len(), 2);
    }

    #[test]
    fn a_topic_is_said_again_after_it_was_forgotten() {
        let (diag, lines) = recording();
        diag.warn_once("agent", || "down".into());
        diag.warn_once("agent", || "down".into());
        assert!(diag.forget("agent"));
        diag.warn_once("agent", || "down again".into());
        assert_eq!(*lock(&lines), ["down", "down again"]);
    }

    #[test]
    fn every_reason_has_its_own_place() {
        for (place, reason) in LossReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
