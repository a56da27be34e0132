//! What a MessagePack value begins with.

use super::error::Error;

/// The first bytes of a value: all of a number, the length of anything longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Head {
    Nil,
    Bool(bool),
    /// Not negative, whichever width and sign the wire had.
    UInt(u64),
    /// Negative.
    Int(i64),
    Float(f64),
    Str(usize),
    Bin(usize),
    Array(usize),
    Map(usize),
    Ext(usize),
}

impl Head {
    /// An integer from a signed wire form.
    pub(super) fn signed(value: i64) -> Self {
        u64::try_from(value).map_or(Self::Int(value), Self::UInt)
    }

    /// The value of an integer, whichever sign it has.
    pub(super) fn integer(self) -> Option<i128> {
        match self {
            Self::UInt(value) => Some(value.into()),
            Self::Int(value) => Some(value.into()),
            _ => None,
        }
    }

    /// The error of meeting this at `offset`.
    pub(super) fn instead_of(self, expected: &'static str, offset: usize) -> Error {
        let found = match self {
            Self::Nil => "nil".to_owned(),
            Self::Bool(value) => format!("the boolean {value}"),
            Self::UInt(value) => format!("the integer {value}"),
            Self::Int(value) => format!("the integer {value}"),
            Self::Float(value) => format!("the float {value:?}"),
            Self::Str(len) => format!("a string of {len} bytes"),
            Self::Bin(len) => format!("binary data of {len} bytes"),
            Self::Array(len) => format!("an array of {len}"),
            Self::Map(len) => format!("a map of {len}"),
            Self::Ext(_) => "an extension".to_owned(),
        };
        Error::new(offset, expected, found)
    }
}
