//! Making the bridge the global one.

use opentelemetry::global;
use tracehound::Tracer;

use super::provider::{TracerProvider, TracerProviderBuilder};
use super::state::is_off;
use crate::context::share_context;

/// Makes the tracer of the process the one behind OpenTelemetry's global API, propagator included, and
/// OpenTelemetry's context the one store of what is active.
///
/// Call it once at the start, after [`tracehound::init`] and before the first span. Returns the provider,
/// which needs not be kept. [`TracerProviderBuilder::install`] does the same with limits or a tracer of your
/// own.
///
/// Where `DD_TRACE_OTEL_ENABLED` is `false`, or `OTEL_SDK_DISABLED` is `true`, it installs nothing: native
/// spans go on as without the bridge, and the provider's spans do not exist.
pub fn install() -> TracerProvider {
    TracerProvider::builder().install()
}

impl TracerProviderBuilder {
    /// Makes the provider and installs it; see [`install`].
    pub fn install(self) -> TracerProvider {
        if is_off(self.own_tracer().unwrap_or_else(|| tracehound::tracer())) {
            return TracerProvider::new(Tracer::none());
        }
        share_context();
        let provider = self.build();
        global::set_text_map_propagator(provider.propagator());
        global::set_tracer_provider(provider.clone());
        provider
    }
}
