//! The tracer of the process, and the functions that use it.

use std::time::Duration;

use tracehound_fork::WriteOnce;

use super::handle::Tracer;
use crate::error::FlushError;
use crate::propagation::{Extractor, Injector};
use crate::text::Text;
use crate::trace::{
    ActiveIds, ActiveSpan, Context, Scope, Span, SpanBuilder, SpanContext, SpanRef,
};

/// Written once, so that reading it is one atomic load.
static GLOBAL: WriteOnce<Tracer> = WriteOnce::new();
static NONE: Tracer = Tracer::none();

/// How long the guard waits for the agent at the end of the program.
const GUARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Installs the tracer of the process with the settings of the environment (`DD_*`).
///
/// The guard sends what is left and stops the tracer when it is dropped: keep it until the end of `main`.
/// For settings in code, use [`Tracer::builder`] and [`TracerBuilder::install`](crate::TracerBuilder::install).
///
/// ```no_run
/// let _guard = tracehound::init();
/// tracehound::in_span("main", |_| println!("traced"));
/// ```
pub fn init() -> Guard {
    Tracer::builder().install()
}

pub(super) fn install(tracer: Tracer) -> Guard {
    match GLOBAL.set(tracer.clone()) {
        Ok(()) => Guard { tracer, timeout: GUARD_TIMEOUT },
        Err(second) => {
            if second != *self::tracer() {
                // Its worker ends with it.
                second.warn("a tracer is installed already; the second one is not used");
            }
            Guard { tracer: Tracer::none(), timeout: GUARD_TIMEOUT }
        }
    }
}

/// Sends what is left and stops the tracer of the process when it is dropped.
///
/// `let _ = init()` drops it at once; give it a name.
#[must_use = "the tracer stops when the guard is dropped; `let _ =` drops it at once"]
#[derive(Debug)]
pub struct Guard {
    tracer: Tracer,
    timeout: Duration,
}

impl Guard {
    /// How long to wait for the agent at the end; by default 2 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The tracer.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What was not delivered has been counted and said by the pipeline.
        let _ = self.tracer.shutdown(self.timeout);
    }
}

/// The tracer of the process; the one that does nothing before [`init`].
#[must_use]
pub fn tracer() -> &'static Tracer {
    GLOBAL.get().unwrap_or(&NONE)
}

/// Starts a span below what is active and makes it active; see [`Tracer::trace`].
pub fn trace(name: impl Into<Text>) -> ActiveSpan {
    tracer().trace(name)
}

/// Describes a span; see [`Tracer::span`].
pub fn span(name: impl Into<Text>) -> SpanBuilder<'static> {
    tracer().span(name)
}

/// Starts a span of a new trace and does not make it active; see [`Tracer::start_span`].
pub fn start_span(name: impl Into<Text>) -> Span {
    tracer().start_span(name)
}

/// Runs `work` inside a span; see [`Tracer::in_span`].
pub fn in_span<T>(name: impl Into<Text>, work: impl FnOnce(&SpanRef) -> T) -> T {
    tracer().in_span(name, work)
}

/// The active span of this process; see [`Tracer::current_span`].
#[must_use]
pub fn current_span() -> Option<SpanRef> {
    tracer().current_span()
}

/// The ids of the active span, for signal handlers and allocators; see [`Tracer::active_ids`].
#[must_use]
pub fn active_ids() -> Option<ActiveIds> {
    tracer().active_ids()
}

/// The first span of the current trace in this process; see [`Tracer::current_root_span`].
#[must_use]
pub fn current_root_span() -> Option<SpanRef> {
    tracer().current_root_span()
}

/// What to hand to another process; see [`Tracer::propagation_context`].
#[must_use]
pub fn propagation_context() -> Option<SpanContext> {
    tracer().propagation_context()
}

/// Makes a span, or what came from elsewhere, the parent of what starts; see [`Tracer::activate`].
pub fn activate(context: impl Into<Context>) -> Scope {
    tracer().activate(context)
}

/// Writes the headers that let another process go on with the current trace; see [`Tracer::inject`].
pub fn inject(carrier: &mut dyn Injector) {
    tracer().inject(carrier);
}

/// Reads the context that came in with headers; see [`Tracer::extract`].
#[must_use]
pub fn extract(carrier: &dyn Extractor) -> Option<SpanContext> {
    tracer().extract(carrier)
}

/// Sends everything that has finished, and waits for it; see [`Tracer::flush`].
///
/// # Errors
///
/// As [`Tracer::flush`].
pub fn flush(timeout: Duration) -> Result<(), FlushError> {
    tracer().flush(timeout)
}

/// Sends everything that has finished, and stops; see [`Tracer::shutdown`].
///
/// # Errors
///
/// As [`Tracer::shutdown`].
pub fn shutdown(timeout: Duration) -> Result<(), FlushError> {
    tracer().shutdown(timeout)
}
