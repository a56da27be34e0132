//! A tracer for one test, in both APIs.

#![allow(unreachable_pub)]

use opentelemetry::trace::TracerProvider as _;
use tracehound::testing::Captured;
use tracehound_opentelemetry::{Tracer, TracerProvider, share_context};

/// A native tracer, OpenTelemetry's on the same, which names no scope, and what they have finished.
pub fn tracers() -> (tracehound::Tracer, Tracer, Captured) {
    assert!(share_context());
    let (native, captured) = tracehound::testing::tracer();
    let otel = TracerProvider::new(native.clone()).tracer("");
    (native, otel, captured)
}
