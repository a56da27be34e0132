//! Errors of wrapped functions, of whatever type: the compiler picks the first of these traits that fits.
//!
//! `(&&&&&ErrorOf(&error)).mark(span)` is looked up with more references first, so a trait for more references wins. The
//! choice is made where the function is written, by what is known of the type there.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::ops::Deref;

use crate::trace::SpanRef;

/// An error of a type that is not known here.
#[derive(Debug)]
pub struct ErrorOf<'e, E: ?Sized>(pub &'e E);

/// With the chain of its sources.
pub trait StdError {
    fn mark(&self, span: &SpanRef);
}

impl<E: Error + ?Sized> StdError for &&&&ErrorOf<'_, E> {
    fn mark(&self, span: &SpanRef) {
        span.set_error(self.0);
    }
}

/// A `Box<dyn Error>`, or an error type that holds one, such as anyhow's.
pub trait DerefError {
    fn mark(&self, span: &SpanRef);
}

impl<E: Deref<Target: Error> + ?Sized> DerefError for &&&ErrorOf<'_, E> {
    fn mark(&self, span: &SpanRef) {
        span.set_error(&**self.0);
    }
}

/// Words.
pub trait DisplayError {
    fn mark(&self, span: &SpanRef);
}

impl<E: Display + ?Sized> DisplayError for &&ErrorOf<'_, E> {
    fn mark(&self, span: &SpanRef) {
        span.set_shown_error(std::any::type_name::<E>(), format_args!("{}", self.0));
    }
}

/// What can only be debugged.
pub trait DebugError {
    fn mark(&self, span: &SpanRef);
}

impl<E: Debug + ?Sized> DebugError for &ErrorOf<'_, E> {
    fn mark(&self, span: &SpanRef) {
        span.set_shown_error(std::any::type_name::<E>(), format_args!("{:?}", self.0));
    }
}

/// Of which nothing is known but the type.
pub trait OtherError {
    fn mark(&self, span: &SpanRef);
}

impl<E: ?Sized> OtherError for ErrorOf<'_, E> {
    fn mark(&self, span: &SpanRef) {
        let kind = std::any::type_name::<E>();
        span.set_shown_error(
            kind,
            format_args!("a {kind}, which can neither be displayed nor debugged"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// The message and the type that an error leaves.
    macro_rules! marked {
        ($error:expr) => {{
            let (tracer, captured) = testing::tracer();
            let error = $error;
            (&&&&&ErrorOf(&error)).mark(&tracer.trace("failing"));
            let mut span = captured.span("failing");
            assert!(span.is_error);
            let mut tag = |key| span.tags.remove(key).unwrap_or_default();
            (tag("error.message"), tag("error.type"))
        }};
    }

    #[derive(Debug)]
    struct OnlyDebug;
    struct Nothing;

    #[test]
    fn every_type_of_error_says_what_it_can() {
        let parse = || "x".parse::<u8>().unwrap_err();
        let said = ("invalid digit found in string", "core::num::error::ParseIntError");
        let is = |marked: (String, String), expected: (&str, &str)| {
            assert_eq!((&*marked.0, &*marked.1), expected);
        };
        is(marked!(parse()), said);
        is(marked!(&parse()), (said.0, "&core::num::error::ParseIntError"));
        let boxed: Box<dyn Error + Send + Sync> = parse().into();
        is(marked!(boxed), (said.0, "ParseIntError"));
        is(marked!("out of eggs"), ("out of eggs", "&str"));
        is(marked!(String::from("out of eggs")), ("out of eggs", "alloc::string::String"));
        let here = "tracehound::macro_support::errors::tests";
        is(marked!(OnlyDebug), ("OnlyDebug", &format!("{here}::OnlyDebug")));
        let message = format!("a {here}::Nothing, which can neither be displayed nor debugged");
        is(marked!(Nothing), (&message, &format!("{here}::Nothing")));
    }

    #[test]
    fn in_generic_code_the_bounds_decide() {
        fn mark<E: Debug>(error: E) -> (String, String) {
            marked!(error)
        }
        assert_eq!(mark("words").0, "\"words\"");
    }
}
