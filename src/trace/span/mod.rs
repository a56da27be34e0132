//! What users hold: handles of spans, the builder of a span, futures and streams inside of one.
//!
//! [`SpanRef`](crate::SpanRef) itself is in `trace/store`, below what can be active; what it does with a span is here,
//! by what it is about: [`read`], [`change`], [`error`], [`place`], and [`bridge`] for what only bridges do. Every way to
//! set a tag begins in [`change`], [`builder`] or [`bridge`].

mod bridge;
mod builder;
mod change;
mod error;
mod failure;
mod finished;
mod future;
mod owned;
mod place;
mod print;
mod read;
mod recorded;
#[cfg(feature = "macros")]
mod shown;
#[cfg(feature = "stream")]
mod stream;

pub use bridge::{ContextExt, SpanBuilderExt, SpanContextExt, SpanExt};
pub use builder::{NewSpan, SpanBuilder};
pub(crate) use builder::{begin_named, begin_new};
#[cfg(feature = "struct-tags")]
pub use change::StructTagError;
pub use failure::ErrorDescription;
pub use finished::{FinishedSpan, FinishedTrace};
pub use future::{FutureExt, InContext, InSpan};
pub use owned::{ActiveSpan, Span};
pub use recorded::{ChunkBuilder, RecordedSpan};
#[cfg(feature = "stream")]
pub use stream::StreamExt;
