//! OpenTelemetry's span on a span of the core.
//!
//! Above `convert`; below `context`, which makes spans that stand for active native ones, and `api`, which starts
//! them. `otel_span` has the type that OpenTelemetry sees. `registry` is the way back from a context, which holds a span as
//! a type-erased box, to the core's span: whoever makes a [`Span`] registers it, and its `Drop` takes it out again.
//! Both run on the application's thread for every span, so a change there is measured. Nothing here attaches or reads
//! OpenTelemetry's current context.

mod limits;
mod otel_span;
pub(crate) mod registry;
mod versions;

pub(crate) use limits::Limits;
pub use otel_span::Span;
pub(crate) use otel_span::{add_event, add_link};
pub use versions::decided_span_context;
