//! A tracer for one test, in every API, and the checks that every OpenTracing tracer has to pass.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses a part of it")]

pub mod checks;
pub mod teardown;

use std::future::Future;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use tracehound::testing::Captured;
use tracehound_opentelemetry::{TracerProvider, share_context};
use tracehound_opentracing::Tracer;
use tracehound_test_support::within;

pub const LIMIT: Duration = Duration::from_secs(60);

/// An OpenTracing tracer, the native one below it, and what they have finished.
pub fn tracers() -> (Tracer, tracehound::Tracer, Captured) {
    let (native, captured) = tracehound::testing::tracer();
    (Tracer::new(native.clone()), native, captured)
}

/// The same with OpenTelemetry's, whose context becomes the store of the process.
pub fn all_tracers() -> (Tracer, tracehound::Tracer, tracehound_opentelemetry::Tracer, Captured) {
    assert!(share_context());
    let (tracer, native, captured) = tracers();
    let otel = TracerProvider::new(native.clone()).tracer("test");
    (tracer, native, otel, captured)
}

/// Runs a program on either runtime of tokio, in a task, so that one of several threads can move it.
pub fn on_both<F: Future<Output = ()> + Send + 'static>(program: impl Fn() -> F) {
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    for runtime in [current, many] {
        let program = program();
        within(LIMIT, move || {
            runtime.block_on(async { tokio::spawn(program).await.unwrap() });
        });
    }
}
