//! Calls to the worker, and waiting for it: flush and stop, each with a deadline.
//!
//! There is nothing in it but the standard library's lock and condition variables: what an application's thread
//! runs into here cannot fail, and has no descriptor.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::FlushError;
use crate::sync::lock;

/// What application threads ask of the worker, and how far it is.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    /// For the worker.
    called: Condvar,
    /// For those who wait for the worker.
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// Somebody wants the worker to look, who has not been heard.
    called: bool,
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

    /// Tells the worker to look, now or when it next comes to that.
    pub(crate) fn call(&self) {
        self.ask(|_| ());
    }

    /// Whether somebody has called since this was last asked, or the worker last waited.
    pub(crate) fn hear(&self) -> bool {
        std::mem::take(&mut lock(&self.state).called)
    }

    /// The worker waits until somebody calls, at most so long; says whether somebody has.
    pub(crate) fn wait_for_call(&self, time: Duration) -> bool {
        let start = Instant::now();
        let mut state = lock(&self.state);
        while !state.called {
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            let woken = self.called.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut state.called)
    }

    /// Asks for a flush, and waits until it is done.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let mine = self.ask(|state| {
            state.asked = state.asked.wrapping_add(1);
            state.asked
        });
        let state = self.wait(timeout, |state| state.done >= mine || state.ended)?;
        match state {
            State { delivered: true, .. } => Ok(()),
            _ => Err(FlushError::UNDELIVERED),
        }
    }

    /// Asks the worker to end, and waits until it has.
    pub(crate) fn stop(&self, timeout: Duration) -> Result<(), FlushError> {
        self.stop_later();
        match self.wait(timeout, |state| state.ended)? {
            State { delivered: true, .. } => Ok(()),
            _ => Err(FlushError::UNDELIVERED),
        }
    }

    /// Asks the worker to end, and does not wait.
    pub(crate) fn stop_later(&self) {
        self.ask(|state| state.stop = true);
    }

    /// Changes what is asked of the worker, and calls it.
    fn ask<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let asked = change(&mut state);
        state.called = true;
        drop(state);
        self.called.notify_one();
        asked
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
    use std::thread;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn a_flush_waits_for_its_own_turn() {
        let signal = Arc::new(Signal::default());
        let worker = Arc::clone(&signal);
        let thread = thread::spawn(move || {
            assert!(worker.wait_for_call(LONG));
            let asked = worker.read().asked;
            worker.done(asked, true);
        });
        assert_eq!(signal.flush(LONG), Ok(()));
        thread.join().unwrap();
    }

    #[test]
    fn a_worker_that_does_not_answer_costs_the_timeout_only() {
        let signal = Signal::default();
        let error = signal.flush(Duration::from_millis(5)).unwrap_err();
        assert!(error.is_timeout());
        assert!(signal.stop(Duration::ZERO).unwrap_err().is_timeout());
    }

    #[test]
    fn nobody_waits_for_a_worker_that_has_ended() {
        let signal = Signal::default();
        signal.end(false);
        assert!(signal.flush(Duration::MAX).unwrap_err().is_undelivered());
    }

    #[test]
    fn a_call_is_heard_once_whenever_it_comes() {
        let signal = Signal::default();
        assert!(!signal.hear() && !signal.wait_for_call(Duration::from_millis(1)));
        signal.call();
        signal.call();
        assert!(signal.hear() && !signal.hear());
        signal.stop_later();
        assert!(signal.wait_for_call(Duration::MAX) && !signal.hear());
    }
}
