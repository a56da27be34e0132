//! Streams that carry their span.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_core::Stream;

use super::future::{InContext, InSpan, Unwinding};
use super::owned::Span;
use crate::trace::active::ActiveContext;

/// Gives a stream a span, or a place in a trace, that is active whenever the stream makes an item.
///
/// What [`FutureExt`](crate::FutureExt) is to futures. Needs the feature `stream`, whose one dependency is
/// `futures-core`.
pub trait StreamExt: Stream + Sized {
    /// Makes the items inside a span: active on each poll, finished when the stream has ended or is dropped, on
    /// whatever thread that is.
    ///
    /// Between two items the span stays open and is not active: what the receiver does with an item is not below it.
    /// For the body of a response, which is sent after its handler has returned.
    ///
    /// ```
    /// use futures_util::{StreamExt as _, stream};
    /// use tracehound::StreamExt as _;
    ///
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let rows = stream::iter(0..2).map(|row| tracer.in_span("row.load", |_| row));
    /// let body = rows.in_span(tracer.span("web.response").start());
    /// assert_eq!(body.collect::<Vec<_>>().await, [0, 1]);
    /// # });
    /// assert_eq!(captured.tree(), "web.response\n  row.load\n  row.load\n");
    /// ```
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan::new(self, span)
    }

    /// Makes the items in a place of a trace, such as the one that the stream was handed over from.
    ///
    /// ```
    /// use futures_util::{StreamExt as _, stream};
    /// use tracehound::StreamExt as _;
    ///
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let request = tracer.span("web.request").start();
    /// let rows = stream::iter(0..2).map(|row| tracer.in_span("row.load", |_| row));
    /// assert_eq!(rows.in_context(&request).collect::<Vec<_>>().await, [0, 1]);
    /// # });
    /// assert_eq!(captured.tree(), "web.request\n  row.load\n  row.load\n");
    /// ```
    fn in_context(self, context: impl Into<ActiveContext>) -> InContext<Self> {
        InContext::new(self, context.into())
    }
}

impl<S: Stream> StreamExt for S {}

impl<S: Stream> Stream for InSpan<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        let unwinding = Unwinding::watch(this.span.as_ref());
        let scope = this.span.as_ref().map(|span| span.activate());
        let polled = stream.poll_next(task);
        drop(scope);
        drop(unwinding);
        if matches!(polled, Poll::Ready(None)) {
            // Now, not when the receiver drops the stream.
            *this.span = None;
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: Stream> Stream for InContext<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        let scope = this.context.clone().map(ActiveContext::enter);
        let polled = stream.poll_next(task);
        drop(scope);
        if matches!(polled, Poll::Ready(None)) {
            *this.context = None;
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}
