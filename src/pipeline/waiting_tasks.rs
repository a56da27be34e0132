//! The tasks that wait for the worker, each with its waker and deadline.

use std::mem::{replace, take};
use std::task::Waker;
use std::time::Instant;

use crate::catch::catch;

/// The tasks that wait. A task that is removed to be woken adds itself again if it has to wait on.
#[derive(Debug, Default)]
pub(super) struct WaitingTasks {
    waiting: Vec<Waiter>,
    tickets: u64,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    waker: Waker,
    deadline: Option<Instant>,
}

impl WaitingTasks {
    /// Adds a task, or replaces its waker. Returns the old waker, to be dropped outside the lock.
    pub(super) fn insert(
        &mut self,
        ticket: &mut Option<u64>,
        waker: Waker,
        deadline: Option<Instant>,
    ) -> Option<Waker> {
        if let Some(waiter) = self.waiting.iter_mut().find(|one| Some(one.ticket) == *ticket) {
            return Some(replace(&mut waiter.waker, waker));
        }
        self.tickets += 1;
        *ticket = Some(self.tickets);
        self.waiting.push(Waiter { ticket: self.tickets, waker, deadline });
        None
    }

    pub(super) fn remove(&mut self, ticket: &mut Option<u64>) -> Option<Waker> {
        let ticket = ticket.take()?;
        let at = self.waiting.iter().position(|waiter| waiter.ticket == ticket)?;
        Some(self.waiting.swap_remove(at).waker)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|waiter| waiter.deadline).min()
    }

    /// Removes the tasks whose deadline is over, and returns their wakers.
    pub(super) fn take_expired(&mut self) -> Vec<Waker> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        let is_late = |waiter: &Waiter| waiter.deadline.is_some_and(|at| at <= now);
        let (late, waiting): (Vec<_>, _) = take(&mut self.waiting).into_iter().partition(is_late);
        self.waiting = waiting;
        late.into_iter().map(|waiter| waiter.waker).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Waker> {
        take(&mut self.waiting).into_iter().map(|waiter| waiter.waker).collect()
    }
}

/// Wakes tasks. To be called outside every lock: a waker is code of the program's runtime, and may panic.
pub(super) fn wake(tasks: Vec<Waker>) {
    for task in tasks {
        let _ = catch(|| task.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_is_there_once_until_it_is_taken_or_leaves() {
        let mut waiting_tasks = WaitingTasks::default();
        let now = Instant::now();
        let (mut late, mut early, mut gone) = (None, None, None);
        let waker = || Waker::noop().clone();
        assert!(waiting_tasks.insert(&mut late, waker(), Some(now)).is_none());
        assert!(
            waiting_tasks.insert(&mut late, waker(), Some(now)).is_some(),
            "only its waker changes"
        );
        waiting_tasks.insert(&mut early, waker(), now.checked_add(Duration::from_secs(3600)));
        waiting_tasks.insert(&mut gone, waker(), None);
        assert_eq!(waiting_tasks.next_deadline(), Some(now));
        assert!(
            waiting_tasks.remove(&mut gone).is_some() && waiting_tasks.remove(&mut gone).is_none()
        );
        assert_eq!(
            (waiting_tasks.take_expired().len(), waiting_tasks.take_expired().len()),
            (1, 0)
        );
        assert!(waiting_tasks.remove(&mut late).is_none(), "taken");
        assert!(waiting_tasks.insert(&mut late, waker(), None).is_none(), "it waits again");
        assert_eq!((waiting_tasks.take_all().len(), waiting_tasks.take_all().len()), (2, 0));
    }

    #[test]
    fn a_wake_that_panics_does_not_keep_the_others_asleep() {
        struct Panics;
        impl std::task::Wake for Panics {
            fn wake(self: std::sync::Arc<Self>) {
                panic!("on purpose");
            }
        }
        struct Woken(std::sync::mpsc::Sender<()>);
        impl std::task::Wake for Woken {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.send(()).unwrap();
            }
        }
        let (sender, woken) = std::sync::mpsc::channel();
        wake(vec![std::sync::Arc::new(Panics).into(), std::sync::Arc::new(Woken(sender)).into()]);
        assert!(woken.try_recv().is_ok());
    }
}
