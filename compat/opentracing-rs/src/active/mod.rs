//! Guards: a span is active, or is going to be finished, as long as one lives; and futures that hold them.
//!
//! What closing does, and what a panic does, is decided here for every tracer. A tracer only says whether an
//! activation is the one in effect.

mod finish_guard;
mod future;
mod panic_watch;
mod scope;
mod scope_manager;
mod thread_local;

pub use finish_guard::FinishGuard;
pub use future::{FutureExt, InSpan, TryInSpan, WithActiveSpan};
pub use scope::Scope;
pub use scope_manager::ScopeManager;
pub use thread_local::ThreadLocalScopeManager;
