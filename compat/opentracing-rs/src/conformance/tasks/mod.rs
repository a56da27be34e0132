//! The ways in which programs hand spans from task to task.

mod futures;
mod testbed;
mod tools;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use self::tools::catch;
use super::subject::Subject;
use super::suite::{failure, report};

/// A future of any type.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts a task on a runtime; what it gives back is done when the task is, and does not fail if the task
/// panics.
pub type Spawn = Arc<dyn Fn(BoxFuture) -> BoxFuture + Send + Sync>;

/// A check with tasks and its name.
pub type TaskCheck = (&'static str, fn(Subject, Spawn) -> BoxFuture);

macro_rules! checks {
    ($($name:literal: $check:path,)+) => {
        &[$(($name, |subject, spawn| Box::pin($check(subject, spawn)))),+]
    };
}

/// What a tracer that records does with futures, and the patterns of OpenTracing's testbed with tasks.
pub const CHECKS: &[TaskCheck] = checks! {
    "a future is in its span when it runs": futures::in_its_span,
    "futures of one task keep their spans apart": futures::joined,
    "a span is finished when its future is done": futures::done,
    "a future that is dropped finishes its span": futures::dropped,
    "an error marks the span of its future": futures::error,
    "a panic marks the span of its future": futures::panic,
    "a task inherits nothing": futures::inherits_nothing,
    "the active span is replaced for a while": testbed::replacement,
    "a client calls a server": testbed::client_and_server,
    "one handler serves many requests": testbed::request_handler,
    "a span ends after the work below it": testbed::late_finish,
    "a listener finishes the span of its request": testbed::listener,
    "several callbacks below one span": testbed::callbacks,
    "one span through nested callbacks": testbed::nested,
    "a subtask finds the span of its task": testbed::subtask,
};

/// Runs checks one after the other, each with a tracer of its own.
///
/// ```
/// # #[cfg(feature = "mock")]
/// # fn main() {
/// use std::sync::Arc;
///
/// use opentracing_rs::conformance::{self, BoxFuture, Subject};
/// use opentracing_rs::mock::MockTracer;
///
/// let spawn = |task: BoxFuture| -> BoxFuture {
///     let task = tokio::spawn(task);
///     Box::pin(async move { drop(task.await) })
/// };
/// let checks = conformance::run_tasks(
///     conformance::TASKS,
///     || Subject::from(MockTracer::new()),
///     Arc::new(spawn),
/// );
/// tokio::runtime::Runtime::new().unwrap().block_on(checks);
/// # }
/// # #[cfg(not(feature = "mock"))]
/// # fn main() {}
/// ```
///
/// # Panics
///
/// If a check fails; after all of them, with the names and messages of those that did.
pub async fn run_tasks(checks: &[TaskCheck], make: impl Fn() -> Subject, spawn: Spawn) {
    let mut failures = Vec::new();
    for (name, check) in checks {
        let subject = make();
        let outcome = catch(check(subject.clone(), Arc::clone(&spawn))).await;
        if let Err(panic) = outcome {
            failures.push(failure(name, &*panic));
        }
        if subject.tracer().active_span().is_some() {
            failures.push(format!("{name}: something stayed active"));
        }
    }
    report(&failures);
}
