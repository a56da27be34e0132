//! OpenTelemetry's tracer provider on the core.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace as otel;
use tracehound::FlushError;

use crate::tracer::Tracer;

/// Gives out OpenTelemetry tracers whose spans are spans of one core tracer.
///
/// [`install`](crate::install) makes one for the tracer of the process and sets it as the global one. Make
/// your own to use OpenTelemetry's API with another tracer.
#[derive(Clone, Debug)]
pub struct TracerProvider {
    tracer: Arc<tracehound::Tracer>,
}

impl TracerProvider {
    /// A provider for a tracer.
    #[must_use]
    pub fn new(tracer: tracehound::Tracer) -> Self {
        TracerProvider { tracer: Arc::new(tracer) }
    }

    /// Sends everything that has finished; see [`tracehound::Tracer::flush`].
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.tracer.flush(timeout)
    }

    /// Sends everything that has finished and stops the tracer; see [`tracehound::Tracer::shutdown`].
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.tracer.shutdown(timeout)
    }
}

impl otel::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, _: InstrumentationScope) -> Tracer {
        Tracer::new(Arc::clone(&self.tracer))
    }
}
