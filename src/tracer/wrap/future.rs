//! A wrapped function whose work is a future.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::wrapped::{Plan, Wrapped};
use crate::trace::{InSpan, SpanRef};

pin_project! {
    /// The future of a wrapped function: its span starts when it is first polled, is active on each poll, and is finished
    /// when the future is done or dropped.
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct WrappedFuture<F, S, P> {
        #[pin]
        inner: InSpan<F>,
        // `None` once it was polled.
        wrapped: Option<Wrapped<'static, P>>,
        // What is shown the output.
        seen: Option<S>,
    }
}

impl<F: Future, S: FnOnce(&SpanRef, &F::Output), P: Plan<'static>> WrappedFuture<F, S, P> {
    /// What `seen` is shown is what the future is ready with.
    pub fn new(wrapped: Wrapped<'static, P>, future: F, seen: S) -> Self {
        WrappedFuture { inner: InSpan::before(future), wrapped: Some(wrapped), seen: Some(seen) }
    }
}

impl<F, S, P> Future for WrappedFuture<F, S, P>
where
    F: Future,
    S: FnOnce(&SpanRef, &F::Output),
    P: Plan<'static>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(wrapped) = this.wrapped.take() {
            this.inner.as_mut().set_span(wrapped.start());
        }
        let seen = this.seen;
        this.inner.poll_and(task, |span, output| {
            if let Some(seen) = seen.take() {
                seen(span, output);
            }
        })
    }
}
