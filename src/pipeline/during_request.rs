//! What the worker does while it waits for the agent.

use std::time::Duration;

use super::inner::Inner;
use super::packer::Packer;
use crate::agent::Step;
use crate::clock::Anchor;

/// What is done while the agent is waited for: chunks are written.
///
/// Somebody may call in the meantime. What has come into the queue is taken then, so that there is no pause
/// between two batches, unless somebody waits for those that were taken before.
pub(super) struct DuringRequest<'a> {
    pub(super) inner: &'a Inner,
    pub(super) packer: &'a mut Packer,
    /// Set when the worker is told to end meanwhile.
    pub(super) is_ending: &'a mut bool,
    /// Somebody waits for what is being sent.
    pub(super) is_urgent: bool,
    /// Nothing waits for what the agent says: it is given up when somebody waits for the worker.
    pub(super) is_idle: bool,
    pub(super) is_cancelled: bool,
    pub(super) is_called: bool,
}

impl DuringRequest<'_> {
    /// Does a little of it.
    pub(super) fn work(&mut self) -> Step {
        let signal = &self.inner.signal;
        if signal.wait_for_call(Duration::ZERO) {
            self.is_called = true;
            let state = signal.read();
            if state.stop {
                self.inner.queue.close();
                *self.is_ending = true;
            }
            let is_awaited = self.is_urgent || state.is_awaited();
            if self.is_idle && (state.stop || is_awaited) {
                self.is_cancelled = true;
                return Step::Cancel;
            }
            if state.stop || !is_awaited && self.packer.may_take() {
                Anchor::renew();
                self.packer.take();
            }
        }
        if self.packer.write_ahead() { Step::More } else { Step::Idle }
    }

    /// The agent is waited for no longer.
    pub(super) fn end(self) {
        if self.is_called {
            // The loop looks as well when this is over.
            self.inner.signal.call();
        }
    }
}
