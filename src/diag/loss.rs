//! Why spans were lost, and how many.
//!
//! # How to add a reason
//!
//! 1. Add a row to `reasons!` below, at the end: what the reason means, its name, and its word in health metrics. The
//!    enum, [`LossReason::ALL`], the counters and the printed [`Losses`] are made from the rows.
//! 2. Report it where the spans are dropped. Outside of every lock: `Diag::lose`. While a lock is held:
//!    `Diag::count_lost`, and `Diag::say_lost` after it is released. For spans that the queue has accepted:
//!    `Ledger::lose` (`src/pipeline/ledger.rs`), because the ledger has to settle them too.
//! 3. The detail of the line says what the user can do about it, and names the variable if there is one.
//! 4. Add a test that causes the loss and reads `Tracer::losses`, and a row to the table of reasons in
//!    `docs/reliability.md`. If the reason comes from a bound, name it in the tables of bounds in
//!    `docs/architecture.md` and `docs/guide.md` too.

use std::fmt;

/// Makes [`LossReason`] from the rows below: what a reason means, its name, and its word.
macro_rules! reasons {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// Why spans were lost.
        ///
        /// `Display` writes one word, as health metrics name it: `queue_full`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum LossReason {
            $($(#[$doc])+ $name,)+
        }

        impl LossReason {
            /// Every reason, in the order of [`Losses`].
            pub const ALL: [LossReason; REASONS] = [$(LossReason::$name,)+];

            /// The reason as one word, as health metrics name it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(LossReason::$name => $word,)+
                }
            }
        }

        const REASONS: usize = [$($word),+].len();
    };
}

reasons! {
    /// Finished faster than they could be sent: the hand-off queue was full.
    QueueFull = "queue_full",
    /// A span that alone exceeds the payload limit.
    TooLarge = "too_large",
    /// The agent, or a collector, could not be reached, or went on answering that it cannot take them now (408, 429, 5xx), for
    /// so long that they were a minute old or newer ones needed their place.
    AgentUnreachable = "agent_unreachable",
    /// The agent, or a collector, answered with a status that says not to try again, or that it has rejected them.
    AgentRejected = "agent_rejected",
    /// Finished after the tracer had been shut down.
    Shutdown = "shutdown",
    /// Not sent when the time given to `shutdown` was over; not sent later either.
    ShutdownTimeout = "shutdown_timeout",
    /// A trace with more spans than are recorded for one trace.
    TraceTooLong = "trace_too_long",
    /// The worker could not be started, or failed and could not be started again.
    WorkerFailed = "worker_failed",
    /// A span that no agent takes: without a trace id or an id of its own.
    Invalid = "invalid",
    /// Sent, and never confirmed: the agent may have them all the same. It got the whole request and did not
    /// answer in time, or closed the connection twice instead, or the time given to `shutdown` was over while
    /// it had not answered. They are not sent again, because it would then have them twice.
    ///
    /// What was made is always what was delivered and what was lost together; of what was lost, this part may
    /// be found with the agent.
    Unconfirmed = "unconfirmed",
    /// Still open when the tracer was shut down, or when nobody could finish them any more.
    Unfinished = "unfinished",
    /// The stream for [JSON lines](crate::TraceWriter::json_lines) could not be written to.
    StreamFailed = "stream_failed",
    /// Open, and given up: nothing has happened in their trace for 12 hours, or there were more than 10,000
    /// traces in which nothing had happened for 10 minutes.
    Abandoned = "abandoned",
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Spans lost so far, by reason.
///
/// `Display` writes one line, with the reasons that occurred.
///
/// ```
/// use std::time::Duration;
///
/// let tracer = tracehound::Tracer::builder().agent_url("http://localhost:1").build();
/// println!("{}", tracer.losses());
/// # assert_eq!(tracer.losses().to_string(), "no spans lost");
///
/// let _ = tracer.shutdown(Duration::from_secs(1));
/// tracer.trace("too late").finish();
/// println!("{}", tracer.losses());
/// # assert_eq!(tracer.losses().to_string(), "1 span lost: 1 shutdown");
/// ```
///
/// This prints `no spans lost` and `1 span lost: 1 shutdown`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    pub(super) spans: [u64; REASONS],
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
        self.spans.iter().sum()
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total() {
            0 => return f.write_str("no spans lost"),
            1 => f.write_str("1 span lost")?,
            total => write!(f, "{total} spans lost")?,
        }
        let mut before = ": ";
        for (reason, spans) in
            LossReason::ALL.iter().zip(self.spans).filter(|(_, spans)| *spans > 0)
        {
            write!(f, "{before}{spans} {reason}")?;
            before = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Losses({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_print_with_their_reasons() {
        let mut losses = Losses::default();
        assert_eq!(losses.to_string(), "no spans lost");
        losses.spans[LossReason::TooLarge as usize] = 1;
        assert_eq!(losses.to_string(), "1 span lost: 1 too_large");
        losses.spans[LossReason::QueueFull as usize] = 100;
        assert_eq!(losses.to_string(), "101 spans lost: 100 queue_full, 1 too_large");
        assert_eq!(format!("{losses:?}"), "Losses(101 spans lost: 100 queue_full, 1 too_large)");
    }
}
