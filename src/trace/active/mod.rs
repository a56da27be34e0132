//! What is active: where it is kept, what ends it, and what a forked child knows of it.
//!
//! [`provider`] is the trait of a store, [`thread_stack`] the default one; [`guarded`] catches the panics of other
//! stores; [`store`] calls the one that a tracer has. Nothing here changes a span. What is active may be read in a
//! signal handler (`active_ids`): `thread_stack` says what that forbids.

mod context;
mod guarded;
mod handover;
mod provider;
mod scope;
mod store;
mod thread_stack;

pub use context::ActiveContext;
pub use guarded::replace_context_store;
pub use handover::inherited_context;
pub(crate) use handover::watch_forks;
pub use provider::{ActiveIds, ContextProvider, ScopeToken};
pub use scope::ActiveScope;
