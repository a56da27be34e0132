//! The tracer: the parts below put together, and the one of the process.

mod builder;
#[cfg_attr(feature = "agent", path = "exporter_agent.rs")]
#[cfg_attr(not(feature = "agent"), path = "exporter_none.rs")]
mod exporter;
mod global;
mod handle;

pub use builder::TracerBuilder;
pub use global::{
    Guard, activate, current_root_span, current_span, current_trace_context, flush, in_span, init,
    shutdown, span, start_span, trace, tracer,
};
pub use handle::Tracer;
