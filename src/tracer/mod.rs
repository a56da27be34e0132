//! The tracer: the parts below put together, and the one of the process.

mod builder;
#[cfg_attr(feature = "agent", path = "exporter_agent.rs")]
#[cfg_attr(not(feature = "agent"), path = "exporter_none.rs")]
mod exporter;
mod foreign;
mod global;
mod handle;
mod propagation;
#[cfg(feature = "agent")]
mod sampler;
mod sampling_choice;

pub use builder::TracerBuilder;
pub use foreign::Identity;
pub use global::{
    Guard, activate, active_ids, current_root_span, current_span, extract, flush, in_span, init,
    inject, propagation_context, shutdown, span, start_span, trace, tracer,
};
pub use handle::Tracer;
