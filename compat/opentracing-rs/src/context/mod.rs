//! What a span has from others and gives to others: contexts with their baggage, and how a span is to be started.
//!
//! Contexts, references and baggage do not change once they are made. Nothing here knows a span or a tracer.

mod any;
mod baggage;
mod reference;
mod span_context;
mod start_options;

pub use any::AsAny;
pub use baggage::Baggage;
pub use reference::{Reference, ReferenceType};
pub use span_context::{SpanContext, SpanContextBackend};
pub use start_options::{Parent, StartOptions};
