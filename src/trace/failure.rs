//! An error, a panic or a stack, in the terms of Datadog's error tracking.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;

use super::record::Record;
use super::stack::Stack;
use super::tags::Tags;
use super::value::Value;
use crate::text::Text;

/// `error.message`, `error.type` and `error.stack` of a span.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub(crate) message: Text,
    pub(crate) kind: Option<Text>,
    pub(crate) stack: Option<Stack>,
}

/// An error in the words of Datadog's error tracking, for bridges that put them elsewhere than on a span.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ErrorDescription {
    /// The error's text with that of each source, as `error.message` holds it.
    pub message: String,
    /// The type; behind `dyn Error` the word that the `Debug` output begins with.
    pub kind: String,
    /// One line for each source, where there are any.
    pub sources: Option<String>,
}

impl ErrorDescription {
    /// Describes an error.
    #[must_use]
    pub fn of<E: Error + ?Sized>(error: &E) -> Self {
        let failure = Failure::of(error, 0);
        ErrorDescription {
            message: failure.message.as_str().to_owned(),
            kind: failure.kind.unwrap_or_default().as_str().to_owned(),
            sources: failure.stack.map(|stack| stack.head),
        }
    }
}

/// How far a chain of sources is followed; an error that is its own source must not hang us.
const MAX_SOURCES: usize = 32;

impl Failure {
    /// From an error of a known type.
    pub(crate) fn of<E: Error + ?Sized>(error: &E, frames: usize) -> Self {
        let mut message = error.to_string();
        let mut head = String::new();
        let mut source = error.source();
        for depth in 0..MAX_SOURCES {
            let Some(cause) = source else { break };
            let text = cause.to_string();
            let title = if depth == 0 { "Caused by:" } else { "" };
            let _ =
                write!(head, "{title}{}    {depth}: {text}", if depth == 0 { "\n" } else { "" });
            head.push('\n');
            // Many errors end their own text with that of their source; it is not said twice.
            if !message.ends_with(&text) {
                let _ = write!(message, ": {text}");
            }
            source = cause.source();
        }
        let mut stack = Stack { head: head.trim_end().to_owned(), frames: None, limit: frames };
        // std decides by `RUST_LIB_BACKTRACE` and `RUST_BACKTRACE` whether stacks are wanted.
        if frames > 0 {
            let captured = Backtrace::capture();
            if captured.status() == BacktraceStatus::Captured {
                stack.frames = Some(Arc::new(captured));
            }
        }
        let is_stack = stack.frames.is_some() || !stack.head.is_empty();
        Failure {
            message: message.into(),
            kind: Some(type_name_of(error)),
            stack: is_stack.then_some(stack),
        }
    }

    /// From what `catch_unwind` or a `JoinError` caught.
    pub(crate) fn of_panic(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .map(|text| Text::from(*text))
            .or_else(|| payload.downcast_ref::<String>().map(Text::from))
            .unwrap_or_else(|| "a panic without a message".into());
        Failure { message, kind: Some("panic".into()), stack: None }
    }

    /// A stack taken here, whatever `RUST_BACKTRACE` says: the user asked for it.
    pub(crate) fn stack_here(frames: usize) -> Stack {
        Stack {
            head: String::new(),
            frames: Some(Arc::new(Backtrace::force_capture())),
            limit: frames,
        }
    }

    /// Marks a span as an error and says why.
    pub(crate) fn apply(self, record: &mut Record, tags: &mut Tags) {
        record.error = true;
        self.describe(record, tags);
    }

    /// Says what went wrong without marking the span as an error.
    pub(crate) fn describe(self, record: &mut Record, tags: &mut Tags) {
        tags.set(&mut record.tags, "error.message".into(), Value::Text(self.message));
        if let Some(kind) = self.kind {
            tags.set(&mut record.tags, "error.type".into(), Value::Text(kind));
        }
        if let Some(stack) = self.stack {
            tags.set(&mut record.tags, "error.stack".into(), Value::Stack(Box::new(stack)));
        }
    }
}

/// The type's name; behind `dyn Error`, where it is lost, the word that its `Debug` output begins with.
fn type_name_of<E: Error + ?Sized>(error: &E) -> Text {
    let name = std::any::type_name::<E>();
    if !name.starts_with("dyn ") && !name.contains("Box<dyn ") {
        return name.into();
    }
    let debug = format!("{error:?}");
    let word: &str = debug
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .next()
        .unwrap_or_default();
    if word.starts_with(|c: char| c.is_ascii_uppercase()) { Text::copy(word) } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Outer {
        source: std::num::ParseIntError,
        says_source: bool,
    }

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bad port")?;
            if self.says_source { write!(f, ": {}", self.source) } else { Ok(()) }
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.source)
        }
    }

    fn outer(says_source: bool) -> Outer {
        Outer { source: "x".parse::<u16>().unwrap_err(), says_source }
    }

    #[test]
    fn the_message_holds_each_source_once() {
        for says_source in [false, true] {
            let failure = Failure::of(&outer(says_source), 0);
            assert_eq!(failure.message, "bad port: invalid digit found in string");
        }
    }

    #[test]
    fn the_stack_begins_with_the_chain_of_sources() {
        let stack = Failure::of(&outer(false), 0).stack.unwrap().render();
        assert_eq!(stack, "Caused by:\n    0: invalid digit found in string");
    }

    #[test]
    fn the_type_is_known_even_behind_dyn() {
        let kind = |error: &dyn Error| Failure::of(error, 0).kind.unwrap().to_string();
        assert_eq!(kind(&outer(false)), "Outer");
        let concrete = Failure::of(&outer(false), 0).kind.unwrap();
        assert!(concrete.ends_with("failure::tests::Outer"), "{concrete}");
    }

    #[test]
    fn an_error_that_is_its_own_source_ends() {
        #[derive(Debug)]
        struct Loop;
        impl fmt::Display for Loop {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("loop")
            }
        }
        impl Error for Loop {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(self)
            }
        }
        assert_eq!(Failure::of(&Loop, 0).message, "loop");
    }

    #[test]
    fn a_stack_begins_with_the_caller_and_is_cut() {
        #[inline(never)]
        fn take_it_here() -> Stack {
            Failure::stack_here(3)
        }
        let text = take_it_here().render();
        let frames = text.lines().filter(|line| line.trim_start().contains(": ")).count();
        assert!(frames <= 3, "{text}");
    }
}
