//! The spans of a trace in memory: from the first one that starts to the chunk that is handed off.
//!
//! [`layout`] shows every type on one page; what each does is in the file of its name. A span starts in [`start`], is
//! changed and finished through its [`location`], and leaves by [`hand_off`]; [`ending`] is what a tracer's end does to
//! open traces.
//!
//! Rules: convert first, lock second. No code of the program runs under the lock of a segment but for what `segment`
//! names, and nothing is waited for there. Everything above relies on a handle being harmless whatever became of its span.

mod body;
mod census;
mod change;
mod chunk;
mod decision;
mod ending;
mod extras;
mod hand_off;
mod handle;
mod hooks;
mod last_sent;
mod layout;
mod links;
mod location;
#[cfg(feature = "agent")]
mod long_open;
mod parts;
mod pool;
mod record;
mod registry;
mod segment;
mod sent_baggage;
mod shared;
mod slots;
mod start;
mod view;

pub(crate) use census::Census;
#[cfg(feature = "http-tags")]
pub(crate) use change::replace_service;
pub(crate) use change::set_service;
pub use decision::DecisionMark;
#[cfg(feature = "agent")]
pub(crate) use ending::end_open_traces;
pub use hooks::{HookGuard, HookHandle};
pub(crate) use hooks::{Moment, started};
pub(crate) use layout::{
    Body, Buffers, Chunk, ContextStore, ContextStores, Location, Record, Segment, Shared,
    SharedShards, Sink, Slots,
};
pub use layout::{DerivedNames, NamingFn, SpanRef, SpanView};
#[cfg(feature = "agent")]
pub(crate) use long_open::{Found, OpenTrace};
pub(crate) use pool::give_back;
#[cfg(not(feature = "agent"))]
pub(crate) use shared::Nowhere;
#[cfg(test)]
pub(crate) use slots::MAX_SPANS_PER_TRACE;
pub(crate) use start::Lineage;
pub(crate) use start::{Draft, NoChild};
