//! OpenTelemetry's span on a span of the core.
//!
//! It imports `convert` only. `context` makes spans that stand for active native ones, and `api` starts spans.
//! `otel_span` has the type that OpenTelemetry sees. `registry` is the way back from a context, which holds a span in a
//! type-erased box, to the core's span: the constructors of [`Span`] register it, and its `Drop` removes it. Both run on
//! the application's thread for every span, so measure a change there. Nothing here attaches or reads OpenTelemetry's
//! current context.

mod limits;
mod otel_span;
pub(crate) mod registry;
mod versions;

pub(crate) use limits::Limits;
pub use otel_span::Span;
pub(crate) use otel_span::{add_event, add_link};
pub use versions::decided_span_context;
