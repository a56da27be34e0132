//! Values that are kept.

use std::fmt;

use crate::value::Value;

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
