//! What was received, whichever encoding brought it.
//!
//! Everything else rests on these types, and they on nothing. A new field of a span is added here, filled by each
//! decoder that has it, and shown by `display`; a new thing to complain about is a `Rule`.

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

/// A span that passes all checks.
#[cfg(test)]
pub(crate) fn valid_span(trace_id: u128, span_id: u64, parent_id: u64) -> Span {
    Span {
        trace_id,
        span_id,
        parent_id,
        service: "svc".into(),
        name: "op".into(),
        resource: "res".into(),
        start_ns: 1_700_000_000_000_000_000,
        metrics: [("_sampling_priority_v1".into(), 1.0)].into(),
        ..Span::default()
    }
}
