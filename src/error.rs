//! The error of a flush or a shutdown. No function that starts, changes or finishes a span returns an error.

use std::fmt;

/// Why not everything was delivered.
///
/// Nothing is lost by a flush that fails: what was not delivered is tried again as long as it fits the
/// buffer, unless the tracer is being shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushError(Reason);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Timeout,
    Undelivered,
    NoWorker,
}

impl FlushError {
    /// Whether the time was over before the worker was done.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0 == Reason::Timeout
    }

    /// Whether the agent could not be reached, or did not take everything.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        self.0 == Reason::Undelivered
    }

    pub(crate) const TIMEOUT: FlushError = FlushError(Reason::Timeout);
    pub(crate) const UNDELIVERED: FlushError = FlushError(Reason::Undelivered);
    pub(crate) const NO_WORKER: FlushError = FlushError(Reason::NoWorker);
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Reason::Timeout => "the time for flushing was over before everything was sent",
            Reason::Undelivered => "the agent did not take everything",
            Reason::NoWorker => "the background worker is not running",
        })
    }
}

impl std::error::Error for FlushError {}
