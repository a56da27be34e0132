//! What a tracer has done so far, and what waits, for programs that watch it.

use std::fmt;

use super::loss::{LossReason, Losses};

/// What has become of a tracer's spans so far, and what it has sent, in this process: see
/// [`Tracer::statistics`](crate::Tracer::statistics).
///
/// Each span that was made is in one of these accounts at a time, in the order in which it may go through them: `open`,
/// `held`, `queued`, and at last `delivered`, `sampled_out`, `filtered` or lost. So
/// [`made`](Self::made) is their sum, less the [`versions`](Self::versions) of open spans that were sent in advance. While spans are on their way from one thread to another, a few of them are in none.
///
/// `Display` writes it in one line. All numbers but [`open`](Self::open), [`held`](Self::held),
/// [`queued`](Self::queued) and [`queued_bytes`](Self::queued_bytes) only grow.
///
/// ```
/// let tracer = tracehound::Tracer::builder().agent_url("http://localhost:1").build();
/// let _root = tracer.trace("web.request");
/// tracer.in_span("cache.get", |_| ());
///
/// let statistics = tracer.statistics();
/// assert_eq!((statistics.made(), statistics.open(), statistics.held()), (2, 1, 1));
/// println!("{statistics}");
/// ```
///
/// This prints `2 spans made: 1 open, 1 held, 0 queued (0 bytes), 0 delivered; no spans lost; 0 requests (0 bytes),
/// 0 retries, no answers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    pub(crate) open: u64,
    pub(crate) held: u64,
    pub(crate) accepted: u64,
    pub(crate) queued: u64,
    pub(crate) queued_bytes: u64,
    pub(crate) delivered: u64,
    pub(crate) versions: u64,
    pub(crate) sampled_out: u64,
    pub(crate) filtered: u64,
    pub(crate) losses: Losses,
    pub(crate) requests: u64,
    pub(crate) request_bytes: u64,
    pub(crate) retries: u64,
    pub(crate) answers: Answers,
}

/// How the agent has answered to requests with traces so far, by the class of the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answers {
    /// Taken: 200 to 299.
    pub success: u64,
    /// Sent elsewhere, which is not followed, or informed: 100 to 199, 300 to 399.
    pub other: u64,
    /// Found fault with the request: 400 to 499.
    pub client_error: u64,
    /// Failed itself: 500 and above.
    pub server_error: u64,
    /// No answer that counts: no connection, no answer in time, or one that broke off.
    pub none: u64,
}

impl Statistics {
    /// Spans that were started, with tracing enabled and not suppressed.
    #[must_use]
    pub fn made(&self) -> u64 {
        let settled = self.delivered + self.sampled_out + self.filtered + self.losses.total();
        (self.open + self.held + self.queued + settled).saturating_sub(self.versions)
    }

    /// Of those that were made, the ones that have finished. Spans that count as lost because nobody finished them in
    /// time ([`LossReason::Unfinished`]) are not among them.
    #[must_use]
    pub fn finished(&self) -> u64 {
        let unfinished = self.losses.spans(LossReason::Unfinished);
        self.made().saturating_sub(self.open).saturating_sub(unfinished)
    }

    /// Spans that are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open
    }

    /// Finished spans that wait in their trace, which is still open.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Finished spans that were handed over to be sent, ever. What does not fit is lost instead
    /// ([`LossReason::QueueFull`]).
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Of those that were handed over, the ones that are not settled: they wait, or are on their way to the agent.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// The bytes of memory that all that waits claims of `DD_TRACE_WRITER_BUFFER_SIZE_BYTES`, also what has room in
    /// advance.
    #[must_use]
    pub fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// Spans that the agent has confirmed.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// How often a span was sent while it was open, because it stays open for long and the agent takes that. Such a
    /// version counts as a span among those that are queued, delivered or lost, beside the final one.
    #[must_use]
    pub fn versions(&self) -> u64 {
        self.versions
    }

    /// Spans that were not sent because their trace was not sampled. Where the agent wants unsampled traces too, they
    /// are sent, and count as delivered.
    #[must_use]
    pub fn sampled_out(&self) -> u64 {
        self.sampled_out
    }

    /// Spans that filters have kept from being sent.
    #[must_use]
    pub fn filtered(&self) -> u64 {
        self.filtered
    }

    /// Spans that were lost, by reason.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Requests with traces, each attempt by itself.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The bytes of the bodies of those requests, also of those that were not sent to their end.
    #[must_use]
    pub fn request_bytes(&self) -> u64 {
        self.request_bytes
    }

    /// How often a request with traces has failed and was kept to be sent again.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// How the agent has answered to those requests.
    #[must_use]
    pub fn answers(&self) -> Answers {
        self.answers
    }
}

impl Statistics {
    /// These, and what another pipeline has sent. What does not depend on a pipeline is taken from these.
    pub(crate) fn and(self, other: Statistics) -> Self {
        let Answers { success, other: elsewhere, client_error, server_error, none } = other.answers;
        Statistics {
            accepted: self.accepted + other.accepted,
            queued: self.queued + other.queued,
            queued_bytes: self.queued_bytes + other.queued_bytes,
            delivered: self.delivered + other.delivered,
            versions: self.versions + other.versions,
            requests: self.requests + other.requests,
            request_bytes: self.request_bytes + other.request_bytes,
            retries: self.retries + other.retries,
            answers: Answers {
                success: self.answers.success + success,
                other: self.answers.other + elsewhere,
                client_error: self.answers.client_error + client_error,
                server_error: self.answers.server_error + server_error,
                none: self.answers.none + none,
            },
            ..self
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics { open, held, queued, queued_bytes, delivered, losses, .. } = self;
        write!(f, "{} spans made: {open} open, {held} held, ", self.made())?;
        write!(f, "{queued} queued ({queued_bytes} bytes), {delivered} delivered")?;
        for (spans, what) in [(self.sampled_out, "sampled out"), (self.filtered, "filtered")] {
            if spans > 0 {
                write!(f, ", {spans} {what}")?;
            }
        }
        let Statistics { requests, request_bytes, retries, answers, .. } = self;
        write!(f, "; {losses}; {requests} requests ({request_bytes} bytes), {retries} retries, ")?;
        write!(f, "{answers}")
    }
}

/// Those that there were: `answers: 3 2xx, 1 none`.
impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = [
            (self.success, "2xx"),
            (self.other, "1xx and 3xx"),
            (self.client_error, "4xx"),
            (self.server_error, "5xx"),
            (self.none, "none"),
        ];
        if classes.iter().all(|(number, _)| *number == 0) {
            return f.write_str("no answers");
        }
        let mut before = "answers: ";
        for (number, class) in classes.into_iter().filter(|(number, _)| *number > 0) {
            write!(f, "{before}{number} {class}")?;
            before = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_print_in_one_line_with_what_there_was() {
        let statistics = Statistics::default();
        let nothing = "0 spans made: 0 open, 0 held, 0 queued (0 bytes), 0 delivered; no spans lost; \
                       0 requests (0 bytes), 0 retries, no answers";
        assert_eq!(statistics.to_string(), nothing);
        let mut losses = Losses::default();
        losses.spans[LossReason::Unfinished as usize] = 2;
        losses.spans[LossReason::QueueFull as usize] = 1;
        let statistics = Statistics {
            open: 10,
            held: 20,
            accepted: 90,
            queued: 30,
            queued_bytes: 1_000,
            delivered: 40,
            versions: 0,
            sampled_out: 5,
            filtered: 6,
            losses,
            requests: 3,
            request_bytes: 500,
            retries: 1,
            answers: Answers { success: 1, server_error: 1, none: 1, ..Answers::default() },
        };
        assert_eq!((statistics.made(), statistics.finished()), (114, 102));
        assert_eq!(
            statistics.to_string(),
            "114 spans made: 10 open, 20 held, 30 queued (1000 bytes), 40 delivered, 5 sampled out, 6 filtered; \
             3 spans lost: 1 queue_full, 2 unfinished; 3 requests (500 bytes), 1 retries, answers: 1 2xx, 1 5xx, 1 none"
        );
    }
}
