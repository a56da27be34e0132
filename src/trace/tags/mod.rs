//! The tags of the spans of a trace: one vector for all of them, with a list through it for each span.
//!
//! [`arena`] is that vector; [`put`] sets a tag in it, whoever calls. [`new_tag`] is a tag on its way there, [`stored`]
//! what its value becomes, and [`index`] finds one of many. [`held`] and [`bounds`] say how much a trace may hold.
//! [`deferred`] and [`deferring`] have tags of another API until they are read. [`special`] is the table of tags that do
//! more: a tag with a meaning of its own is a row there. The lock around all of this is the segment's (`trace/store`).
//! Once a trace has been handed off, the encoder reads what is here without one.

mod arena;
mod bounds;
mod deferred;
mod deferring;
mod digest;
mod held;
mod index;
mod new_tag;
mod put;
mod special;
mod special_keys;
mod stored;

pub(crate) use arena::{TagList, Tags};
pub use deferred::DeferredTags;
pub(crate) use deferred::{Deferred, TagLists};
#[cfg(feature = "agent")]
pub(crate) use digest::Digests;
pub(crate) use digest::{digest, hash};
pub(crate) use new_tag::{Key, LiteralKey, NewValue, TagKey, TagTarget, put_value};
pub(crate) use special::{Change, Special, changes};
pub use special_keys::SpecialKeys;
pub(crate) use stored::StoredValue;
pub(crate) use stored::TagRef;
