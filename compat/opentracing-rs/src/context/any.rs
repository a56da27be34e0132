//! The type behind a handle.

use std::any::Any;

/// Lets a handle give back the implementation that it holds: `downcast_ref` of [`Tracer`](crate::Tracer),
/// [`Span`](crate::Span) and [`SpanContext`](crate::SpanContext). Every type that borrows nothing has it.
pub trait AsAny: Any {
    /// This, as an object whose type can be asked for.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any> AsAny for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}
