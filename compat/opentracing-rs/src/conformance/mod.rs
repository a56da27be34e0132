//! The checks that every tracer has to pass, for those who write one.
//!
//! They follow the harnesses for APIs and scopes, and the testbed, of OpenTracing's language APIs:
//!
//! - [`API`]: every call works, on every tracer, also one that does nothing;
//! - [`SCOPES`]: what is active, and when closing a scope finishes its span;
//! - [`SPANS`]: parents, ids, times, baggage, errors;
//! - [`PATTERNS`]: the testbed's ways in which programs hand spans on, with threads;
//! - [`TASKS`]: the same with tasks, on the runtime of one's choice ([`run_tasks`]).
//!
//! A check is a function that panics where the tracer is wrong. [`run`] gives each a tracer of its own and
//! reports all that fail. Every check but those of [`API`] has to see what was finished: it needs
//! [`Subject::recording`].
//!
//! ```
//! use opentracing_rs::Tracer;
//! use opentracing_rs::conformance::{self, Subject};
//!
//! conformance::run(conformance::API, || Subject::new(Tracer::noop()));
//! ```

// `subject` is the tracer under test and the questions that checks ask; `suite` and `tasks` run them; the others are the
// checks. Tracers elsewhere rely on each check by its name: a new one may fail a tracer that was right before, and
// `tests/conformance_finds_faults.rs` shows for each which fault it finds.

mod api;
mod patterns;
mod scopes;
mod spans;
mod subject;
mod suite;
mod tasks;

pub use api::CHECKS as API;
pub use patterns::CHECKS as PATTERNS;
pub use scopes::CHECKS as SCOPES;
pub use spans::CHECKS as SPANS;
pub use subject::{FinishedSpan, Subject};
pub use suite::{Check, run};
pub use tasks::{BoxFuture, CHECKS as TASKS, Spawn, TaskCheck, run_tasks};
