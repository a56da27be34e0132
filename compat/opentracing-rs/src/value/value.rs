//! Values of tags and of log fields.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::user_code::text_of;

/// A value of a tag or of a log field.
///
/// Made by `into()` from booleans, numbers, text and errors, so that it is seldom written:
/// `span.set_tag("retries", 3)`. It borrows what it can; a tracer that keeps it makes it an
/// [`OwnedValue`](crate::OwnedValue).
///
/// Two values are equal when they are of one variant and equal in it; errors are compared by their text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A truth value.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// An integer that may be beyond [`i64::MAX`]. Smaller ones are made [`Value::I64`].
    U64(u64),
    /// A number with a fraction.
    F64(f64),
    /// Text.
    Str(Cow<'a, str>),
    /// An error, as the object itself: a tracer may look at its type and its sources.
    Error(&'a (dyn Error + 'static)),
}

impl Value<'_> {
    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The error, if this is one.
    #[must_use]
    pub fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Value::Error(error) => Some(*error),
            _ => None,
        }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::I64(a), Value::I64(b)) => a == b,
            (Value::U64(a), Value::U64(b)) => a == b,
            (Value::F64(a), Value::F64(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Error(a), Value::Error(b)) => {
                text_of(format_args!("{a}")) == text_of(format_args!("{b}"))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::I64(value) => value.fmt(f),
            Value::U64(value) => value.fmt(f),
            Value::F64(value) => value.fmt(f),
            Value::Str(value) => value.fmt(f),
            Value::Error(value) => f.pad(&text_of(format_args!("{value}"))),
        }
    }
}

/// By a conversion into what the variant holds; the lifetime is that of what is borrowed.
macro_rules! from {
    ($life:lifetime $variant:ident: $($type:ty),+) => {
        $(impl<$life> From<$type> for Value<$life> {
            fn from(value: $type) -> Self {
                Value::$variant(value.into())
            }
        })+
    };
}

from!('a Bool: bool);
from!('a I64: i8, i16, i32, i64, u8, u16, u32);
from!('a F64: f32, f64);
from!('a Str: &'a str, &'a String, String, Cow<'a, str>);
from!('a Error: &'a (dyn Error + 'static));

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Value::U64(value), Value::I64)
    }
}

// No target of Rust has pointers of more than 64 bits: both conversions change nothing.

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<isize> for Value<'_> {
    fn from(value: isize) -> Self {
        Value::I64(value as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_all_sizes_are_equal_when_they_are() {
        assert_eq!(Value::from(3_u8), Value::from(3_u64));
        assert_eq!(Value::from(3_usize), Value::from(3_isize));
        assert_eq!(Value::from(u64::MAX), Value::U64(u64::MAX));
        assert_ne!(Value::from(1), Value::from(true));
        assert_ne!(Value::from(1), Value::from("1"));
    }
}
