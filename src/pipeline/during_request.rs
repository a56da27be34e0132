//! What the worker does while a request is on its way.

use std::time::Duration;

use super::inner::Inner;
use super::packer::Packer;
use crate::agent::Step;
use crate::clock::Anchor;

/// Encodes chunks while a request is on its way, a few at a time.
///
/// When somebody calls the worker meanwhile, what has come into the queue is taken too, so that there is no pause
/// between two batches. It is not taken while somebody waits for what was taken before: that would make the wait
/// longer.
pub(super) struct DuringRequest<'a> {
    pub(super) inner: &'a Inner,
    pub(super) packer: &'a mut Packer,
    /// Set when the worker is told to stop meanwhile.
    pub(super) is_ending: &'a mut bool,
    /// Somebody waits for the request.
    pub(super) is_urgent: bool,
    /// Nothing needs the answer now, so the request is cancelled as soon as somebody waits for the worker.
    pub(super) is_cancellable: bool,
    pub(super) is_cancelled: bool,
    pub(super) is_called: bool,
}

impl DuringRequest<'_> {
    /// Encodes a little, and says how the request is to go on.
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
            if self.is_cancellable && (state.stop || is_awaited) {
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

    /// The request has ended.
    pub(super) fn end(self) {
        if self.is_called {
            // `work` has taken the call, but the loop has to see it as well.
            self.inner.signal.call();
        }
    }
}
