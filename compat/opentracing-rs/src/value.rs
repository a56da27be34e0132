//! Values of tags and of log fields.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::owned_value::OwnedValue;
use crate::written::written;

/// A value of a tag or of a log field.
///
/// Made by `into()` from booleans, numbers, text and errors, so that it is seldom written:
/// `span.set_tag("retries", 3)`. It borrows what it can; a tracer that keeps it makes it an
/// [`OwnedValue`].
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
    /// A value that borrows nothing. An error becomes its text.
    #[must_use]
    pub fn into_owned(self) -> OwnedValue {
        match self {
            Value::Bool(value) => OwnedValue::Bool(value),
            Value::I64(value) => OwnedValue::I64(value),
            Value::U64(value) => OwnedValue::U64(value),
            Value::F64(value) => OwnedValue::F64(value),
            Value::Str(value) => OwnedValue::Str(value.into_owned()),
            Value::Error(error) => OwnedValue::Str(written(format_args!("{error}"))),
        }
    }

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
                written(format_args!("{a}")) == written(format_args!("{b}"))
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
            Value::Error(value) => f.pad(&written(format_args!("{value}"))),
        }
    }
}

macro_rules! from {
    ($variant:ident: $($type:ty),+) => {
        $(impl From<$type> for Value<'_> {
            fn from(value: $type) -> Self {
                Value::$variant(value.into())
            }
        })+
    };
}

from!(Bool: bool);
from!(I64: i8, i16, i32, i64, u8, u16, u32);
from!(F64: f32, f64);

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Value::U64(value), Value::I64)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        // No target of Rust has pointers of more than 64 bits.
        u64::try_from(value).unwrap_or(u64::MAX).into()
    }
}

impl From<isize> for Value<'_> {
    fn from(value: isize) -> Self {
        Value::I64(i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Str(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Str(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Value::Str(value)
    }
}

impl<'a> From<&'a (dyn Error + 'static)> for Value<'a> {
    fn from(value: &'a (dyn Error + 'static)) -> Self {
        Value::Error(value)
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
        assert_eq!(OwnedValue::from(u64::MAX).as_i64(), None);
        assert_ne!(Value::from(1), Value::from(true));
        assert_ne!(Value::from(1), Value::from("1"));
    }

    #[test]
    fn an_owned_error_is_its_text() {
        let error = "x".parse::<u8>().unwrap_err();
        let value = Value::from(&error as &(dyn Error + 'static));
        assert_eq!(value, value.clone());
        assert!(value.as_error().is_some_and(|error| error.is::<std::num::ParseIntError>()));
        assert_eq!(value.into_owned().as_str(), Some("invalid digit found in string"));
    }
}
