//! Traces, spans and what is active: the core that every API of the library shares.
//!
//! Five rooms, each of which uses those above it in this list and nothing else of it:
//!
//! - [`values`]: what there is without a trace. Tag values, links, events, baggage, sampling decisions, span contexts.
//! - [`tags`]: how the tags of a trace are kept, found and converted; what a trace may hold; tags that mean something.
//! - [`store`]: the spans of a trace in memory, from the first one that starts to the chunk that is handed off.
//! - [`active`]: what is active on a thread, and what a forked child knows of its parent's spans.
//! - [`span`]: what users hold. Handles, builders, futures.

mod active;
#[cfg(all(test, tracehound_model))]
mod models;
mod span;
mod store;
mod tags;
#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use active::watch_forks;
pub use active::{
    ActiveContext, ActiveIds, ActiveScope, ContextProvider, ScopeToken, inherited_context,
    replace_context_store,
};
#[cfg(feature = "stream")]
pub use span::StreamExt;
#[cfg(feature = "struct-tags")]
pub use span::StructTagError;
pub use span::{
    ActiveSpan, ChunkBuilder, ContextExt, ErrorDescription, FinishedSpan, FinishedTrace, FutureExt,
    InContext, InSpan, NewSpan, RecordedSpan, Span, SpanBuilder, SpanBuilderExt, SpanContextExt,
    SpanExt,
};
pub(crate) use span::{begin_named, begin_new};
#[cfg(not(feature = "agent"))]
pub(crate) use store::Nowhere;
pub(crate) use store::{
    Buffers, Census, Chunk, ContextStore, Lineage, Location, Moment, Segment, Shared, SharedShards,
    Sink,
};
pub use store::{DecisionMark, DerivedNames, HookGuard, HookHandle, NamingFn, SpanRef, SpanView};
#[cfg(feature = "agent")]
pub(crate) use store::{Found, OpenTrace, end_open_traces};
pub(crate) use tags::TagRef;
pub use tags::{DeferredTags, SpecialKeys};
#[cfg(feature = "agent")]
pub(crate) use tags::{Digests, digest, hash_text};
pub use values::{
    Baggage, EventValue, SamplingDecision, SamplingMechanism, SamplingPriority, SpanContext,
    SpanEvent, SpanKind, SpanLink, TagValue,
};
pub(crate) use values::{
    OwnField, ServiceSource, SourceCache, TagOrder, kept_by_hash, sampling_hash,
};
