//! Waiting for the worker: flush and stop, each with a deadline.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::FlushError;
use crate::sync::{lock, lock_soon};

/// What application threads ask of the worker, and how far it is.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// Flushes asked for so far.
    pub(crate) asked: u64,
    /// The last of them that is done.
    done: u64,
    /// Whether everything had been delivered when it was done.
    delivered: bool,
    /// Finish, and take no more.
    pub(crate) stop: bool,
    /// The worker has ended.
    ended: bool,
}

impl Signal {
    /// What is asked now.
    pub(crate) fn read(&self) -> State {
        *lock(&self.state)
    }

    /// Whether somebody waits for a flush that is not done.
    pub(crate) fn is_awaited(&self, seen: State) -> bool {
        seen.asked != seen.done
    }

    /// Asks for a flush, and calls `wake` so that the worker looks; waits until it is done.
    pub(crate) fn flush(&self, timeout: Duration, wake: impl FnOnce()) -> Result<(), FlushError> {
        let mine = {
            let mut state = lock(&self.state);
            state.asked = state.asked.wrapping_add(1);
            state.asked
        };
        wake();
        let state = self.wait(timeout, |state| state.done >= mine || state.ended)?;
        match state {
            State { delivered: true, .. } => Ok(()),
            _ => Err(FlushError::UNDELIVERED),
        }
    }

    /// Asks the worker to end, and waits until it has.
    pub(crate) fn stop(&self, timeout: Duration, wake: impl FnOnce()) -> Result<(), FlushError> {
        lock(&self.state).stop = true;
        wake();
        match self.wait(timeout, |state| state.ended)? {
            State { delivered: true, .. } => Ok(()),
            _ => Err(FlushError::UNDELIVERED),
        }
    }

    /// Asks the worker to end, and does not wait.
    pub(crate) fn stop_later(&self) {
        lock(&self.state).stop = true;
    }

    /// As [`stop_later`](Self::stop_later), on a thread that may hold the lock; says whether it could be asked.
    pub(crate) fn stop_soon(&self) -> bool {
        lock_soon(&self.state).map(|mut state| state.stop = true).is_some()
    }

    /// Whether the worker has ended, on a thread that may hold the lock.
    pub(crate) fn has_ended(&self) -> bool {
        lock_soon(&self.state).is_some_and(|state| state.ended)
    }

    /// The worker has done what was asked up to `asked`.
    pub(crate) fn done(&self, asked: u64, delivered: bool) {
        let mut state = lock(&self.state);
        state.done = asked;
        state.delivered = delivered;
        drop(state);
        self.changed.notify_all();
    }

    /// The worker ends.
    pub(crate) fn end(&self, delivered: bool) {
        let mut state = lock(&self.state);
        state.ended = true;
        state.done = state.asked;
        state.delivered = delivered;
        drop(state);
        self.changed.notify_all();
    }

    fn wait(
        &self,
        timeout: Duration,
        reached: impl Fn(&State) -> bool,
    ) -> Result<State, FlushError> {
        // A timeout beyond the clock's range is no timeout.
        let deadline = Instant::now().checked_add(timeout);
        let mut state = lock(&self.state);
        while !reached(&state) {
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                return Err(FlushError::TIMEOUT);
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(*state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_flush_waits_for_its_own_turn() {
        let signal = Arc::new(Signal::default());
        let worker = Arc::clone(&signal);
        let (woken, wake) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            wake.recv().unwrap();
            let asked = worker.read().asked;
            worker.done(asked, true);
        });
        let flushed = signal.flush(Duration::from_secs(10), || woken.send(()).unwrap());
        assert_eq!(flushed, Ok(()));
        thread.join().unwrap();
    }

    #[test]
    fn a_worker_that_does_not_answer_costs_the_timeout_only() {
        let signal = Signal::default();
        let error = signal.flush(Duration::from_millis(5), || {}).unwrap_err();
        assert!(error.is_timeout());
        assert!(signal.stop(Duration::ZERO, || {}).unwrap_err().is_timeout());
    }

    #[test]
    fn nobody_waits_for_a_worker_that_has_ended() {
        let signal = Signal::default();
        signal.end(false);
        assert!(signal.flush(Duration::MAX, || {}).unwrap_err().is_undelivered());
    }
}
