//! What the attribute `wrap` needs beyond `wrap_fn`: spans with more than a name, a look at what the function returns,
//! and spans of functions that nobody can be given as a closure.

use std::cell::Cell;

use super::call::WrapCall;
use super::executor::WrapExecutor;
use super::run::{count, run_by};
use super::wrapped::{Plan, Wrapped};
use crate::catch::catch;
use crate::panics;
use crate::text::Text;
use crate::trace::{ActiveSpan, Span, SpanBuilder, SpanRef};
use crate::tracer::Tracer;

/// A name that is known to be a literal, for which nobody has to look.
#[derive(Clone, Copy, Debug)]
pub struct Literal(pub &'static str);

impl From<Literal> for Text {
    #[inline]
    fn from(literal: Literal) -> Self {
        Text::literal(literal.0)
    }
}

impl<'t> Plan<'t> for SpanBuilder<'t> {
    #[inline]
    fn start(self, _: &'t Tracer) -> Span {
        SpanBuilder::start(self)
    }

    fn describe(self, _: &'t Tracer) -> SpanBuilder<'t> {
        self
    }
}

impl<'t, P: Plan<'t>> Wrapped<'t, P> {
    /// Says more of the span; not called where there is no tracer.
    #[inline]
    pub fn describe(
        self,
        say: impl FnOnce(SpanBuilder<'t>) -> SpanBuilder<'t>,
    ) -> Wrapped<'t, SpanBuilder<'t>> {
        let Wrapped { tracer, plan } = self;
        let plan = plan.describe(tracer);
        Wrapped { tracer, plan: if tracer.shared().is_some() { say(plan) } else { plan } }
    }

    /// Runs the function, and shows what it returns to `seen` before the span is finished; not where there is none.
    #[inline]
    pub fn run_and<T>(self, work: impl FnOnce() -> T, seen: impl FnOnce(&SpanRef, &T)) -> T {
        match self.executor() {
            None => {
                let span = self.plan.start(self.tracer).enter();
                let result = work();
                if !span.is_none() {
                    seen(&span, &result);
                }
                result
            }
            Some(executor) => run_by(executor, (self.tracer, self.plan), work, seen),
        }
    }

    /// Starts the span.
    #[inline]
    pub fn start(self) -> Span {
        match self.executor() {
            None => self.plan.start(self.tracer),
            Some(executor) => start_by(executor, self.tracer, self.plan),
        }
    }

    /// Starts the span and makes it active.
    #[inline]
    pub fn enter(self) -> ActiveSpan {
        self.start().enter()
    }
}

/// Starts a span by an executor; none where that panics.
#[cold]
fn start_by<'t>(executor: &dyn WrapExecutor, tracer: &'t Tracer, plan: impl Plan<'t>) -> Span {
    let started = Cell::default();
    let before = panics::set_aside();
    let span = catch(|| executor.start(WrapCall::new(tracer, plan.describe(tracer), &started)));
    let caught = panics::put_back(before);
    span.unwrap_or_else(|| {
        count(tracer, caught.as_deref());
        Span::none()
    })
}
