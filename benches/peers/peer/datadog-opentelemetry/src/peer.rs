//! `datadog-opentelemetry`, by a tracer of its own type (`concrete`) or by the one of the process (`global`),
//! whose types are erased; and through `tracing`.

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use through_opentelemetry::Sdk;
use workload::CountAllocations;

pub(crate) fn run(count: Option<CountAllocations>) {
    // What `init` does, but that the propagator is at hand as well.
    let (provider, propagator) = datadog_opentelemetry::tracing().init_local();
    global::set_tracer_provider(provider.clone());
    let tracer = provider.tracer("peers");
    match std::env::args().nth(1).as_deref() {
        Some("tracing") => through_tracing::serve(tracer, Sdk(provider), propagator, count),
        Some("global") => through_opentelemetry::serve(
            global::tracer("peers"),
            Sdk(provider),
            Some(Box::new(propagator)),
            count,
        ),
        _ => through_opentelemetry::serve(tracer, Sdk(provider), Some(Box::new(propagator)), count),
    }
}
