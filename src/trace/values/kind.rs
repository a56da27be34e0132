//! Which side of an exchange a span stands for.

use std::fmt;

/// The side of an exchange a span stands for: the tag `span.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// Work inside the process.
    Internal,
    /// Answers a request from elsewhere.
    Server,
    /// Sends a request elsewhere and waits.
    Client,
    /// Sends a message and does not wait.
    Producer,
    /// Handles a message.
    Consumer,
}

impl SpanKind {
    /// The value of `span.kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        use SpanKind::{Client, Consumer, Internal, Producer, Server};
        [Internal, Server, Client, Producer, Consumer]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for SpanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
