//! What is sent by OpenTelemetry's SDK.

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Provider;

/// The SDK's provider.
#[derive(Debug)]
pub struct Sdk(pub SdkTracerProvider);

impl Provider for Sdk {
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
