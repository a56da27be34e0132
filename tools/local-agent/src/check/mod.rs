//! What a strict agent verifies, as findings.
//!
//! Three moments: [`request()`] looks at the headers, [`chunk()`] at spans as they arrive, [`trace()`] at
//! what is missing once a trace is quiet. All are pure functions.

mod chunk;
mod request;
mod span;
mod trace;

pub use chunk::chunk;
pub use request::{Head, request};
pub use trace::trace;
