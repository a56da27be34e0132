//! Futures that carry their span. What is polled for more than one thing is in `stream`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use pin_project_lite::pin_project;

use super::owned::{Span, warn_of_await};
use crate::trace::active::{ActiveContext, ActiveScope};
use crate::trace::store::SpanRef;

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
        InSpan::new(self, span)
    }

    /// Runs the future in a place of a trace, such as the one a task was spawned from.
    ///
    /// Runtimes do not pass on what is active to the tasks they spawn; this does.
    ///
    /// ```
    /// use tracehound::FutureExt;
    ///
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let request = tracer.trace("web.request");
    /// let price = tracer.clone();
    /// let task = async move { price.in_span("cart.price", |_| ()) }.in_context(tracer.context());
    /// tokio::spawn(task).await.unwrap();
    /// drop(request);
    /// # });
    /// assert_eq!(captured.tree(), "web.request\n  cart.price\n");
    /// ```
    fn in_context(self, context: impl Into<ActiveContext>) -> InContext<Self> {
        InContext::new(self, context.into())
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// A future, or a stream, inside a span; see [`FutureExt::in_span`].
    #[must_use = "futures and streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct InSpan<F> {
        // `None` only once it has been dropped.
        #[pin]
        pub(crate) inner: Option<F>,
        // `None` when it is done.
        pub(crate) span: Option<Span>,
    }

    impl<F> PinnedDrop for InSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // What the future holds may trace when it is dropped, and belongs to the span like the rest.
            let _scope = this.span.as_ref().map(|span| span.activate());
            this.inner.set(None);
        }
    }
}

impl<F> InSpan<F> {
    pub(crate) fn new(inner: F, span: Span) -> Self {
        InSpan { inner: Some(inner), span: Some(span) }
    }

    /// Without a span, which comes later.
    #[cfg(feature = "macros")]
    pub(crate) fn before(inner: F) -> Self {
        InSpan { inner: Some(inner), span: None }
    }

    #[cfg(feature = "macros")]
    pub(crate) fn set_span(self: Pin<&mut Self>, span: Span) {
        *self.project().span = Some(span);
    }
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        self.poll_and(task, |_, _| ())
    }
}

impl<F: Future> InSpan<F> {
    /// Polls, and shows what comes out of the future to `seen` before the span is finished.
    #[inline]
    pub(crate) fn poll_and(
        self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
        seen: impl FnOnce(&SpanRef, &F::Output),
    ) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.inner.as_pin_mut() else { return Poll::Pending };
        let unwinding = Unwinding::watch(this.span.as_ref());
        let scope = this.span.as_ref().map(|span| span.activate());
        let polled = future.poll(task);
        if cfg!(debug_assertions) && polled.is_pending() {
            look_for_others(scope.as_ref(), this.span.as_deref());
        }
        if let (Poll::Ready(output), Some(span)) = (&polled, this.span.as_ref()) {
            seen(span, output);
        }
        drop(scope);
        drop(unwinding);
        if polled.is_ready() {
            // Now, not when the caller drops the future.
            *this.span = None;
        }
        polled
    }
}

/// Marks the span of a future, or a stream, that panics, while it does: who catches the panic may drop it later.
pub(super) struct Unwinding<'s> {
    span: Option<&'s Span>,
    /// It runs in a destructor, which a panic of somebody else has called.
    before: bool,
}

impl<'s> Unwinding<'s> {
    pub(super) fn watch(span: Option<&'s Span>) -> Self {
        Unwinding { span, before: std::thread::panicking() }
    }
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.span.filter(|_| !self.before) {
            span.set_current_panic();
        }
    }
}

/// Says in debug builds that a future waits which has left something active.
fn look_for_others(scope: Option<&ActiveScope>, span: Option<&SpanRef>) {
    if scope.is_some_and(|scope| !scope.is_active()) {
        span.and_then(|span| span.at.as_ref()).into_iter().for_each(warn_of_await);
    }
}

pin_project! {
    /// A future, or a stream, in a place of a trace; see [`FutureExt::in_context`].
    #[must_use = "futures and streams do nothing unless polled"]
    pub struct InContext<F> {
        // `None` only once it has been dropped.
        #[pin]
        pub(crate) inner: Option<F>,
        // `None` when it is done.
        pub(crate) context: Option<ActiveContext>,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _scope = this.context.take().map(ActiveContext::enter);
            this.inner.set(None);
        }
    }
}

impl<F> InContext<F> {
    pub(crate) fn new(inner: F, context: ActiveContext) -> Self {
        InContext { inner: Some(inner), context: Some(context) }
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
        let Some(future) = this.inner.as_pin_mut() else { return Poll::Pending };
        let scope = this.context.clone().map(ActiveContext::enter);
        let polled = future.poll(task);
        if cfg!(debug_assertions) && polled.is_pending() {
            look_for_others(scope.as_ref(), this.context.as_ref().map(|context| &context.span));
        }
        drop(scope);
        if polled.is_ready() {
            *this.context = None;
        }
        polled
    }
}
