//! What a handle says of a failure.

use std::error::Error;

use super::failure::Failure;
use super::span::SpanRef;
use super::value::Value;
use crate::text::Text;

impl SpanRef {
    /// Marks the span as an error: `error.message` with the chain of sources, `error.type`, `error.stack`.
    ///
    /// The stack holds the chain of sources and, where `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for
    /// stacks, the frames of this call; their symbols are looked up in the background. Behind `dyn Error`
    /// the type is read from the `Debug` output.
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// let span = tracer.trace("config.load");
    /// if let Err(error) = "eighty".parse::<u16>() {
    ///     span.set_error(&error);
    /// }
    /// assert_eq!(span.tag("error.message").as_deref(), Some("invalid digit found in string"));
    /// ```
    pub fn set_error<E: Error + ?Sized>(&self, error: &E) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        let failure = Failure::of(error, at.segment.shared.stack_limit);
        at.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error, in words.
    pub fn set_error_message(&self, message: impl Into<Text>) {
        let failure = Failure { message: message.into(), ..Failure::default() };
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error from what `catch_unwind` or a join caught.
    pub fn set_panic(&self, payload: &(dyn std::any::Any + Send)) {
        let failure = Failure::of_panic(payload);
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Sets `error.stack` to the stack of this call; the span is not marked as an error.
    ///
    /// `limit` is the number of frames, by default `DD_TRACE_SPAN_TRACEBACK_MAX_SIZE` (30). Capturing takes
    /// some ten microseconds; the symbols are looked up in the background.
    pub fn set_traceback(&self, limit: Option<usize>) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        let stack = Failure::stack_here(limit.unwrap_or(at.segment.shared.stack_limit));
        let value = Value::Stack(Box::new(stack));
        at.edit(|record, tags| tags.set(&mut record.tags, "error.stack".into(), value));
    }
}
