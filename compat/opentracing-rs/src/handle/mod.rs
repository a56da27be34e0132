//! The two handles that a program has, and the traits that are behind them.
//!
//! A tracer starts spans and a span knows its tracer, so these two files know each other; nothing else in the crate does
//! so. Here is only what needs nothing but the trait: the methods that give a guard stand beside that guard, in
//! `active`, and those that describe a span beside the builder.

mod span;
mod tracer;

pub use span::{Span, SpanBackend};
pub use tracer::{ScopeBackend, ScopeManagerBackend, Tracer, TracerBackend};
