//! The loop of the worker: when it wakes up, and what it does then.

use std::cell::Cell;
use std::time::Duration;

use super::inner::Inner;
use crate::clock;

/// The topic of the warning that the worker has failed.
pub(super) const WORKER_FAILED: &str = "worker-failed";

/// The work of a turn. The loom models have an implementation that needs no agent.
pub(super) trait Turns {
    /// How long until the next attempt is due: to send something again, or to ask an agent that was away for `/info`.
    /// `None` where no attempt is planned.
    fn next_attempt(&self) -> Option<Duration>;

    /// Asks the agent for `/info` while there is nothing to send: at the start, and when an agent that was away may be
    /// back. A process that only reads headers and never sends anything needs the answer too, for the organisation
    /// guard.
    ///
    /// Returns whether it was time for that.
    fn ask_when_idle(&mut self) -> bool;

    /// Encodes and sends what is there. `is_urgent` is set when somebody waits for that: then a failed request is tried
    /// again at once, a few times.
    ///
    /// Returns whether the agent has everything.
    fn run(&mut self, is_urgent: bool) -> bool;

    /// Ends an interval of the keep rate.
    fn end_interval(&mut self);

    /// Counts what is left as lost, when the worker ends.
    fn give_up(&mut self);
}

/// Has a turn at each interval, and earlier when called, until it is told to stop, or was replaced
/// and has delivered everything. Each turn that does not panic sets
/// `failures` to 0.
///
/// Returns whether everything was delivered, and the writer, whose memory is freed after that was announced.
pub(super) fn take_turns<W: Turns>(
    inner: &Inner,
    failures: &Cell<u32>,
    mut writer: W,
) -> (bool, W) {
    let interval = inner.settings.interval;
    loop {
        // The first time this is zero, because the agent was not asked yet.
        let time = writer.next_attempt().map_or(interval, |next| next.min(interval));
        let is_called = inner.signal.wait_for_call(time);
        clock::keep();
        if !is_called && writer.ask_when_idle() {
            // No other work in this turn: whatever finished meanwhile waits for the next interval or call.
            continue;
        }
        // Read before the queue is taken, so that what was submitted before a flush is part of what that flush sends.
        let state = inner.signal.read();
        let is_replaced = inner.is_replaced();
        if state.stop || is_replaced {
            inner.queue.close();
        }
        let delivered = writer.run(state.stop || state.is_awaited());
        if !is_called {
            writer.end_interval();
        }
        // A pipeline that was replaced is in no hurry: it ends when the agent has everything.
        if state.stop || (is_replaced && delivered) {
            writer.give_up();
            return (delivered, writer);
        }
        inner.signal.done(state.asked, delivered);
        if failures.replace(0) > 0 {
            inner.diag.forget(WORKER_FAILED);
        }
    }
}
