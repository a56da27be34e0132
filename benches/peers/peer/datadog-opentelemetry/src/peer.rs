//! `datadog-opentelemetry`, by a tracer of its own type (`concrete`) or by the one of the process (`global`),
//! whose types are erased.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use through_opentelemetry::{Provider, ThroughOpenTelemetry};
use workload::CountAllocations;

pub(crate) fn run(count: Option<CountAllocations>) {
    // What `init` does, but that the propagator is at hand as well.
    let (provider, propagator) = datadog_opentelemetry::tracing().init_local();
    global::set_tracer_provider(provider.clone());
    let sender = Sender(provider.clone());
    match std::env::args().nth(1).as_deref() {
        Some("global") => workload::serve(
            &ThroughOpenTelemetry {
                tracer: global::tracer("peers"),
                provider: sender,
                propagator: Some(Box::new(propagator)),
            },
            count,
        ),
        _ => workload::serve(
            &ThroughOpenTelemetry {
                tracer: provider.tracer("peers"),
                provider: sender,
                propagator: Some(Box::new(propagator)),
            },
            count,
        ),
    }
}

struct Sender(SdkTracerProvider);

impl Provider for Sender {
    fn flush(&self) {
        if let Err(error) = self.0.force_flush() {
            eprintln!("flush: {error}");
        }
    }

    fn shutdown(&self, timeout: Duration) {
        if let Err(error) = self.0.shutdown_with_timeout(timeout) {
            eprintln!("shutdown: {error}");
        }
    }
}
