//! OpenTelemetry's tracer provider on the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace as otel;
use tracehound::FlushError;

use crate::propagator::Propagator;
use crate::tracer::Tracer;

/// Gives out OpenTelemetry tracers whose spans are spans of one core tracer.
///
/// [`install`](crate::install) makes one for the tracer of the process and sets it as the global one. Make
/// your own to use OpenTelemetry's API with another tracer, and call
/// [`share_context`](crate::share_context) if native spans are to be among its spans. Clones are the same
/// provider.
#[derive(Clone, Debug)]
pub struct TracerProvider {
    shared: Arc<Shared>,
}

/// What a provider shares with its tracers.
#[derive(Debug)]
pub(crate) struct Shared {
    /// `None` for the tracer of the process, which may be installed later than the provider.
    own: Option<tracehound::Tracer>,
    is_shut_down: AtomicBool,
}

impl Shared {
    pub(crate) fn tracer(&self) -> &tracehound::Tracer {
        self.own.as_ref().unwrap_or_else(|| tracehound::tracer())
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Relaxed)
    }
}

impl TracerProvider {
    /// A provider for a tracer.
    #[must_use]
    pub fn new(tracer: tracehound::Tracer) -> Self {
        Self::of(Some(tracer))
    }

    /// A provider for the tracer of the process.
    pub(crate) fn global() -> Self {
        Self::of(None)
    }

    fn of(own: Option<tracehound::Tracer>) -> Self {
        TracerProvider { shared: Arc::new(Shared { own, is_shut_down: false.into() }) }
    }

    /// A propagator for the headers of this provider's tracer.
    #[must_use]
    pub fn propagator(&self) -> Propagator {
        Propagator::new(self.clone())
    }

    pub(crate) fn tracer(&self) -> &tracehound::Tracer {
        self.shared.tracer()
    }

    /// Sends everything that has finished; see [`tracehound::Tracer::flush`].
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.shared.tracer().flush(timeout)
    }

    /// Sends everything that has finished and stops the tracer, also for native spans; see
    /// [`tracehound::Tracer::shutdown`]. Spans started afterwards through this provider do not exist.
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.shared.is_shut_down.store(true, Ordering::Relaxed);
        self.shared.tracer().shutdown(timeout)
    }
}

impl otel::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, _: InstrumentationScope) -> Tracer {
        Tracer::new(Arc::clone(&self.shared))
    }
}
