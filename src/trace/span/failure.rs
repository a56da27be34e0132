//! An error, a panic or a stack, in the terms of Datadog's error tracking.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Write as _};

use crate::diag::Diag;
use crate::frames::{self, Frames};
use crate::panics::{self, Panicked};
use crate::text::Text;
use crate::trace::store::{Location, Record, SpanRef};
use crate::trace::tags::{Key, LiteralKey, StoredValue, TagRef, Tags};
use crate::trace::values::Stack;
use crate::user_code::{self, UserCode};

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
    /// One line for each source, where there are any; of a panic its place.
    pub sources: Option<String>,
}

impl ErrorDescription {
    /// Describes an error. What it cannot say of itself, because that fails or panics, is left out.
    #[must_use]
    pub fn of<E: Error + ?Sized>(error: &E) -> Self {
        Failure::of(error, 0, user_code::elsewhere()).into()
    }

    /// Describes the panic that unwinds this thread, as it ends a span; `None` where none does, or nothing is known
    /// of it: without the panic hook ([`TracerBuilder::panic_hook`](crate::TracerBuilder::panic_hook)).
    #[must_use]
    pub fn of_current_panic(span: &SpanRef) -> Option<Self> {
        if !std::thread::panicking() {
            return None;
        }
        let start = span.read_fields(|span| span.record.start);
        let panicked = panics::last().filter(|last| start.is_some_and(|at| last.is_since(at)))?;
        Some(Failure::of_unwinding(Some(panicked), 0).into())
    }
}

impl From<Failure> for ErrorDescription {
    fn from(failure: Failure) -> Self {
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
    ///
    /// All that is asked of the error is code of the program.
    pub(crate) fn of<E: Error + ?Sized>(error: &E, frames: usize, diag: &Diag) -> Self {
        let mut message = text_of(diag, format_args!("{error}"));
        let mut head = String::new();
        let mut source = user_code::call(UserCode::Error, diag, || error.source()).flatten();
        for depth in 0..MAX_SOURCES {
            let Some(cause) = source else { break };
            let text = text_of(diag, format_args!("{cause}"));
            let title = if depth == 0 { "Caused by:\n" } else { "" };
            let _ = writeln!(head, "{title}    {depth}: {text}");
            // Many errors end their own text with that of their source; it is not said twice.
            if !message.ends_with(&text) {
                let _ = write!(message, ": {text}");
            }
            source = user_code::call(UserCode::Error, diag, || cause.source()).flatten();
        }
        // Not in a closure, which would be a frame of its own.
        let is_wanted = frames > 0 && frames::are_wanted();
        let taken = if is_wanted { Some(Frames::take(frames)) } else { None };
        let head = head.trim_end().to_owned();
        let is_stack = taken.is_some() || !head.is_empty();
        let stack = Stack { head, frames: taken, limit: frames, is_of_panic: false };
        Failure {
            message: message.into(),
            kind: Some(type_name_of(error, diag)),
            stack: is_stack.then_some(stack),
        }
    }

    /// From what `catch_unwind` or a `JoinError` caught; with the place where it is the last panic of this thread.
    pub(crate) fn of_panic(payload: &(dyn Any + Send), frames: usize) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .map(|text| Text::from(*text))
            .or_else(|| payload.downcast_ref::<String>().map(Text::from));
        let last = panics::last().filter(|last| message.is_some() && last.message == message);
        let stack = last.map(|last| Stack::of_panic(last, frames));
        Failure { message: message.unwrap_or(NO_MESSAGE), kind: Some(PANIC), stack }
    }

    /// From the panic that unwinds, where it is known.
    fn of_unwinding(panicked: Option<Panicked>, frames: usize) -> Self {
        let Some(mut panicked) = panicked else {
            let message = "the span was dropped by a panic".into();
            return Failure { message, kind: Some(PANIC), stack: None };
        };
        let message = panicked.message.take().unwrap_or(NO_MESSAGE);
        let stack = Some(Stack::of_panic(panicked, frames));
        Failure { message, kind: Some(PANIC), stack }
    }

    /// A stack taken here, whatever `RUST_BACKTRACE` says: the user asked for it.
    pub(crate) fn stack_here(frames: usize) -> Stack {
        let taken = Some(Frames::take(frames));
        Stack { head: String::new(), frames: taken, limit: frames, is_of_panic: false }
    }

    /// Marks a span as an error and says why.
    pub(crate) fn apply(self, record: &mut Record, tags: &mut Tags) {
        record.error = true;
        self.describe(record, tags);
    }

    /// Says what went wrong without marking the span as an error. It takes the place of what was said of another
    /// error; what only the first report of one says stays, and so does what the user has set as a tag.
    fn describe(self, record: &mut Record, tags: &mut Tags) {
        let says = |key: &str, text: &Text| {
            tags.get(&record.tags, key).and_then(TagRef::text).is_some_and(|said| *text == *said)
        };
        let is_same = says("error.message", &self.message)
            && self.kind.as_ref().is_none_or(|kind| says("error.type", kind));
        tags.put(
            &mut record.tags,
            LiteralKey::new("error.message"),
            StoredValue::Text(self.message),
        );
        let stack = self.stack.map(|stack| StoredValue::Stack(Box::new(stack)));
        for (part, key, value) in
            [(KIND, "error.type", self.kind.map(StoredValue::Text)), (STACK, "error.stack", stack)]
        {
            if let Some(value) = value {
                record.described |= part;
                tags.put(&mut record.tags, Key::new(key.into()), value);
            } else if !is_same && record.described & part != 0 {
                record.described &= !part;
                tags.put(&mut record.tags, Key::new(key.into()), StoredValue::Absent);
            }
        }
    }
}

/// In [`Record::described`].
const KIND: u8 = 1;
const STACK: u8 = 2;

const PANIC: Text = Text::literal("panic");
const NO_MESSAGE: Text = Text::literal("a panic without a message");

/// Marks a span that a panic leaves, unless the program has said before what went wrong.
#[cold]
pub(super) fn mark_panic(at: &Location) {
    let last = panics::last();
    at.edit(|record, tags| {
        if !record.error {
            let panicked = last.filter(|last| last.is_since(record.start));
            Failure::of_unwinding(panicked, at.segment.shared.stack_limit).apply(record, tags);
        }
    });
}

/// A stack that the user asks for is no part of an error.
pub(super) fn set_stack(record: &mut Record, tags: &mut Tags, stack: Stack) {
    record.described &= !STACK;
    tags.put(&mut record.tags, LiteralKey::new("error.stack"), StoredValue::Stack(Box::new(stack)));
}

/// The text of what the program can write; as much as there is where that fails, or panics.
pub(super) fn text_of(diag: &Diag, shown: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let written = user_code::call(UserCode::Error, diag, || text.write_fmt(shown).is_ok());
    if written != Some(true) && text.is_empty() {
        text.push_str("an error whose text cannot be written");
    }
    text
}

/// The type's name; behind `dyn Error`, where it is lost, the word that its `Debug` output begins with.
fn type_name_of<E: Error + ?Sized>(error: &E, diag: &Diag) -> Text {
    let name = std::any::type_name::<E>();
    if !name.starts_with("dyn ") && !name.contains("Box<dyn ") {
        return name.into();
    }
    let debug = text_of(diag, format_args!("{error:?}"));
    let word: &str = debug
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .next()
        .unwrap_or_default();
    if word.starts_with(|c: char| c.is_ascii_uppercase()) { Text::copy(word) } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn of<E: Error + ?Sized>(error: &E) -> Failure {
        Failure::of(error, 0, &Diag::new(false, None))
    }

    fn outer(says_source: bool) -> Outer {
        Outer { source: "x".parse::<u16>().unwrap_err(), says_source }
    }

    #[test]
    fn the_message_holds_each_source_once() {
        for says_source in [false, true] {
            let failure = of(&outer(says_source));
            assert_eq!(failure.message, "bad port: invalid digit found in string");
        }
    }

    #[test]
    fn the_stack_begins_with_the_chain_of_sources() {
        let stack = of(&outer(false)).stack.unwrap().render();
        assert_eq!(stack, "Caused by:\n    0: invalid digit found in string");
    }

    #[test]
    fn the_type_is_known_even_behind_dyn() {
        let kind = |error: &dyn Error| of(error).kind.unwrap().to_string();
        assert_eq!(kind(&outer(false)), "Outer");
        let concrete = of(&outer(false)).kind.unwrap();
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
        assert_eq!(of(&Loop).message, "loop");
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
