//! One bound on the time for all steps of a request.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// A moment after which nothing more is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    started: Instant,
    timeout: Duration,
}

/// The deadline has passed.
#[derive(Debug)]
pub(super) struct Passed;

impl Deadline {
    /// `timeout` from now.
    pub(super) fn after(timeout: Duration) -> Self {
        Deadline { started: Instant::now(), timeout }
    }

    /// The whole time that was given.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn remaining(&self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }

    /// Runs `future`, but not beyond the deadline.
    pub(super) async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Passed> {
        tokio::time::timeout(self.remaining(), future).await.map_err(|_| Passed)
    }
}
