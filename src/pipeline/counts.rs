//! What was sent to the agent, in numbers that anybody may read at any time.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::http::StatusCode;

use crate::agent::{Outcome, SendError};
use crate::diag::{Answers, Statistics};

/// Counts requests with traces. The worker writes, and nobody waits for anybody.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    requests: AtomicU64,
    request_bytes: AtomicU64,
    retries: AtomicU64,
    /// In the order of [`Class`].
    answers: [AtomicU64; CLASSES],
}

/// What an answer counts as.
#[derive(Clone, Copy, Debug)]
enum Class {
    Success,
    Other,
    ClientError,
    ServerError,
    None,
}

const CLASSES: usize = 5;

impl Class {
    fn of(outcome: &Result<Outcome, SendError>) -> Self {
        let status = match outcome {
            Ok(Outcome::Accepted { .. } | Outcome::Partial { .. }) => return Class::Success,
            // By gRPC, which has no classes.
            Ok(Outcome::Failed { again: true, .. }) => return Class::ServerError,
            Ok(Outcome::Failed { again: false, .. }) => return Class::ClientError,
            Ok(Outcome::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Ok(Outcome::Unknown(status) | Outcome::Refused(status) | Outcome::Busy(status)) => {
                *status
            }
            Err(_) => return Class::None,
        };
        match status.as_u16() {
            0..=399 => Class::Other,
            400..=499 => Class::ClientError,
            500.. => Class::ServerError,
        }
    }
}

impl Counts {
    /// A request with a body of so many bytes is tried.
    pub(super) fn request(&self, bytes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.request_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It has ended so.
    pub(super) fn answer(&self, outcome: &Result<Outcome, SendError>) {
        if let Some(count) = self.answers.get(Class::of(outcome) as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It is kept to be sent again.
    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes these numbers into what is known otherwise.
    pub(super) fn read_into(&self, statistics: &mut Statistics) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let [success, other, client_error, server_error, none] = self.answers.each_ref().map(read);
        statistics.requests = read(&self.requests);
        statistics.request_bytes = read(&self.request_bytes);
        statistics.retries = read(&self.retries);
        statistics.answers = Answers { success, other, client_error, server_error, none };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::SendErrorKind;

    #[test]
    fn answers_are_counted_by_what_they_say() {
        let counts = Counts::default();
        let status = |status| StatusCode::from_u16(status).unwrap();
        for outcome in [
            Ok(Outcome::Accepted { rates: None }),
            Ok(Outcome::TooLarge),
            Ok(Outcome::Refused(status(404))),
            Ok(Outcome::Refused(status(301))),
            Ok(Outcome::Busy(status(429))),
            Ok(Outcome::Busy(status(503))),
            Err(SendError::new(SendErrorKind::TooLarge, true)),
        ] {
            counts.answer(&outcome);
        }
        let mut statistics = Statistics::default();
        counts.read_into(&mut statistics);
        assert_eq!(
            statistics.answers.to_string(),
            "answers: 1 2xx, 1 1xx and 3xx, 3 4xx, 1 5xx, 1 none"
        );
    }
}
