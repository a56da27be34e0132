//! Traces, spans and what is active: the core that every API of the library shares.

mod at;
mod baggage;
mod blanks;
mod body;
mod bounds;
mod builder;
mod chunk;
mod chunk_builder;
mod context;
mod decided;
mod digest;
mod ending;
mod extras;
mod failure;
mod future;
mod hand_off;
mod handover;
mod last_sent;
mod late;
mod links;
mod new_tag;
mod owned;
mod provider;
mod record;
mod registry;
mod sampling;
mod segment;
mod sent_baggage;
mod shared;
mod slots;
mod span;
mod span_change;
mod span_context;
mod span_error;
mod span_read;
mod special_keys;
mod stack;
mod start;
#[cfg(feature = "stream")]
mod stream;
mod tag_index;
mod tag_order;
mod tagging;
mod tags;
#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;
mod value;
mod view;

pub(crate) use at::At;
pub use baggage::Baggage;
pub use builder::{LateNamed, SpanBuilder};
pub(crate) use builder::{begin_late_named, begin_named};
pub(crate) use chunk::{Buffers, Chunk};
pub use chunk_builder::{ChunkBuilder, RecordedSpan};
pub use context::Context;
pub use decided::DecisionMark;
#[cfg(feature = "agent")]
pub(crate) use digest::{Digests, digest};
#[cfg(feature = "agent")]
pub(crate) use ending::end_open_traces;
pub use extras::{EventValue, SpanEvent, SpanLink};
pub use failure::ErrorDescription;
pub use future::{FutureExt, InContext, InSpan};
pub use handover::inherited_context;
pub(crate) use handover::watch_forks;
pub use late::LateTags;
pub use owned::{ActiveSpan, Span};
pub(crate) use provider::Provider;
pub use provider::{ActiveIds, ContextProvider, Scope, ScopeToken, replace_context_store};
#[cfg(feature = "agent")]
pub(crate) use record::ServiceSource;
pub use record::{LateNames, NamingFn, SpanKind};
pub use sampling::{Decision, Mechanism, Priority};
pub(crate) use sampling::{kept_by_hash, sampling_hash};
pub(crate) use segment::Segment;
#[cfg(not(feature = "agent"))]
pub(crate) use shared::Nowhere;
pub(crate) use shared::{Shared, SharedLanes, Sink};
pub use span::SpanRef;
#[cfg(feature = "struct-tags")]
pub use span_change::StructTagError;
pub use span_context::SpanContext;
pub use special_keys::SpecialKeys;
pub(crate) use start::Lineage;
#[cfg(feature = "stream")]
pub use stream::StreamExt;
pub(crate) use tag_order::{OwnField, TagOrder};
pub(crate) use value::Kept;
pub use value::TagValue;
pub use view::SpanView;
