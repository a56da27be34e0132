//! How a handle marks its span as an error.

use std::error::Error;

use super::failure::{Failure, mark_panic, set_stack};
use crate::text::Text;
use crate::trace::store::SpanRef;
use crate::trace::values::Stack;

impl SpanRef {
    /// Marks the span as an error: `error.message` with the chain of sources, `error.type`, `error.stack`.
    ///
    /// The stack holds the chain of sources and, where `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for
    /// stacks, the frames of this call; their symbols are looked up in the background. Behind `dyn Error`
    /// the type is read from the `Debug` output.
    ///
    /// Whatever was said of another error before gives way to this. An error whose text cannot be written, because
    /// its `Display` fails or panics, has as much of it as there is, and the type.
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
        let shared = &at.segment.shared;
        let failure = Failure::of(error, shared.stack_limit, &shared.diag);
        at.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error, in words: `error.message` alone.
    ///
    /// Type and stack of an error that was set before belonged to that one and are removed, unless the message is
    /// the same. A type or stack that was set as a tag stays; see [`SpanRef::set_error_with`] for all three.
    pub fn set_error_message(&self, message: impl Into<Text>) {
        let failure = Failure { message: message.into(), ..Failure::default() };
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error, in words: `error.type`, `error.message` and, where there is one, `error.stack`.
    ///
    /// For errors that are no Rust errors: of a script, of another process, of a library in another language.
    ///
    /// ```
    /// # let (tracer, captured) = tracehound::testing::tracer();
    /// let span = tracer.trace("script.run");
    /// span.set_error_with("NameError", "name 'x' is not defined", Some("line 1, in <module>"));
    /// # drop(span);
    /// # let tags = captured.span("script.run").tags;
    /// # assert_eq!((&*tags["error.type"], &*tags["error.stack"]), ("NameError", "line 1, in <module>"));
    /// ```
    pub fn set_error_with(
        &self,
        kind: impl Into<Text>,
        message: impl Into<Text>,
        stack: Option<&str>,
    ) {
        let stack = stack.map(Stack::written);
        let failure = Failure { message: message.into(), kind: Some(kind.into()), stack };
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error from what `catch_unwind` or a join caught: its text, and the type `panic`. The
    /// stack is the place, where this is the last panic of this thread and the tracer has its panic hook.
    pub fn set_panic(&self, payload: &(dyn std::any::Any + Send)) {
        let Some(at) = &self.at else { return };
        let failure = Failure::of_panic(payload, at.segment.shared.stack_limit);
        at.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error from the panic that unwinds this thread, unless it is one already; does nothing
    /// where no panic unwinds. A [`Span`](crate::Span) that is dropped by a panic does this itself.
    ///
    /// The message, and the place as the stack, are known where the tracer has its panic hook
    /// ([`TracerBuilder::panic_hook`](crate::TracerBuilder::panic_hook)).
    #[inline]
    pub fn set_current_panic(&self) {
        if let Some(at) = self.at.as_ref().filter(|_| std::thread::panicking()) {
            mark_panic(at);
        }
    }

    /// Sets `error.stack` to the stack of this call; the span is not marked as an error.
    ///
    /// `limit` is the number of frames, by default `DD_TRACE_SPAN_TRACEBACK_MAX_SIZE` (30). Capturing takes
    /// some ten microseconds; the symbols are looked up in the background.
    pub fn set_traceback(&self, limit: Option<usize>) {
        let Some(at) = self.at.as_ref().filter(|at| at.is_open()) else { return };
        let stack = Failure::stack_here(limit.unwrap_or(at.segment.shared.stack_limit));
        at.edit(|record, tags| set_stack(record, tags, stack));
    }
}
