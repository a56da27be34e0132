//! The diagnostics of one tracer.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracehound_fork::PerProcess;

use super::counters::Counters;
use super::filtered::Filtered;
use super::level::LogLevel;
use super::lines::{self, Line};
use super::loss::{LossReason, Losses};
use super::output::{Log, LogFn, is_logging};
use super::statistics::Statistics;
use super::topics::Topics;
use super::withheld::{StatsCounters, Withheld, WithheldCounters};
use crate::catch::Caught;
use crate::sync::{lock, lock_soon};
use crate::text::Text;

/// The log lines of one tracer, and the spans that it lost.
///
/// It never uses `log` or `tracing`, because the application may trace those, and so trace the tracer. It never writes
/// on the calling thread, which is the application's.
pub(crate) struct Diag {
    history: PerProcess<History>,
    /// The start of the clock by which lines are throttled.
    start: Instant,
    debug: AtomicBool,
    log: Option<Arc<Log>>,
    /// A [`ShutdownCause`]; 0 where the program called `shutdown`.
    shutdown_cause: AtomicU8,
}

/// What shut a tracer down, where that was not a call of `shutdown`. The number is an index into [`BY`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum ShutdownCause {
    /// The guard was dropped, perhaps by mistake.
    GuardDropped = 1,
    ProcessExit = 2,
}

/// The words for each [`ShutdownCause`]; none where the program called `shutdown`.
const BY: [&str; 3] = [
    "",
    " by its guard: keep that until the end of `main`, as in `let _guard = tracehound::init();` \
     (`let _ =` drops it at once)",
    " by the end of the process",
];

/// What was lost and logged so far. A forked child starts with an empty one: its parent's losses are not its own.
#[derive(Default)]
struct History {
    lost: Counters,
    withheld: WithheldCounters,
    stats: StatsCounters,
    /// What trace filters have dropped, which is not lost.
    filtered: Mutex<Filtered>,
    caught: Caught,
    topics: Mutex<Topics>,
}

impl Diag {
    /// Lines go to `log`, or to the standard error stream when there is none.
    pub(crate) fn new(debug: bool, log: Option<LogFn>) -> Self {
        Diag {
            history: PerProcess::of(History::default()),
            start: Instant::now(),
            debug: debug.into(),
            log: log.map(|function| Arc::new(Log::new(function))),
            shutdown_cause: AtomicU8::new(0),
        }
    }

    fn history(&self) -> &History {
        self.history.get_or_make(History::default)
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    // ===== losses =====

    /// Counts lost spans, and logs it, at most once a minute for each reason.
    pub(crate) fn lose(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        if spans == 0 {
            return;
        }
        self.count_lost(reason, spans);
        self.say_lost(reason, detail);
    }

    /// Counts lost spans and logs nothing, for a caller that holds a lock. Call [`Diag::say_lost`] after releasing it.
    pub(crate) fn count_lost(&self, reason: LossReason, spans: u64) {
        self.history().lost.add(reason, spans);
    }

    /// Logs that spans were lost that have been counted before, at most once a minute for each reason.
    pub(crate) fn say_lost(&self, reason: LossReason, detail: impl FnOnce() -> String) {
        if let Some(spans) = self.history().lost.take_unreported(reason, self.now()) {
            let line = format!(
                "lost {spans} spans ({reason}): {}; said once a minute at the most, counted always",
                detail()
            );
            self.line(LogLevel::Warn, line);
        }
    }

    /// Logs what was lost in all, if lines have reported less. For the end of the process, when no more lines follow.
    pub(crate) fn report_total(&self) {
        if self.history().lost.take_any_unreported() {
            self.line(LogLevel::Warn, format!("in all {}", self.losses()));
        }
    }

    pub(crate) fn losses(&self) -> Losses {
        self.history().lost.read()
    }

    /// Counts spans that were not sent on purpose.
    pub(crate) fn count_withheld(&self, reason: Withheld, spans: u64) {
        self.history().withheld.add(reason, spans);
    }

    /// How many spans were not sent for this reason.
    pub(crate) fn withheld(&self, reason: Withheld) -> u64 {
        self.history().withheld.read(reason)
    }

    /// What became of statistics.
    pub(crate) fn stats(&self) -> &StatsCounters {
        &self.history().stats
    }

    // ===== what filters have dropped =====

    /// Counts the spans of a chunk that a trace filter has dropped.
    pub(crate) fn count_filtered(&self, filter: &Text, spans: u64) {
        lock(&self.history().filtered).add(filter, spans);
    }

    pub(crate) fn filtered(&self) -> Filtered {
        lock(&self.history().filtered).clone()
    }

    /// What has become of spans other than by delivery.
    pub(crate) fn statistics(&self) -> Statistics {
        Statistics {
            losses: self.losses(),
            sampled_out: self.withheld(Withheld::NotSampled),
            filtered: self.withheld(Withheld::AgentFilters) + self.filtered().spans(),
            ..Statistics::default()
        }
    }

    // ===== the end =====

    /// Remembers why spans are refused from now on, for [`Diag::after_shutdown`].
    pub(crate) fn shut_down_by(&self, cause: ShutdownCause) {
        self.shutdown_cause.store(cause as u8, Ordering::Relaxed);
    }

    /// Why spans are refused that finish after the shutdown, and what to do about it.
    pub(crate) fn after_shutdown(&self) -> String {
        let cause = self.shutdown_cause.load(Ordering::Relaxed);
        let by = BY.get(usize::from(cause)).copied().unwrap_or_default();
        format!("they finished after the tracer had been shut down{by}")
    }

    // ===== panics of the program's functions =====

    /// The panics of functions called through [`user_code`](crate::user_code).
    pub(crate) fn caught(&self) -> &Caught {
        &self.history().caught
    }

    /// The number of all panics, those of the log function included.
    pub(crate) fn caught_panics(&self) -> u64 {
        let of_log = self.log.as_ref().map_or(0, |log| log.panics());
        self.caught().count() + of_log
    }

    // ===== lines =====

    pub(crate) fn warn(&self, line: &str) {
        self.line(LogLevel::Warn, line.to_owned());
    }

    /// A warning that is logged once for its `topic`, however often its cause recurs, until [`Diag::forget`].
    pub(crate) fn warn_once(&self, topic: &'static str, line: impl FnOnce() -> String) {
        // Without the lock the warning is left out: this thread holds it, or has interrupted itself while it did.
        let Some(mut topics) = lock_soon(&self.history().topics) else { return };
        let due = topics.report(topic, self.now());
        drop(topics);
        let Some(unsaid) = due else { return };
        let mut line = line();
        if unsaid > 0 {
            line += &format!(" ({unsaid} times more since the last such line)");
        }
        self.line(LogLevel::Warn, line);
    }

    /// The cause of the warning about `topic` is gone, so the next one is logged, but at most once a minute. Returns
    /// whether the warning was logged.
    pub(crate) fn forget(&self, topic: &'static str) -> bool {
        lock_soon(&self.history().topics).is_some_and(|mut topics| topics.clear(topic))
    }

    pub(crate) fn info(&self, line: &str) {
        self.line(LogLevel::Info, line.to_owned());
    }

    /// Whether debugging is on.
    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
    }

    pub(crate) fn set_debug(&self, on: bool) {
        self.debug.store(on, Ordering::Relaxed);
    }

    /// The line is built only where debugging is on.
    pub(crate) fn debug(&self, line: impl FnOnce() -> String) {
        if self.is_debug() {
            self.line(LogLevel::Debug, line());
        }
    }

    fn line(&self, level: LogLevel, text: String) {
        let log = self.log.clone().filter(|_| !is_logging());
        let is_wanted = match (&self.log, &log) {
            (_, Some(_)) => true,
            // Lines that the log function itself causes: only warnings, on the standard error stream.
            (Some(_), None) => level == LogLevel::Warn,
            (None, None) => level == LogLevel::Warn || self.is_debug(),
        };
        if is_wanted {
            lines::push(Line { log, level, text });
        }
    }
}

impl fmt::Debug for Diag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diag").field("lost", &self.losses()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn recording() -> (Diag, impl Fn() -> Vec<String>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log: LogFn = Box::new(move |_, line| lock(&sink).push(line.to_owned()));
        let said = move || {
            lines::drain_all(LIMIT);
            lock(&lines).clone()
        };
        (Diag::new(false, Some(log)), said)
    }

    #[test]
    fn each_reason_is_counted_always_and_said_once_a_minute() {
        let (diag, said) = recording();
        diag.lose(LossReason::QueueFull, 3, || "a".into());
        diag.lose(LossReason::QueueFull, 4, || "b".into());
        diag.lose(LossReason::TooLarge, 1, || "c".into());
        assert_eq!(diag.losses().spans(LossReason::QueueFull), 7);
        assert_eq!(diag.losses().total(), 8);
        assert_eq!(said().len(), 2);
        diag.report_total();
        diag.report_total();
        assert_eq!(said()[2..], ["in all 8 spans lost: 7 queue_full, 1 too_large"]);
    }

    #[test]
    fn a_cause_that_flaps_is_said_once() {
        let (diag, said) = recording();
        for _ in 0..10 {
            diag.warn_once("agent", || "down".into());
            diag.warn_once("agent", || "down".into());
            diag.forget("agent");
        }
        assert_eq!(said(), ["down"]);
    }

    #[test]
    fn lines_come_in_their_order_and_debug_ones_not_unasked() {
        let (diag, said) = recording();
        for number in 0..100 {
            diag.debug(|| panic!("debugging is off"));
            diag.info(&number.to_string());
        }
        assert_eq!(said(), (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_guard_that_was_dropped_is_named() {
        let (diag, _) = recording();
        assert!(!diag.after_shutdown().contains("guard"));
        diag.shut_down_by(ShutdownCause::GuardDropped);
        assert!(diag.after_shutdown().contains("let _guard = tracehound::init()"));
    }
}
