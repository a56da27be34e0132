//! What can go wrong before the first span.

use std::fmt;

/// Why a tracer was not built, or not made that of the process. Its text says what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

/// The kinds of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration key that nobody knows. Only in strict mode; else it is a warning.
    UnknownKey,
    /// A configuration value of the wrong type. Only in strict mode; else it is a warning.
    InvalidValue,
    /// Something was asked for that is not there, and without which traces would go where they should not.
    Unsupported,
    /// Nothing names the service. Only in strict mode.
    NoService,
    /// The process has a global tracer already, of either API; it stays.
    GlobalTracerAlreadySet,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Error { kind, text: text.into() }
    }

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
