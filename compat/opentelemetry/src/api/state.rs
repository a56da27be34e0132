//! What a provider shares with its tracers and propagators.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tracehound::Tracer;
use tracehound::config::SpanLimits;

#[derive(Debug)]
pub(super) struct State {
    /// `None` for the tracer of the process, which may be installed later than the provider.
    own: Option<Tracer>,
    /// Known once there is a tracer; `None` in there for the default ones.
    limits: OnceLock<Option<SpanLimits>>,
    /// Whether a sampling decision that came in with the parent counts.
    pub(super) is_parent_based: bool,
    is_shut_down: AtomicBool,
}

impl State {
    pub(super) fn new(
        own: Option<Tracer>,
        limits: Option<SpanLimits>,
        is_parent_based: bool,
    ) -> Self {
        let own = own.map(|tracer| if is_off(&tracer) { Tracer::none() } else { tracer });
        let limits = limits.map_or_else(OnceLock::new, |limits| custom(limits).into());
        State { own, limits, is_parent_based, is_shut_down: AtomicBool::new(false) }
    }

    pub(super) fn tracer(&self) -> &Tracer {
        self.own.as_ref().unwrap_or_else(|| tracehound::tracer())
    }

    /// The limits of spans; `None` for the default ones.
    pub(super) fn limits(&self) -> Option<&SpanLimits> {
        if let Some(limits) = self.limits.get() {
            return limits.as_ref();
        }
        let limits = self.tracer().config()?.otel_span_limits();
        self.limits.get_or_init(|| custom(limits)).as_ref()
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Relaxed)
    }

    /// Spans that start from now on do not exist.
    pub(super) fn shut_down(&self) {
        self.is_shut_down.store(true, Ordering::Relaxed);
    }
}

fn custom(limits: SpanLimits) -> Option<SpanLimits> {
    Some(limits).filter(|limits| *limits != SpanLimits::DEFAULT)
}

/// Whether the settings of a tracer switch OpenTelemetry's API off.
pub(super) fn is_off(tracer: &Tracer) -> bool {
    tracer.config().is_some_and(|config| !config.otel_enabled())
}
