//! Tracehound.

#[cfg(feature = "agent")]
mod agent;
mod clock;
mod diag;
mod id;
mod sync;
mod text;

pub use diag::{Level, LossReason, Losses};
pub use id::{ParseIdError, SpanId, TraceId};
pub use text::Text;
