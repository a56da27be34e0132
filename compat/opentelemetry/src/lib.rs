//! tracehound-opentelemetry.
