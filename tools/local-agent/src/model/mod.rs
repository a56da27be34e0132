//! What was received, whichever encoding brought it.

mod finding;
mod quote;
mod sampling;
mod span;
mod trace;
mod tree;
mod value;

pub use finding::{Finding, Findings, Rule, Severity};
pub(crate) use quote::Quoted;
pub use sampling::Sampling;
pub(crate) use sampling::who_dropped;
pub use span::{Chunk, Event, Link, Span};
pub use trace::Trace;
pub use tree::{Node, Parent, Tree};
pub use value::{Text, Value};
