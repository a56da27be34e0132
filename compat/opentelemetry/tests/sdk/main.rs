//! Spans of OpenTelemetry's SDK on their way to Datadog.

#![cfg(feature = "sdk")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod assembly;
mod conversion;
mod delivery;
mod exit;
mod filters;
mod losses;
mod mappings;
mod priority;
mod propagation;
mod sampler;
mod support;
