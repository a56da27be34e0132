//! How urgent a line is.

/// How urgent one of the library's own log lines is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogLevel {
    /// Something is wrong and will stay so until somebody acts: a setting that does not parse, lost spans.
    Warn,
    /// What the tracer does, said rarely: where it sends, that the agent is back.
    Info,
    /// Misuse of the interface and steps of the pipeline; only with `DD_TRACE_DEBUG=true`.
    Debug,
}
