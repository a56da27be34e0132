//! It passes them as well where OpenTelemetry's context is the store of the process, which is for good.

mod common;

#[test]
fn with_opentelemetrys_context() {
    assert!(tracehound_opentelemetry::share_context());
    common::checks::run_all();
}
