//! Why spans were lost, and how many.

use std::fmt;

/// Why spans were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum LossReason {
    /// Finished faster than they could be sent: the hand-off queue was full.
    QueueFull,
    /// A span that alone exceeds the payload limit.
    TooLarge,
    /// The agent could not be reached, or went on answering that it cannot take them now (408, 429, 5xx), for
    /// so long that they were a minute old or newer ones needed their place.
    AgentUnreachable,
    /// The agent answered with a status that says not to try again.
    AgentRejected,
    /// Finished after the tracer had been shut down.
    Shutdown,
    /// Not sent when the time given to `shutdown` was over; not sent later either.
    ShutdownTimeout,
    /// A trace with more spans than are recorded for one trace.
    TraceTooLong,
    /// The worker could not be started, or failed and could not be started again.
    WorkerFailed,
    /// A span that no agent takes: without a trace id or an id of its own.
    Invalid,
    /// Sent, and never confirmed: the agent may have them all the same. It got the whole request and did not
    /// answer in time, or closed the connection twice instead, or the time given to `shutdown` was over while
    /// it had not answered. They are not sent again, because it would then have them twice.
    ///
    /// What was made is always what was delivered and what was lost together; of what was lost, this part may
    /// be found with the agent.
    Unconfirmed,
    /// Still open when the tracer was shut down, or when nobody could finish them any more.
    Unfinished,
}

impl LossReason {
    /// Every reason, in the order of [`Losses`].
    pub const ALL: [LossReason; 11] = [
        LossReason::QueueFull,
        LossReason::TooLarge,
        LossReason::AgentUnreachable,
        LossReason::AgentRejected,
        LossReason::Shutdown,
        LossReason::ShutdownTimeout,
        LossReason::TraceTooLong,
        LossReason::WorkerFailed,
        LossReason::Invalid,
        LossReason::Unconfirmed,
        LossReason::Unfinished,
    ];

    /// The reason as one word, as health metrics name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            LossReason::QueueFull => "queue_full",
            LossReason::TooLarge => "too_large",
            LossReason::AgentUnreachable => "agent_unreachable",
            LossReason::AgentRejected => "agent_rejected",
            LossReason::Shutdown => "shutdown",
            LossReason::ShutdownTimeout => "shutdown_timeout",
            LossReason::TraceTooLong => "trace_too_long",
            LossReason::WorkerFailed => "worker_failed",
            LossReason::Invalid => "invalid",
            LossReason::Unconfirmed => "unconfirmed",
            LossReason::Unfinished => "unfinished",
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Spans lost so far, by reason.
///
/// Displays as one line: `123 spans lost: 100 queue_full, 23 unconfirmed`, or `no spans lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    pub(super) spans: [u64; LossReason::ALL.len()],
}

impl Losses {
    /// Spans lost for one reason.
    #[must_use]
    pub fn spans(&self, reason: LossReason) -> u64 {
        self.spans.get(reason as usize).copied().unwrap_or_default()
    }

    /// Spans lost for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.spans.iter().fold(0, |sum, spans| sum.saturating_add(*spans))
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total() {
            0 => return f.write_str("no spans lost"),
            1 => f.write_str("1 span lost")?,
            total => write!(f, "{total} spans lost")?,
        }
        let lost = LossReason::ALL.into_iter().map(|reason| (reason, self.spans(reason)));
        let mut before = ": ";
        for (reason, spans) in lost.filter(|(_, spans)| *spans > 0) {
            write!(f, "{before}{spans} {reason}")?;
            before = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place() {
        for (place, reason) in LossReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }

    #[test]
    fn losses_print_with_their_reasons() {
        let mut losses = Losses::default();
        assert_eq!(losses.to_string(), "no spans lost");
        losses.spans[LossReason::TooLarge as usize] = 1;
        assert_eq!(losses.to_string(), "1 span lost: 1 too_large");
        losses.spans[LossReason::QueueFull as usize] = 100;
        assert_eq!(losses.to_string(), "101 spans lost: 100 queue_full, 1 too_large");
    }
}
