//! OpenTelemetry's tracer provider on the core.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace as otel;
use tracehound::FlushError;
use tracehound::config::SpanLimits;

use super::propagator::Propagator;
use super::state::State;
use super::tracer::Tracer;

/// Gives out OpenTelemetry tracers whose spans are spans of one core tracer.
///
/// [`install`](crate::install) makes one for the tracer of the process and sets it as the global one. Make
/// your own to use OpenTelemetry's API with another tracer, and call
/// [`share_context`](crate::share_context) if native spans are to be among its spans. Clones are the same
/// provider.
///
/// Where `DD_TRACE_OTEL_ENABLED` of the tracer is `false`, or `OTEL_SDK_DISABLED` is `true`, its spans do not
/// exist.
#[derive(Clone, Debug)]
pub struct TracerProvider {
    state: Arc<State>,
}

/// Describes a [`TracerProvider`].
///
/// ```
/// use tracehound_opentelemetry::{SpanLimits, TracerProvider};
///
/// let tracer = tracehound::Tracer::builder().service("shop").build();
/// let limits = SpanLimits::default().events(1000).value_chars(4096);
/// let provider = TracerProvider::builder().tracer(tracer).limits(limits).build();
/// ```
#[must_use = "a builder does nothing before `build`"]
#[derive(Clone, Debug, Default)]
pub struct TracerProviderBuilder {
    tracer: Option<tracehound::Tracer>,
    limits: Option<SpanLimits>,
    ignores_parent: bool,
}

impl TracerProviderBuilder {
    /// The tracer whose spans are made; by default the tracer of the process, which may be installed later.
    pub fn tracer(mut self, tracer: tracehound::Tracer) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// How much a span may hold; by default what the `OTEL_*_LIMIT` variables say, else
    /// [`SpanLimits::default`].
    ///
    /// What is beyond is dropped and counted on the span, in the metrics `otel.dropped_attributes_count`,
    /// `otel.dropped_events_count` and `otel.dropped_links_count`; on an event or a link, in an attribute
    /// `otel.dropped_attributes_count`. An attribute that is set again, or natively, is not one more.
    pub fn limits(mut self, limits: SpanLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Whether the sampling decision of a parent in another process is followed; by default it is, as by
    /// OpenTelemetry's `ParentBased`.
    ///
    /// With `false` each trace that comes in is sampled anew by what this process says (rules, rates, `manual.keep`),
    /// whatever was decided upstream, and services called from here are told the new decision. For a service that
    /// cannot trust its callers to sample, or has to see all of its own traffic. The trace itself goes on: its id, the
    /// parent, origin, baggage, `_dd.p.*` and the members of other vendors in `tracestate` stay. Traces may then be
    /// incomplete: a part that was dropped upstream can be kept here.
    ///
    /// It is about spans that this provider starts right below a remote parent. A context that is passed on without a
    /// span keeps the decision it came with, as native spans do, which have
    /// [`SpanContext::without_decision`](tracehound::SpanContext::without_decision) for it.
    ///
    /// ```
    /// use tracehound_opentelemetry::TracerProvider;
    ///
    /// let tracer = tracehound::Tracer::builder().service("edge").sample_rate(0.1).build();
    /// let provider = TracerProvider::builder().tracer(tracer).parent_based_sampling(false).build();
    /// ```
    pub fn parent_based_sampling(mut self, follow: bool) -> Self {
        self.ignores_parent = !follow;
        self
    }

    pub(super) fn own_tracer(&self) -> Option<&tracehound::Tracer> {
        self.tracer.as_ref()
    }

    /// Makes the provider.
    #[must_use]
    pub fn build(self) -> TracerProvider {
        let TracerProviderBuilder { tracer, limits, ignores_parent } = self;
        TracerProvider { state: Arc::new(State::new(tracer, limits, !ignores_parent)) }
    }
}

impl TracerProvider {
    /// A provider for a tracer.
    #[must_use]
    pub fn new(tracer: tracehound::Tracer) -> Self {
        Self::builder().tracer(tracer).build()
    }

    /// Describes a provider; see [`TracerProviderBuilder`].
    pub fn builder() -> TracerProviderBuilder {
        TracerProviderBuilder::default()
    }

    /// A propagator for the headers of this provider's tracer.
    #[must_use]
    pub fn propagator(&self) -> Propagator {
        Propagator::new(Arc::clone(&self.state))
    }

    /// Sends everything that has finished; see [`tracehound::Tracer::flush`].
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.state.tracer().flush(timeout)
    }

    /// Sends everything that has finished and stops the tracer, also for native spans; see
    /// [`tracehound::Tracer::shutdown`]. Spans started afterwards through this provider do not exist.
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.state.shut_down();
        self.state.tracer().shutdown(timeout)
    }
}

impl otel::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Tracer::new(Arc::clone(&self.state), &scope)
    }
}
