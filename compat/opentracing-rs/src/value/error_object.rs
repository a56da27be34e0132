//! Errors of any type, and the fields that one leaves in a log.

use std::any::type_name;
use std::error::Error;
use std::fmt::Write as _;

use super::user_code::{call, text_of};
use super::value::Value;
use crate::fields;

/// An error: a type of its own, or one behind `dyn Error`. For [`Span::log_error`](crate::Span::log_error).
///
/// ```
/// use opentracing_rs::Tracer;
///
/// let span = Tracer::noop().start_span("load");
/// let known = "x".parse::<u8>().unwrap_err();
/// span.log_error(&known);
/// let boxed: Box<dyn std::error::Error + Send + Sync> = "no such file".into();
/// span.log_error(&*boxed);
/// ```
pub trait ErrorObject {
    /// The error.
    fn as_error(&self) -> &(dyn Error + 'static);

    /// The name of its type; behind `dyn Error` that is lost, but for what the `Debug` output begins with.
    fn kind(&self) -> String;
}

impl<E: Error + 'static> ErrorObject for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }

    fn kind(&self) -> String {
        type_name::<E>().to_owned()
    }
}

macro_rules! behind {
    ($($object:ty),+) => {
        $(impl ErrorObject for $object {
            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }

            fn kind(&self) -> String {
                kind_by_debug(self)
            }
        })+
    };
}

behind!(dyn Error, dyn Error + Send, dyn Error + Send + Sync);

/// The word that the `Debug` output begins with, as derived ones do.
fn kind_by_debug(error: &dyn Error) -> String {
    let debug = text_of(format_args!("{error:?}"));
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let word = debug.split(|c| !is_part(c)).next().unwrap_or_default();
    if word.starts_with(|c: char| c.is_ascii_uppercase()) { word } else { "dyn Error" }.to_owned()
}

/// How far a chain of sources is followed; an error that is its own source must not hang us.
const MAX_SOURCES: usize = 32;

fn source(error: &dyn Error) -> Option<&(dyn Error + 'static)> {
    call(|| error.source()).flatten()
}

/// One line for each source; empty where there is none.
fn sources(error: &dyn Error) -> String {
    let mut lines = String::new();
    let chain = std::iter::successors(source(error), |&error| source(error));
    for source in chain.take(MAX_SOURCES) {
        let separator = if lines.is_empty() { "" } else { "\n" };
        let _ = write!(lines, "{separator}caused by: {}", text_of(format_args!("{source}")));
    }
    lines
}

/// Calls `show` with the fields that an error leaves in a log. They borrow, so they cannot be returned.
pub(crate) fn with_error_fields<T>(
    error: &(impl ErrorObject + ?Sized),
    show: impl FnOnce(&[(&str, Value<'_>)]) -> T,
) -> T {
    let object = error.as_error();
    let stack = sources(object);
    let all = [
        (fields::EVENT, Value::from(fields::EVENT_ERROR)),
        (fields::MESSAGE, text_of(format_args!("{object}")).into()),
        (fields::ERROR_OBJECT, Value::Error(object)),
        (fields::ERROR_KIND, error.kind().into()),
        (fields::STACK, Value::from(stack.as_str())),
    ];
    let [without_stack @ .., _] = &all;
    show(if stack.is_empty() { without_stack } else { &all })
}

/// The fields of the log of a panic that passed through a guard. What it said is not known here.
pub(crate) fn panic_fields() -> [(&'static str, Value<'static>); 3] {
    [
        (fields::EVENT, fields::EVENT_ERROR.into()),
        (fields::MESSAGE, "the span was left by a panic".into()),
        (fields::ERROR_KIND, "panic".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[test]
    fn the_type_is_known_even_behind_dyn() {
        assert_eq!(fmt::Error.kind(), "core::fmt::Error");
        let boxed: Box<dyn Error> = Box::new(fmt::Error);
        assert_eq!((*boxed).kind(), "Error");
        let with_fields: Box<dyn Error> = "x".parse::<u8>().unwrap_err().into();
        assert_eq!((*with_fields).kind(), "ParseIntError");
        let text: Box<dyn Error + Send + Sync> = "no file".into();
        assert_eq!((*text).kind(), "dyn Error");
    }

    /// With sources there is one: `tests/errors.rs`.
    #[test]
    fn there_is_no_stack_where_there_are_no_sources() {
        let names = |fields: &[(&str, Value<'_>)]| {
            fields.iter().map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>()
        };
        let names = with_error_fields(&fmt::Error, names);
        assert_eq!(names, ["event", "message", "error.object", "error.kind"]);
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
        assert_eq!(sources(&Loop).lines().count(), MAX_SOURCES);
    }
}
