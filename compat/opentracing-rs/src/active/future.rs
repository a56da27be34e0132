//! Futures that carry their span.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::finish_guard::FinishGuard;
use crate::handle::Span;

/// Gives a future a span that is active whenever the future runs, and only then.
///
/// It is made active through the scope manager of the span's tracer, for the time of each poll. So tasks
/// that share a thread do not see each other's spans, and one that moves between threads takes its span
/// along. A task that is spawned inherits nothing: give it a span of its own or its parent's.
pub trait FutureExt: Future + Sized {
    /// Runs the future inside a span, and finishes the span when the future is done or dropped.
    ///
    /// A panic in the future marks the span as an error; for a `Result` there is
    /// [`FutureExt::try_in_span`].
    ///
    /// ```
    /// use opentracing_rs::{FutureExt, Tracer};
    ///
    /// # let tracer = Tracer::noop();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let span = tracer.start_span("price");
    /// tokio::spawn(
    ///     async move {
    ///         tokio::task::yield_now().await;
    ///         tracer.start_span("lookup").finish(); // a child of `price`
    ///     }
    ///     .in_span(span),
    /// )
    /// .await
    /// # .unwrap()
    /// # });
    /// ```
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan { inner: self.with_active_span(span.clone()), guard: Some(span.finish_on_drop()) }
    }

    /// Runs the future inside a span as [`FutureExt::in_span`] does, and marks the span if it fails.
    ///
    /// ```
    /// use opentracing_rs::{FutureExt, Tracer};
    ///
    /// # let tracer = Tracer::noop();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let port = async { "eighty".parse::<u16>() };
    /// assert!(port.try_in_span(tracer.start_span("config.port")).await.is_err());
    /// # });
    /// ```
    fn try_in_span<T, E>(self, span: Span) -> TryInSpan<Self>
    where
        Self: Future<Output = Result<T, E>>,
        E: Error + 'static,
    {
        TryInSpan { inner: self.in_span(span) }
    }

    /// Runs the future with a span active, and leaves it to others to finish the span.
    ///
    /// For the parts of one piece of work, such as the branches of a `join!` or a task that is spawned.
    fn with_active_span(self, span: Span) -> WithActiveSpan<Self> {
        WithActiveSpan { future: Some(self), span }
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future inside a span; see [`FutureExt::in_span`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct InSpan<F> {
        // Declared first, so dropped first: what it holds belongs to the span.
        #[pin]
        inner: WithActiveSpan<F>,
        // `None` when the future is done, and while it runs.
        guard: Option<FinishGuard>,
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        self.poll_and_look(task, |_, _| ())
    }
}

impl<F: Future> InSpan<F> {
    /// Polls the future; when it is done, shows the span what came out, and finishes it.
    fn poll_and_look(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        look: impl FnOnce(&Span, &F::Output),
    ) -> Poll<F::Output> {
        let this = self.project();
        // Held here meanwhile: a runtime may catch a panic before it drops the future.
        let guard = this.guard.take();
        let polled = this.inner.poll(task);
        match (&polled, guard) {
            (Poll::Pending, guard) => *this.guard = guard,
            // Finished now, not when the caller drops the future.
            (Poll::Ready(output), Some(guard)) => look(&guard, output),
            (Poll::Ready(_), None) => {}
        }
        polled
    }
}

pin_project! {
    /// A future inside a span that it marks if it fails; see [`FutureExt::try_in_span`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct TryInSpan<F> {
        #[pin]
        inner: InSpan<F>,
    }
}

impl<T, E: Error + 'static, F: Future<Output = Result<T, E>>> Future for TryInSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll_and_look(task, |span, output| {
            if let Err(error) = output {
                span.log_error(error);
            }
        })
    }
}

pin_project! {
    /// A future with an active span; see [`FutureExt::with_active_span`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct WithActiveSpan<F> {
        // `None` only once it has been dropped.
        #[pin]
        future: Option<F>,
        span: Span,
    }

    impl<F> PinnedDrop for WithActiveSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What the future holds may trace when it is dropped, as it does when it runs.
            let _scope = this.span.activate();
            this.future.set(None);
        }
    }
}

impl<F: Future> Future for WithActiveSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // `Pending` cannot be reached: nobody polls what is being dropped.
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        let _scope = this.span.activate();
        future.poll(task)
    }
}
