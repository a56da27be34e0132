//! What is said about a request when debugging is on.

use std::time::Instant;

use super::link::TRACES_PATH;
use super::outbox::Parcel;
use crate::agent::{Outcome, SendError};
use crate::config::Endpoint;
use crate::diag::Diag;

/// A request with traces that is on its way.
pub(super) struct Sent {
    chunks: usize,
    spans: u64,
    bytes: usize,
    pub(super) start: Instant,
}

impl Sent {
    pub(super) fn now(parcel: &Parcel) -> Self {
        let (chunks, spans) = (parcel.chunk_count(), parcel.spans().total());
        Sent { chunks, spans, bytes: parcel.bytes(), start: Instant::now() }
    }

    /// Says what came of it.
    pub(super) fn say(&self, diag: &Diag, to: &Endpoint, outcome: &Result<Outcome, SendError>) {
        diag.debug(|| {
            let Sent { chunks, spans, bytes, start } = self;
            let answer = match outcome {
                Ok(Outcome::Accepted { rates: Some(_) }) => "accepted, with sampling rates".into(),
                Ok(Outcome::Accepted { rates: None }) => "accepted".into(),
                Ok(Outcome::TooLarge) => "answered 413, to be split".into(),
                Ok(Outcome::Refused(status)) => format!("answered {status}, dropped"),
                Ok(Outcome::Busy(status)) => format!("answered {status}, to be tried again"),
                Err(error) => format!("{error:#}"),
            };
            format!(
                "sent {spans} spans in {chunks} chunks, {bytes} bytes, to {to}{TRACES_PATH} in {:?}: {answer}",
                start.elapsed()
            )
        });
    }
}
