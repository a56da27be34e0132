//! Futures that carry their span.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use pin_project_lite::pin_project;

use super::context::Context;
use super::provider::Provider;
use super::span::Span;

/// Gives a future a span, or a place in a trace, that is active whenever the future runs.
pub trait FutureExt: Future + Sized {
    /// Runs the future inside a span: active on each poll, finished when the future is done or dropped.
    ///
    /// ```
    /// use tracehound::FutureExt;
    ///
    /// # let tracer = tracehound::Tracer::builder().build();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let span = tracer.span("cart.price").start();
    /// async {
    ///     // Spans started here, also after an await, are children of `cart.price`.
    /// }
    /// .in_span(span)
    /// .await;
    /// # });
    /// ```
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan { future: self, span: Some(span) }
    }

    /// Runs the future in a place of a trace, such as the one a task was spawned from.
    ///
    /// Runtimes do not pass on what is active to the tasks they spawn; this does.
    fn in_context(self, context: impl Into<Context>) -> InContext<Self> {
        let context = context.into();
        let at = context.span.as_ref().and_then(|span| span.at.as_ref());
        let provider = at.map(|at| at.segment.shared.provider.clone()).unwrap_or_default();
        InContext { future: self, context, provider }
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future inside a span; see [`FutureExt::in_span`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct InSpan<F> {
        #[pin]
        future: F,
        span: Option<Span>,
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let scope = this.span.as_ref().map(|span| span.activate());
        let polled = this.future.poll(task);
        drop(scope);
        if polled.is_ready() {
            // Now, not when the caller drops the future.
            *this.span = None;
        }
        polled
    }
}

pin_project! {
    /// A future in a place of a trace; see [`FutureExt::in_context`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InContext<F> {
        #[pin]
        future: F,
        context: Context,
        provider: Provider,
    }
}

impl<F> std::fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InContext").field("context", &self.context).finish_non_exhaustive()
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _scope = this.provider.activate(this.context.clone());
        this.future.poll(task)
    }
}
