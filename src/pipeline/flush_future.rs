//! The future behind `flush_async` and `shutdown_async`.

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

/// Resolves when the worker has done what was asked, or when the timeout is over. The worker wakes it in both cases, so
/// it needs no timer of a runtime.
pub(crate) struct FlushFuture {
    inner: Arc<Inner>,
    goal: Goal,
    deadline: Option<Instant>,
    ticket: Option<u64>,
    /// The process that asked, by its fork epoch. In a forked child there is no worker to answer, and the lock may be
    /// held for ever.
    epoch: u32,
}

impl FlushFuture {
    pub(super) fn new(inner: Arc<Inner>, goal: Goal, timeout: Duration) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        FlushFuture { inner, goal, deadline, ticket: None, epoch: epoch() }
    }
}

impl Future for FlushFuture {
    type Output = Result<(), FlushError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let FlushFuture { inner, goal, deadline, ticket, epoch: of_asker } = self.get_mut();
        if epoch() != *of_asker {
            return Poll::Ready(Err(FlushError::NO_WORKER));
        }
        // An allocator of the program may trace. Its spans would need locks that this thread holds.
        let _off = suppress();
        let polled = inner.signal.poll(*goal, *deadline, ticket, cx.waker());
        if matches!((&polled, goal), (Poll::Ready(Err(error)), Goal::End) if error.is_timeout()) {
            inner.abandon();
        }
        polled
    }
}

impl Drop for FlushFuture {
    fn drop(&mut self) {
        if epoch() == self.epoch {
            self.inner.signal.leave(&mut self.ticket);
        }
    }
}
