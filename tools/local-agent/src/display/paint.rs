//! Colours, or none.

use std::fmt::{self, Display};

/// What colours mean; the escape codes are ECMA-48's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Error,
    ErrorBold,
    Warning,
    /// One of a few, so that spans of one service look alike.
    Service(u8),
}

/// Neither red, which is for errors, nor black, white and their kin, which are backgrounds.
const SERVICES: [u8; 8] = [36, 32, 35, 34, 33, 96, 92, 95];

impl Paint {
    /// The colour of a service, the same one in every run.
    pub(super) fn service(name: &str) -> Self {
        let hash =
            name.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let index = usize::try_from(hash).ok().and_then(|hash| hash.checked_rem(SERVICES.len()));
        SERVICES.get(index.unwrap_or_default()).map_or(Self::Plain, |code| Self::Service(*code))
    }

    /// The text in this colour, if `color` is on and there is anything to see.
    pub(super) fn on<T: Display>(self, text: T, color: bool) -> Painted<T> {
        Painted { paint: if color { self } else { Self::Plain }, text }
    }
}

/// A text and its colour.
#[derive(Debug)]
pub(super) struct Painted<T> {
    paint: Paint,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.paint {
            Paint::Plain => write!(f, "{text}"),
            Paint::Bold => write!(f, "\x1b[1m{text}\x1b[0m"),
            Paint::Dim => write!(f, "\x1b[2m{text}\x1b[0m"),
            Paint::Error => write!(f, "\x1b[31m{text}\x1b[0m"),
            Paint::ErrorBold => write!(f, "\x1b[1;31m{text}\x1b[0m"),
            Paint::Warning => write!(f, "\x1b[33m{text}\x1b[0m"),
            Paint::Service(code) => write!(f, "\x1b[{code}m{text}\x1b[0m"),
        }
    }
}
