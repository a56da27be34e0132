//! How a context is written.

use std::fmt;

/// How a span context is written into a carrier.
///
/// Every tracer knows [`Format::TextMap`] and [`Format::HttpHeaders`]; one that does not know another
/// format fails with [`ErrorKind::UnsupportedFormat`](crate::ErrorKind::UnsupportedFormat).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Names and values of any text. For message queues and the like.
    TextMap,
    /// Names and values as HTTP headers allow them: names without regard to case, values that need no
    /// escaping.
    HttpHeaders,
    /// Bytes that only the tracer itself can read. Not every tracer has it.
    Binary,
    /// A format of one tracer's own, by name; see its documentation.
    Custom(&'static str),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::TextMap => "text_map",
            Format::HttpHeaders => "http_headers",
            Format::Binary => "binary",
            Format::Custom(name) => name,
        })
    }
}
