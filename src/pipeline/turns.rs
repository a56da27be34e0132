//! The loop of the background thread: when it wakes up, and what it does then.

use std::cell::Cell;
use std::time::Duration;

use super::inner::Inner;
use crate::clock;

/// The topic of the warning that the worker has failed.
pub(super) const WORKER_FAILED: &str = "worker-failed";

/// What the worker does in its turns. The models have one that needs no agent.
pub(super) trait Turns {
    /// How long until the next attempt is due to send something, or to ask an agent that was away, where one is.
    fn next_attempt(&self) -> Option<Duration>;

    /// Asks the agent what it can do while there is nothing to send, so that it is known before there is: at the start,
    /// and when an agent that was away may be back. What it says matters to who reads headers, and never sends anything.
    ///
    /// Says whether it was time for that.
    fn ask_when_idle(&mut self) -> bool;

    /// Writes and sends what is there; `is_urgent` tries several times within a short time.
    ///
    /// Says whether the agent has everything.
    fn run(&mut self, is_urgent: bool) -> bool;

    /// Ends an interval of the keep rate.
    fn end_interval(&mut self);

    /// What is left now, at the end, is lost.
    fn give_up(&mut self);
}

/// Sends at each interval, and earlier when called; ends when told to. Says whether all was delivered, and notes in
/// `failures` each turn in which it did not fail.
pub(super) fn take_turns<W: Turns>(
    inner: &Inner,
    failures: &Cell<u32>,
    mut writer: W,
) -> (bool, W) {
    let interval = inner.settings.interval;
    loop {
        // The first time it is at once: an agent that was not asked yet is.
        let time = writer.next_attempt().map_or(interval, |next| next.min(interval));
        let is_called = inner.signal.wait_for_call(time);
        clock::keep();
        if !is_called && writer.ask_when_idle() {
            // What finished at the same time waits for its interval or a flush, which is told of what is lost.
            continue;
        }
        // Read before the queue is: what was submitted before the request is in what is taken.
        let state = inner.signal.read();
        if state.stop {
            inner.queue.close();
        }
        let delivered = writer.run(state.stop || state.is_awaited());
        if !is_called {
            writer.end_interval();
        }
        if state.stop {
            writer.give_up();
            return (delivered, writer);
        }
        inner.signal.done(state.asked, delivered);
        if failures.replace(0) > 0 {
            inner.diag.forget(WORKER_FAILED);
        }
    }
}
