//! A flush or a shutdown that a task waits for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tracehound_fork::epoch;

use super::inner::Inner;
use super::signal::Goal;
use crate::error::FlushError;
use crate::suppression::suppress;

/// Ends when the worker has done what was asked, or when the time is over. The worker is its timer, so that it needs
/// no runtime.
pub(crate) struct Awaited {
    inner: Arc<Inner>,
    goal: Goal,
    deadline: Option<Instant>,
    ticket: Option<u64>,
    /// Of the process that asked: in a child there is nobody to answer, and the lock may be held for ever.
    epoch: u32,
}

impl Awaited {
    pub(super) fn new(inner: Arc<Inner>, goal: Goal, timeout: Duration) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        Awaited { inner, goal, deadline, ticket: None, epoch: epoch() }
    }
}

impl Future for Awaited {
    type Output = Result<(), FlushError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Awaited { inner, goal, deadline, ticket, epoch: of_asker } = self.get_mut();
        if epoch() != *of_asker {
            return Poll::Ready(Err(FlushError::NO_WORKER));
        }
        // Spans that an allocator of the program made meanwhile would come to locks that this thread has.
        let _off = suppress();
        let polled = inner.signal.poll(*goal, *deadline, ticket, cx.waker());
        if matches!((&polled, goal), (Poll::Ready(Err(error)), Goal::End) if error.is_timeout()) {
            inner.abandon();
        }
        polled
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if epoch() == self.epoch {
            self.inner.signal.leave(&mut self.ticket);
        }
    }
}
