//! What can go wrong: only carriers and the global tracer can.

use std::error::Error as StdError;
use std::fmt;

use super::format::Format;

/// Why a context was not written or read, or a tracer not made the global one.
///
/// Starting, tagging, logging and finishing never fail.
///
/// ```
/// use opentracing_rs::{ErrorKind, Format, Tracer};
///
/// let mut bytes: Vec<u8> = Vec::new();
/// let tracer = Tracer::noop();
/// let context = tracer.start_span("job").context();
/// let error = tracer.inject(&context, Format::TextMap, &mut bytes).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidCarrier);
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    format: Option<Format>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The tracer does not know the format. Use another one; every tracer knows
    /// [`Format::TextMap`] and [`Format::HttpHeaders`].
    UnsupportedFormat,
    /// The carrier cannot hold what the format writes: text was asked of bytes, or the reverse.
    InvalidCarrier,
    /// The carrier holds a context that cannot be understood. Go on as if it held none.
    SpanContextCorrupted,
    /// The context to write was made by another tracer.
    ForeignSpanContext,
    /// The process has a global tracer already; the first one stays.
    GlobalTracerAlreadySet,
}

impl Error {
    /// For implementers: the tracer does not know this format.
    #[must_use]
    pub fn unsupported_format(format: Format) -> Self {
        Error { kind: ErrorKind::UnsupportedFormat, format: Some(format), source: None }
    }

    /// For implementers: the carrier is of the wrong sort for this format.
    ///
    /// [`Tracer::inject`](crate::Tracer::inject) and [`Tracer::extract`](crate::Tracer::extract) see to it
    /// for the built-in formats.
    #[must_use]
    pub fn invalid_carrier(format: Format) -> Self {
        Error { kind: ErrorKind::InvalidCarrier, format: Some(format), source: None }
    }

    /// For implementers: the carrier holds something that is no context, and why.
    #[must_use]
    pub fn span_context_corrupted(why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let kind = ErrorKind::SpanContextCorrupted;
        Error { kind, format: None, source: Some(why.into()) }
    }

    /// For implementers: the context to inject is not one of this tracer's.
    #[must_use]
    pub fn foreign_span_context() -> Self {
        Error { kind: ErrorKind::ForeignSpanContext, format: None, source: None }
    }

    pub(crate) fn global_tracer_already_set() -> Self {
        Error { kind: ErrorKind::GlobalTracerAlreadySet, format: None, source: None }
    }

    /// What sort of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            ErrorKind::UnsupportedFormat => "the tracer does not support the format",
            ErrorKind::InvalidCarrier => "the carrier is of the wrong sort for the format",
            ErrorKind::SpanContextCorrupted => "the span context in the carrier is corrupted",
            ErrorKind::ForeignSpanContext => "the span context was made by another tracer",
            ErrorKind::GlobalTracerAlreadySet => "a global tracer is set already, and stays",
        };
        f.write_str(text)?;
        match self.format {
            Some(format) => write!(f, " {format}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_which_format_and_why() {
        let error = Error::unsupported_format(Format::Custom("smoke"));
        assert_eq!(error.to_string(), "the tracer does not support the format smoke");
        let error = Error::span_context_corrupted("too short");
        assert_eq!(error.source().unwrap().to_string(), "too short");
    }
}
