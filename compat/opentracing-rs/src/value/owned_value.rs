//! Values that are kept.

use std::fmt;

use super::user_code::text_of;
use super::value::Value;

/// A [`Value`] that borrows nothing and may go to other threads: what a tracer keeps.
///
/// Values are equal when they are of one variant and equal in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OwnedValue {
    /// A truth value.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// An integer that is beyond [`i64::MAX`].
    U64(u64),
    /// A number with a fraction.
    F64(f64),
    /// Text.
    Str(String),
}

impl OwnedValue {
    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            OwnedValue::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            OwnedValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if this is one that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            OwnedValue::I64(value) => Some(*value),
            _ => None,
        }
    }
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
            Value::Error(error) => OwnedValue::Str(text_of(format_args!("{error}"))),
        }
    }
}

impl fmt::Display for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnedValue::Bool(value) => value.fmt(f),
            OwnedValue::I64(value) => value.fmt(f),
            OwnedValue::U64(value) => value.fmt(f),
            OwnedValue::F64(value) => value.fmt(f),
            OwnedValue::Str(value) => value.fmt(f),
        }
    }
}

macro_rules! owned_from {
    ($($type:ty),+) => {
        $(impl From<$type> for OwnedValue {
            fn from(value: $type) -> Self {
                Value::from(value).into_owned()
            }
        })+
    };
}

owned_from!(bool, i8, i16, i32, i64, u8, u16, u32, u64, isize, usize, f32, f64, &str, String);
owned_from!(Value<'_>);

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;

    #[test]
    fn an_owned_error_is_its_text() {
        let error = "x".parse::<u8>().unwrap_err();
        let value = Value::from(&error as &(dyn Error + 'static));
        assert_eq!(value, value.clone());
        assert!(value.as_error().is_some_and(|error| error.is::<std::num::ParseIntError>()));
        assert_eq!(value.into_owned().as_str(), Some("invalid digit found in string"));
    }

    #[test]
    fn an_integer_that_does_not_fit_is_none() {
        assert_eq!(OwnedValue::from(u64::MAX).as_i64(), None);
    }
}
