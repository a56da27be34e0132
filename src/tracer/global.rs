//! The tracer of the process, and the functions that use it.

use std::time::Duration;

use tracehound_fork::WriteOnce;

use super::exporter::Exporter;
use super::handle::Tracer;
use crate::diag::ShutdownCause;
use crate::diag::Statistics;
use crate::error::FlushError;
use crate::propagation::{Extractor, Injector};
use crate::text::Text;
use crate::trace::{
    ActiveContext, ActiveIds, ActiveScope, ActiveSpan, Span, SpanBuilder, SpanContext, SpanRef,
};

/// Written once, so that reading it is one atomic load.
static GLOBAL: WriteOnce<Tracer> = WriteOnce::new();
static NONE: Tracer = Tracer::none();

/// How long the guard waits for the agent at the end of the program.
const GUARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Installs the tracer of the process with the settings of the environment (`DD_*`).
///
/// The guard sends what is left and stops the tracer when it is dropped: keep it until the end of `main`.
/// A program that ends without that, by [`std::process::exit`] for example, has its finished spans
/// [sent all the same](TracerGuard#how-a-program-may-end). For settings in code, use [`Tracer::builder`] and [`TracerBuilder::install`](crate::TracerBuilder::install).
///
/// ```no_run
/// let _guard = tracehound::init();
/// tracehound::in_span("main", |_| println!("traced"));
/// ```
pub fn init() -> TracerGuard {
    Tracer::builder().install()
}

impl Tracer {
    /// Makes this the tracer of the process, as [`TracerBuilder::install`](crate::TracerBuilder::install) does with one that it builds.
    ///
    /// The guard sends what is left and stops the tracer when it is dropped: keep it until the end of
    /// `main`. Once only: where another tracer is installed already, a warning says so and that one stays.
    /// The guard of a second call does nothing.
    pub fn install(self) -> TracerGuard {
        install(self)
    }
}

pub(super) fn install(tracer: Tracer) -> TracerGuard {
    match GLOBAL.set(tracer.clone()) {
        Ok(()) => TracerGuard { tracer, timeout: GUARD_TIMEOUT },
        Err(second) => {
            if second != *self::tracer() {
                // Its worker ends with it.
                second.warn("a tracer is installed already; the second one is not used");
            }
            TracerGuard { tracer: Tracer::none(), timeout: GUARD_TIMEOUT }
        }
    }
}

/// Sends what is left and stops the tracer of the process when it is dropped.
///
/// `let _ = init()` drops it at once; give it a name. Spans that finish afterwards are lost, and a line says so.
///
/// # How a program may end
///
/// | end | what has finished |
/// | --- | --- |
/// | the guard is dropped: `main` returns, or panics | sent, within [`TracerGuard::timeout`] |
/// | [`std::process::exit`], on any thread; `main` returns, and the guard was forgotten or the tracer never installed | sent, within the same time (Unix; elsewhere lost) |
/// | `SIGTERM`, `SIGINT` | lost, up to the last [`flush_interval`](crate::TracerBuilder::flush_interval) (1 s); with `on_signals` (feature `signals`) sent |
/// | `abort`, `_exit`, `SIGKILL`, a crash | lost: nothing of the program runs any more |
///
/// What is not sent in time is counted, and said in one line before the end. Where there is nothing to send none of
/// this takes time, and where nobody listens at the agent's address two tenths of a second.
/// An exit within a function that the tracer calls on a thread of its own (a sampler, a log function) waits for
/// nothing. Exits in signal handlers wait for no lock, but `exit` is not made for that: prefer `on_signals`.
#[must_use = "the tracer stops when the guard is dropped; `let _ =` drops it at once"]
#[derive(Debug)]
pub struct TracerGuard {
    tracer: Tracer,
    timeout: Duration,
}

impl TracerGuard {
    /// How long to wait for the agent at the end; by default 2 seconds.
    ///
    /// Also where the process ends while there still is a guard.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        if self.tracer.parts().is_some() {
            Exporter::set_exit_timeout(timeout);
        }
        self
    }

    /// The tracer.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

impl Drop for TracerGuard {
    fn drop(&mut self) {
        if let Some(shared) = self.tracer.shared() {
            shared.diag.shut_down_by(ShutdownCause::GuardDropped);
        }
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

/// Describes a span, a **child of what is active** unless it is said otherwise; see [`Tracer::span`].
///
/// ```
/// let request = tracehound::trace("web.request");
/// let child = tracehound::span("cart.load").start();
/// assert_eq!(child.trace_id(), request.trace_id());
/// ```
pub fn span(name: impl Into<Text>) -> SpanBuilder<'static> {
    tracer().span(name)
}

/// Starts a span of a **new trace**, never a child, and does not make it active; see [`Tracer::start_span`].
///
/// For a child of what is active: [`span(name).start()`](span).
///
/// ```
/// let request = tracehound::trace("web.request");
/// let new_trace = tracehound::start_span("cache.refresh");
/// assert_eq!(new_trace.parent_id(), None);
/// ```
pub fn start_span(name: impl Into<Text>) -> Span {
    tracer().start_span(name)
}

/// Runs `work` inside a span; see [`Tracer::in_span`].
pub fn in_span<T>(name: impl Into<Text>, work: impl FnOnce(&SpanRef) -> T) -> T {
    tracer().in_span(name, work)
}

/// Runs `work` as a wrapped function: inside a span, by the tracer's executor where it has one; see [`Tracer::wrap_fn`].
pub fn wrap_fn<T>(name: impl Into<Text>, work: impl FnOnce() -> T) -> T {
    tracer().wrap_fn(name, work)
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
pub fn activate(context: impl Into<ActiveContext>) -> ActiveScope {
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

/// What has become of the spans of the process's tracer so far: see [`Tracer::statistics`].
///
/// ```
/// let _guard = tracehound::init();
/// tracehound::in_span("job", |_| ());
/// assert_eq!(tracehound::statistics().made(), 1);
/// ```
#[must_use]
pub fn statistics() -> Statistics {
    tracer().statistics()
}

/// Sends everything that has finished, and waits for it; see [`Tracer::flush`].
///
/// # Errors
///
/// As [`Tracer::flush`].
pub fn flush(timeout: Duration) -> Result<(), FlushError> {
    tracer().flush(timeout)
}

/// Sends everything that has finished, without blocking a thread; see [`Tracer::flush_async`].
///
/// The tracer is the one that is installed when this is called.
///
/// # Errors
///
/// As [`Tracer::flush`].
pub fn flush_async(
    timeout: Duration,
) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
    tracer().flush_async(timeout)
}

/// Sends everything that has finished, and stops, without blocking a thread; see [`Tracer::shutdown_async`].
///
/// The tracer is the one that is installed when this is called.
///
/// # Errors
///
/// As [`Tracer::shutdown`].
pub fn shutdown_async(
    timeout: Duration,
) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
    tracer().shutdown_async(timeout)
}

/// Sends everything that has finished, and stops; see [`Tracer::shutdown`].
///
/// # Errors
///
/// As [`Tracer::shutdown`].
pub fn shutdown(timeout: Duration) -> Result<(), FlushError> {
    tracer().shutdown(timeout)
}
