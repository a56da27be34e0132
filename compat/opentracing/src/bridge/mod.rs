//! What stands behind `opentracing_rs`'s handles: each of its traits, implemented by something of the core.
//!
//! `backend` is the tracer, with `carrier` for OpenTracing's own headers; `span` a span, with `tags` and `log`; `context`
//! what goes to children and other processes; `scope_manager` what is active. Spans, their baggage and what is active are
//! in the core: nothing here may keep a copy that could disagree. How a tracer is configured is not known here.

mod backend;
mod carrier;
mod context;
mod log;
mod scope_manager;
mod span;
mod tags;

pub(crate) use backend::Backend;
pub use context::native_context;
pub(crate) use span::Span;
pub use span::native_span;
