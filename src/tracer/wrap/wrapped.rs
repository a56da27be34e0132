//! A call of a wrapped function, before its span has started.

use super::executor::WrapExecutor;
use super::run::run_by;
use crate::text::Text;
use crate::trace::{Span, SpanBuilder, begin_named};
use crate::tracer::Tracer;

/// What the span of a call is to be like.
pub trait Plan<'t>: Sized {
    /// Starts the span, below what is active.
    fn start(self, tracer: &'t Tracer) -> Span;

    /// The same as a description, to which more can be said.
    fn describe(self, tracer: &'t Tracer) -> SpanBuilder<'t>;
}

/// A name and nothing else, for which nothing need be built. It becomes a text where the span starts, and is not moved
/// as one before.
#[derive(Debug)]
pub struct Named<N>(N);

impl<'t, N: Into<Text>> Plan<'t> for Named<N> {
    #[inline]
    fn start(self, tracer: &'t Tracer) -> Span {
        match tracer.shared() {
            Some(shared) => begin_named(shared, self.0.into(), false),
            None => Span::none(),
        }
    }

    fn describe(self, tracer: &'t Tracer) -> SpanBuilder<'t> {
        tracer.span(self.0)
    }
}

/// A call of a wrapped function: its tracer, and what its span is to be like.
#[must_use = "it is the function that has to run"]
#[derive(Debug)]
pub struct Wrapped<'t, P> {
    pub(super) tracer: &'t Tracer,
    pub(super) plan: P,
}

impl<'t, N: Into<Text>> Wrapped<'t, Named<N>> {
    /// A call whose span has a name and nothing else.
    #[inline]
    pub fn new(tracer: &'t Tracer, name: N) -> Self {
        Wrapped { tracer, plan: Named(name) }
    }
}

impl<'t, P: Plan<'t>> Wrapped<'t, P> {
    /// Runs the function.
    #[inline]
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        match self.executor() {
            None => {
                let _span = self.plan.start(self.tracer).enter();
                work()
            }
            // In pieces, so that it need not be put together in memory for this case.
            Some(executor) => run_by(executor, (self.tracer, self.plan), work, |_, _| ()),
        }
    }

    #[inline]
    pub(super) fn executor(&self) -> Option<&'t dyn WrapExecutor> {
        self.tracer.parts()?.wrap_executor.as_deref()
    }
}

impl Tracer {
    /// Runs `work` as a wrapped function: in a span that is active meanwhile, a child of what is active.
    ///
    /// It is [`in_span`](Tracer::in_span) for whole functions, and what the attribute `#[tracehound::wrap]` does: where
    /// the tracer has a [`WrapExecutor`], that runs the function. The span is the
    /// [active one](Tracer::current_span) in `work`. For async functions use the attribute, or
    /// [`FutureExt::in_span`](crate::FutureExt::in_span).
    ///
    /// ```
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// let sum = tracer.wrap_fn("numbers.sum", || [1, 2, 3].iter().sum::<i32>());
    /// assert_eq!(sum, 6);
    /// assert_eq!(captured.tree(), "numbers.sum\n");
    /// ```
    #[inline]
    pub fn wrap_fn<T>(&self, name: impl Into<Text>, work: impl FnOnce() -> T) -> T {
        Wrapped::new(self, name).run(work)
    }
}
