//! Making the bridge the global one.

use opentelemetry::global;

use crate::context_store;
use crate::provider::TracerProvider;

/// Makes the tracer of the process the one behind OpenTelemetry's global API, and OpenTelemetry's context
/// the one store of what is active.
///
/// Call it once at the start, after [`tracehound::init`] and before the first span. Returns the provider,
/// which needs not be kept.
pub fn install() -> TracerProvider {
    context_store::share();
    let provider = TracerProvider::new(tracehound::tracer().clone());
    global::set_tracer_provider(provider.clone());
    provider
}
