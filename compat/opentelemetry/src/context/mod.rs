//! What is active: one store for both APIs, OpenTelemetry's context.
//!
//! It imports `span` and `convert`; `api` finds the parents of its spans here. `active` translates between a context of
//! OpenTelemetry and one of the core, and `baggage` merges what both say of baggage. `store` is the core's
//! [`ContextProvider`](tracehound::ContextProvider): the core calls it from every thread whenever a native span is
//! activated or looked for, so none of its functions may panic, wait, or attach anything while OpenTelemetry holds its
//! own context borrowed. `ext` is the public way across.

pub(crate) mod active;
pub(crate) mod baggage;
mod ext;
mod store;

pub use ext::ContextExt;
pub(crate) use store::forbid_attach;
pub use store::{OtelContextProvider, share_context};
