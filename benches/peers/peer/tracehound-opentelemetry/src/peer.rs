//! Tracehound through OpenTelemetry's API, by a tracer of its own type (`concrete`) or by the one of the process
//! (`global`), whose types are erased; and through `tracing`.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use through_opentelemetry::Provider;
use tracehound::TracerGuard;
use tracehound_opentelemetry::TracerProvider;
use workload::CountAllocations;

pub(crate) fn run(count: Option<CountAllocations>) {
    let guard = tracehound::init();
    let provider = tracehound_opentelemetry::install();
    let propagator = provider.propagator();
    let tracer = provider.tracer("peers");
    let provider = Sender { provider, _guard: guard };
    match std::env::args().nth(1).as_deref() {
        Some("tracing") => through_tracing::serve(tracer, provider, propagator, count),
        Some("global") => through_opentelemetry::serve(
            global::tracer("peers"),
            provider,
            Some(Box::new(propagator)),
            count,
        ),
        _ => through_opentelemetry::serve(tracer, provider, Some(Box::new(propagator)), count),
    }
}

struct Sender {
    provider: TracerProvider,
    _guard: TracerGuard,
}

impl Provider for Sender {
    fn flush(&self) {
        if let Err(error) = self.provider.force_flush(Duration::from_secs(10)) {
            eprintln!("flush: {error}");
        }
    }

    fn shutdown(&self, timeout: Duration) {
        if let Err(error) = self.provider.shutdown(timeout) {
            eprintln!("shutdown: {error}");
        }
    }

    fn lost(&self) -> Option<u64> {
        Some(tracehound::tracer().losses().total())
    }
}
