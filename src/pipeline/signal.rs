//! Waking the worker, and waiting for it: flush and stop, each with a deadline.
//!
//! Only the standard library's mutex and condition variables are used. So nothing that an application's thread does
//! here can fail, and no file descriptor is needed.

use std::sync::PoisonError;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::waiting_tasks::{WaitingTasks, wake};
use crate::error::FlushError;
use crate::primitives::{Condvar, Mutex, MutexGuard, lock, lock_soon};

/// What the application's threads ask of the worker, and what it has done of that.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    shared: Mutex<Shared>,
    /// The worker waits on this.
    called: Condvar,
    /// Threads that wait for the worker wait on this.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Shared {
    state: State,
    /// Tasks that wait for the worker.
    waiting_tasks: WaitingTasks,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// The worker was called, and has not noticed yet.
    called: bool,
    /// Flushes asked for so far.
    pub(crate) asked: u64,
    /// The number of the last flush that is done.
    done: u64,
    /// The number of the last flush after which something was undelivered. The flushes before it count as undelivered
    /// as well, because only one number is kept: a thread that looks late must not be told of a delivery that did not
    /// happen.
    undelivered: u64,
    /// Whether everything had been delivered when the worker ended.
    delivered: bool,
    /// The worker is to send what it has, and end.
    pub(crate) stop: bool,
    /// The worker has ended.
    ended: bool,
}

impl State {
    /// Whether somebody waits for a flush that is not done.
    pub(crate) fn is_awaited(&self) -> bool {
        self.asked != self.done
    }

    fn settle(&mut self, asked: u64, delivered: bool) {
        if !delivered && asked != self.done {
            self.undelivered = asked;
        }
        self.done = asked;
    }
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The flush of this number.
    Flush(u64),
    /// The worker's end.
    End,
}

impl Goal {
    /// The result, if the goal is reached.
    fn outcome(self, state: &State) -> Option<Result<(), FlushError>> {
        let delivered = match self {
            Goal::Flush(number) if state.done >= number => number > state.undelivered,
            Goal::Flush(_) | Goal::End if state.ended => state.delivered,
            Goal::Flush(_) | Goal::End => return None,
        };
        Some(if delivered { Ok(()) } else { Err(FlushError::UNDELIVERED) })
    }
}

// ===== the application's side =====

impl Signal {
    /// Wakes the worker. If it is busy, it looks as soon as it waits again.
    pub(crate) fn call(&self) {
        self.ask(|_| ());
    }

    /// Asks for a flush.
    pub(crate) fn flush(&self) -> Goal {
        Goal::Flush(self.ask(|state| {
            state.asked += 1;
            state.asked
        }))
    }

    /// Asks the worker to end.
    pub(crate) fn stop(&self) -> Goal {
        self.ask(|state| state.stop = true);
        Goal::End
    }

    /// Changes what is asked of the worker, and calls it.
    fn ask<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.change(lock(&self.shared), change)
    }

    /// Asks the worker to end, for a thread that may hold the lock already: then it does nothing.
    pub(crate) fn stop_soon(&self) {
        if let Some(shared) = lock_soon(&self.shared) {
            self.change(shared, |state| state.stop = true);
        }
    }

    fn change<T>(
        &self,
        mut shared: MutexGuard<'_, Shared>,
        change: impl FnOnce(&mut State) -> T,
    ) -> T {
        let asked = change(&mut shared.state);
        shared.state.called = true;
        drop(shared);
        self.called.notify_one();
        asked
    }

    /// Whether the worker has ended, for a thread that may hold the lock already: then it says no.
    pub(crate) fn has_ended(&self) -> bool {
        lock_soon(&self.shared).is_some_and(|shared| shared.state.ended)
    }

    /// Waits for what was asked.
    pub(crate) fn wait(&self, goal: Goal, timeout: Duration) -> Result<(), FlushError> {
        // A timeout beyond the clock's range is no timeout.
        let deadline = Instant::now().checked_add(timeout);
        let mut shared = lock(&self.shared);
        loop {
            if let Some(outcome) = goal.outcome(&shared.state) {
                return outcome;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                return Err(FlushError::TIMEOUT);
            }
            let woken = self.changed.wait_timeout(shared, left);
            shared = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// As [`Signal::wait`], for a task. The worker wakes the task when the goal is reached, and when the deadline is
    /// over.
    ///
    /// `ticket` identifies the task; it passes the same one each time.
    pub(crate) fn poll(
        &self,
        goal: Goal,
        deadline: Option<Instant>,
        ticket: &mut Option<u64>,
        waker: &Waker,
    ) -> Poll<Result<(), FlushError>> {
        // Cloned and dropped outside the lock, because both run code of the program's runtime.
        let waker = waker.clone();
        let mut shared = lock(&self.shared);
        if let Some(outcome) = goal.outcome(&shared.state) {
            return Poll::Ready(outcome);
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Poll::Ready(Err(FlushError::TIMEOUT));
        }
        let before = shared.waiting_tasks.insert(ticket, waker, deadline);
        drop(shared);
        // The worker may sleep beyond this deadline, and has to set its alarm anew.
        self.called.notify_one();
        drop(before);
        Poll::Pending
    }

    /// Forgets a task that waits no longer.
    pub(crate) fn leave(&self, ticket: &mut Option<u64>) {
        let waker = lock(&self.shared).waiting_tasks.remove(ticket);
        drop(waker);
    }
}

// ===== the worker's side =====

impl Signal {
    /// What is asked for at the moment.
    pub(crate) fn read(&self) -> State {
        lock(&self.shared).state
    }

    /// Waits until somebody calls, for at most this time. Returns whether somebody has called since the last time.
    pub(crate) fn wait_for_call(&self, time: Duration) -> bool {
        self.pause(time, |state| std::mem::take(&mut state.called))
    }

    /// Waits until the worker is told to end, for at most this time. Other calls do not end the wait.
    pub(crate) fn wait_for_stop(&self, time: Duration) {
        self.pause(time, |state| state.stop);
    }

    /// Waits for this time, whoever calls.
    pub(crate) fn rest(&self, time: Duration) {
        self.pause(time, |_| false);
    }

    /// Waits until the condition holds, for at most this time. Returns whether it holds. Tasks whose deadline is over
    /// are woken meanwhile, because the worker is their only timer.
    fn pause(&self, time: Duration, mut reached: impl FnMut(&mut State) -> bool) -> bool {
        let start = Instant::now();
        let mut shared = lock(&self.shared);
        loop {
            shared = self.wake_expired(shared);
            if reached(&mut shared.state) {
                return true;
            }
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            let left = shared
                .waiting_tasks
                .next_deadline()
                .map_or(left, |next| left.min(next.saturating_duration_since(Instant::now())));
            let woken = self.called.wait_timeout(shared, left);
            shared = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wake_expired<'a>(&'a self, mut shared: MutexGuard<'a, Shared>) -> MutexGuard<'a, Shared> {
        let late = shared.waiting_tasks.take_expired();
        if late.is_empty() {
            return shared;
        }
        drop(shared);
        wake(late);
        lock(&self.shared)
    }

    /// The worker has done what was asked up to `asked`.
    pub(crate) fn done(&self, asked: u64, delivered: bool) {
        self.tell(|state| state.settle(asked, delivered));
    }

    /// The worker ends; the first time counts.
    pub(crate) fn end(&self, delivered: bool) {
        self.tell(|state| {
            if !state.ended {
                state.ended = true;
                state.delivered = delivered;
                state.settle(state.asked, delivered);
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut shared = lock(&self.shared);
        change(&mut shared.state);
        let waiting = shared.waiting_tasks.take_all();
        drop(shared);
        self.changed.notify_all();
        wake(waiting);
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
        assert_eq!(signal.wait(signal.flush(), LONG), Ok(()));
        thread.join().unwrap();
    }

    #[test]
    fn a_worker_that_does_not_answer_costs_the_timeout_only() {
        let signal = Signal::default();
        let error = signal.wait(signal.flush(), Duration::from_millis(5)).unwrap_err();
        assert!(error.is_timeout());
        assert!(signal.wait(signal.stop(), Duration::ZERO).unwrap_err().is_timeout());
    }

    #[test]
    fn nobody_waits_for_a_worker_that_has_ended() {
        let signal = Signal::default();
        signal.end(false);
        assert!(signal.wait(signal.flush(), Duration::MAX).unwrap_err().is_undelivered());
    }

    #[test]
    fn a_flush_that_failed_is_told_so_however_late_its_thread_looks() {
        let signal = Signal::default();
        let (first, second) = (signal.flush(), signal.flush());
        signal.done(1, false);
        signal.done(2, true);
        assert!(signal.wait(first, LONG).unwrap_err().is_undelivered());
        assert_eq!(signal.wait(second, LONG), Ok(()));
        signal.end(true);
        assert!(signal.wait(first, LONG).unwrap_err().is_undelivered());
        assert_eq!(signal.wait(signal.flush(), LONG), Ok(()));
    }

    #[test]
    fn a_call_is_taken_once_whenever_it_comes() {
        let signal = Signal::default();
        let is_called = |time| signal.wait_for_call(time);
        assert!(!is_called(Duration::ZERO) && !is_called(Duration::from_millis(1)));
        signal.call();
        signal.call();
        assert!(is_called(Duration::ZERO) && !is_called(Duration::ZERO));
        signal.stop();
        assert!(is_called(Duration::MAX) && !is_called(Duration::ZERO));
    }
}
