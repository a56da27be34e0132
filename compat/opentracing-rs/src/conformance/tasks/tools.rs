//! What the checks with tasks are made of; no runtime is needed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use super::{BoxFuture, Spawn};
use crate::conformance::subject::Subject;
use crate::{Span, Tracer};

/// Starts a task, the failure of which becomes that of the one who waits for it.
pub(super) fn start(spawn: &Spawn, task: BoxFuture) -> BoxFuture {
    let caught = Queue::new();
    let task = {
        let caught = caught.clone();
        async move { caught.send(catch(task).await) }
    };
    let task = spawn(Box::pin(task));
    Box::pin(async move {
        task.await;
        if let Err(panic) = caught.receive().await {
            resume_unwind(panic);
        }
    })
}

/// The outcome of a future that may panic.
pub(super) async fn catch(mut future: BoxFuture) -> thread::Result<()> {
    poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Lets others run first, a few times, and perhaps goes on on another thread.
pub(super) async fn wait_a_little() {
    for _ in 0..3 {
        let mut is_first = true;
        poll_fn(|task| {
            if std::mem::take(&mut is_first) {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Runs futures in one task, each getting its turn.
pub(super) async fn join(mut futures: Vec<BoxFuture>) {
    poll_fn(|task: &mut Context<'_>| {
        futures.retain_mut(|future| future.as_mut().poll(task).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Messages from one task to another that asks until there is one.
pub(super) struct Queue<T>(Arc<Mutex<VecDeque<T>>>);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue(Arc::clone(&self.0))
    }
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Queue(Arc::default())
    }

    pub(super) fn send(&self, message: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(message);
    }

    pub(super) async fn receive(&self) -> T {
        loop {
            let message = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match message {
                Some(message) => return message,
                None => wait_a_little().await,
            }
        }
    }
}

/// Work of several steps, whose span has to be active at each.
pub(super) async fn steps(subject: Subject, span: Span, child: &'static str) {
    subject.expect_active(Some(&span));
    wait_a_little().await;
    subject.expect_active(Some(&span));
    subject.tracer().start_span(child).finish();
    wait_a_little().await;
    subject.expect_active(Some(&span));
}

pub(super) fn root(tracer: &Tracer, name: &'static str) -> Span {
    tracer.build_span(name).ignore_active_span().start()
}
