//! Running a function by an executor of the program, so that the function runs whatever the executor does.

use std::cell::Cell;
use std::panic::resume_unwind;

use super::call::WrapCall;
use super::executor::WrapExecutor;
use super::wrapped::Plan;
use crate::catch::{Payload, catch, hold};
use crate::panics;
use crate::trace::SpanRef;
use crate::tracer::Tracer;
use crate::user_code::{UserCode, count_with};

/// How far a function is that an executor was given.
enum Work<W, T> {
    Waits(W),
    Returned(T),
    /// Also while it runs.
    Panicked(Payload),
}

/// What unwinds through an executor in the place of a function's own panic, which stays here for the function's caller:
/// the executor may catch it.
fn stand_in() -> Payload {
    Box::new("a wrapped function panicked")
}

impl<W: FnOnce() -> T, T> Work<W, T> {
    /// Runs the function, the first time; a panic of it goes on.
    fn run(&mut self) {
        match std::mem::replace(self, Work::Panicked(stand_in())) {
            Work::Waits(work) => match hold(work) {
                Ok(result) => *self = Work::Returned(result),
                Err(payload) => {
                    *self = Work::Panicked(payload);
                    resume_unwind(stand_in());
                }
            },
            other => *self = other,
        }
    }
}

/// Runs a function by an executor, and shows what it returns to `seen` where the executor has started a span.
#[cold]
pub(super) fn run_by<'t, T>(
    executor: &dyn WrapExecutor,
    (tracer, plan): (&'t Tracer, impl Plan<'t>),
    work: impl FnOnce() -> T,
    seen: impl FnOnce(&SpanRef, &T),
) -> T {
    let started = Cell::default();
    let mut seen = Some(seen);
    let mut work = Work::Waits(work);
    let before = panics::set_aside();
    let executed = catch(|| {
        executor.execute(WrapCall::new(tracer, plan.describe(tracer), &started), &mut || {
            work.run();
            let span: SpanRef = started.take();
            if let (Work::Returned(result), Some(seen)) = (&work, seen.take()) {
                if !span.is_none() {
                    seen(&span, result);
                }
            }
        });
    });
    if !matches!(work, Work::Panicked(_)) {
        // A panic that unwinds, where this is called in a `Drop`, is still what was said last.
        let own = panics::put_back(before);
        if executed.is_none() {
            count(tracer, own.as_deref());
        }
    }
    match work {
        Work::Waits(work) => work(),
        Work::Returned(result) => result,
        Work::Panicked(payload) => resume_unwind(payload),
    }
}

/// Counts a panic of an executor's own.
pub(super) fn count(tracer: &Tracer, caught: Option<&panics::Panicked>) {
    if let Some(shared) = tracer.shared() {
        count_with(UserCode::WrapExecutor, &shared.diag, caught);
    }
}
