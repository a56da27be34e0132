//! The tracer: the parts below put together, and the one of the process.

mod bridge;
mod builder;
#[cfg(feature = "agent")]
mod exit;
#[cfg_attr(feature = "agent", path = "exporter_agent.rs")]
#[cfg_attr(not(feature = "agent"), path = "exporter_none.rs")]
mod exporter;
mod fixed_settings;
mod global;
mod handle;
mod hooks;
mod old_names;
mod propagation;
mod reconfigure;
#[cfg(feature = "agent")]
mod sampler;
mod sampling_choice;
mod setup;
#[cfg(all(unix, feature = "signals"))]
mod signals;
mod startup;
mod wrap;
#[cfg(feature = "agent")]
mod writer;

pub use bridge::{Identity, TracerBuilderExt, TracerExt};
pub use builder::TracerBuilder;
#[cfg(feature = "agent")]
pub use exit::before_exit;
pub use global::{
    TracerGuard, activate, active_ids, current_root_span, current_span, extract, flush,
    flush_async, in_span, init, inject, propagation_context, shutdown, shutdown_async, span,
    start_span, statistics, trace, tracer, wrap_fn,
};
pub use handle::Tracer;
pub use propagation::TracestateExt;
pub use reconfigure::ReconfigureError;
#[cfg(all(unix, feature = "signals"))]
pub use signals::on_signals;
#[cfg(feature = "macros")]
pub use wrap::{Literal, Named, Wrapped, WrappedFuture};
pub use wrap::{WrapCall, WrapExecutor};
#[cfg(feature = "agent")]
pub use writer::{OtlpWriter, TraceWriter};
