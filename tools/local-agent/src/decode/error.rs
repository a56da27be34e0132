//! Where and why a body does not decode.

use std::borrow::Cow;
use std::fmt;

/// A body that is not what its encoding allows.
///
/// Displayed as one line, for example ``byte 31, in chunk 0, span 1, `start`: expected an integer,
/// found a string of 3 bytes``. It may quote texts from the wire, with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    offset: usize,
    /// Innermost first: places are added while the error travels outwards.
    places: Vec<String>,
    expected: Cow<'static, str>,
    found: String,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn new(
        offset: usize,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Self {
        Self { offset, places: Vec::new(), expected: expected.into(), found: found.into() }
    }

    /// The position in the body, in bytes, of the value that was not as expected.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        for (nth, place) in self.places.iter().rev().enumerate() {
            write!(f, ", {}{place}", if nth == 0 { "in " } else { "" })?;
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for Error {}

/// Adds the surrounding place to an error on its way out.
pub(super) trait Within {
    fn within(self, place: impl FnOnce() -> String) -> Self;
}

impl<T> Within for Result<T> {
    fn within(self, place: impl FnOnce() -> String) -> Self {
        self.map_err(|mut error| {
            error.places.push(place());
            error
        })
    }
}
