//! The tags of the spans of a trace: one vector for all of them, with a list through it for each span.
//!
//! [`arena`] is that vector, and every tag goes in through it. [`stored`] is what a tag's value becomes, [`special`] says
//! which names do more than set a tag, [`late`] keeps what another API has set until somebody looks, [`bounds`] says how
//! much a trace may hold. The lock around all of this is the segment's (`trace/store`), and the encoder reads what is
//! here without one, once the trace has been handed off. A tag with a meaning of its own is a row in [`special`].

mod arena;
mod bounds;
mod deferred;
mod digest;
mod index;
mod new_tag;
mod special;
mod special_keys;
mod stored;

pub(crate) use arena::{TagList, Tags};
pub use deferred::DeferredTags;
pub(crate) use deferred::{Deferred, TagLists};
#[cfg(feature = "agent")]
pub(crate) use digest::Digests;
pub(crate) use digest::digest;
pub(crate) use new_tag::{Key, LiteralKey, NewValue, TagKey, TagTarget, put_value};
pub(crate) use special::{Change, Special, changes};
pub use special_keys::SpecialKeys;
pub(crate) use stored::StoredValue;
pub(crate) use stored::TagRef;
