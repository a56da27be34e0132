//! Tracehound.

mod clock;
#[allow(dead_code)]
pub mod config;
mod diag;
mod id;
mod sync;
mod text;
mod trace;

pub use diag::{Level, LossReason, Losses};
pub use id::{ParseIdError, SpanId, TraceId};
pub use text::Text;
