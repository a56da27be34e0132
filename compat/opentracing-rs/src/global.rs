//! The tracer of the process.

use std::sync::OnceLock;

use crate::carrier::Error;
use crate::handle::Tracer;

/// Written once, so that reading it is one atomic load.
static GLOBAL: OnceLock<Tracer> = OnceLock::new();
static NOOP: Tracer = Tracer::noop();

/// Makes a tracer that of the process, for code that is not given one.
///
/// To be called once, early in `main`: what was started before went to the no-op tracer. Libraries do
/// not call it.
///
/// ```
/// use opentracing_rs::{ErrorKind, Tracer, set_global_tracer};
///
/// set_global_tracer(Tracer::noop())?;
/// let second = set_global_tracer(Tracer::noop()).unwrap_err();
/// assert_eq!(second.kind(), ErrorKind::GlobalTracerAlreadySet);
/// # Ok::<(), opentracing_rs::Error>(())
/// ```
///
/// # Errors
///
/// The process has one already; it stays, and the new one is dropped.
pub fn set_global_tracer(tracer: Tracer) -> Result<(), Error> {
    GLOBAL.set(tracer).map_err(|_| Error::global_tracer_already_set())
}

/// The tracer of the process; the no-op one before [`set_global_tracer`].
///
/// ```
/// let scope = opentracing_rs::global_tracer().start_active_span("request");
/// scope.span().set_tag("user", 42);
/// ```
#[must_use]
pub fn global_tracer() -> &'static Tracer {
    GLOBAL.get().unwrap_or(&NOOP)
}

/// Whether [`set_global_tracer`] has been called.
#[must_use]
pub fn is_global_tracer_set() -> bool {
    GLOBAL.get().is_some()
}
