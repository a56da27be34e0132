//! What a strict agent verifies, as findings.
//!
//! Three moments: [`request()`] looks at the headers, [`chunk()`] at spans as they arrive, [`trace()`] at
//! what is missing once a trace is quiet. All are pure functions: a new check is a few lines in one of them, a `Rule`, and
//! a test beside it. `store` calls them and keeps what they find.

mod chunk;
mod request;
mod span;
mod trace;

pub use chunk::chunk;
pub use request::{Headers, request};
pub use trace::trace;
