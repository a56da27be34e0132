//! The types of values that exist without a trace: what spans are given, and what they give out.
//!
//! Each file is one type, with its conversions and limits. Nothing here knows of a span, a trace or a lock; everything
//! else in `trace`, and `propagation` and `sampling` above it, relies on that. A new kind of tag value, link or event
//! attribute begins here.

#[macro_use]
mod conversions;

mod baggage;
mod decision;
mod entries;
mod event;
mod kind;
mod link;
mod service_source;
mod span_context;
mod stack;
mod tag_order;
mod tag_value;

pub use baggage::Baggage;
pub use decision::{SamplingDecision, SamplingMechanism, SamplingPriority};
pub(crate) use decision::{kept_by_hash, sampling_hash};
pub(crate) use entries::{ENTRY_BYTES, set_entry};
pub use event::{EventValue, SpanEvent};
pub use kind::SpanKind;
pub use link::SpanLink;
pub(crate) use service_source::{ServiceSource, SourceCache};
pub use span_context::SpanContext;
pub(crate) use stack::Stack;
pub(crate) use tag_order::{OwnField, TagOrder};
pub use tag_value::TagValue;
pub(crate) use tag_value::{bool_text, is_exact};
