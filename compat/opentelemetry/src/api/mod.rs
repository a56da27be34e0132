//! OpenTelemetry's API on a tracer of the core: provider, tracer, propagator, and what installs them.
//!
//! It imports the rooms below, `context`, `span` and `convert`; only `sdk` imports it, for a propagator. This is what a
//! program without OpenTelemetry's SDK uses, so names and signatures here are the public API. `state` is what a
//! provider, its tracers and its propagator share. `Tracer::begin` runs for every span while OpenTelemetry may hold its
//! context borrowed: nothing in it may attach a context.

mod install;
mod propagator;
mod provider;
mod resource;
mod state;
mod tracer;

pub use install::install;
pub use propagator::Propagator;
pub use provider::{TracerProvider, TracerProviderBuilder};
pub use resource::ResourceExt;
pub use tracer::Tracer;
