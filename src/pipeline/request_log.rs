//! The line about each request with traces, where debugging is on.

use std::time::Duration;

use super::outbox::Parcel;
use crate::agent::{Outcome, SendError};
use crate::config::Endpoint;
use crate::encode::Format;

/// What was sent, and what came of it.
pub(super) fn line(
    parcel: &Parcel,
    to: &Endpoint,
    took: Duration,
    outcome: &Result<Outcome, SendError>,
) -> String {
    let answer = match outcome {
        Ok(Outcome::Accepted { rates: Some(_) }) => "accepted, with sampling rates".into(),
        Ok(Outcome::Accepted { rates: None }) => "accepted".into(),
        Ok(Outcome::TooLarge) => "answered 413, to be split".into(),
        Ok(Outcome::Unknown(status)) if parcel.format() != Format::V04 => {
            format!("answered {status}, to be sent as v0.4")
        }
        Ok(Outcome::Unknown(status) | Outcome::Refused(status)) => {
            format!("answered {status}, dropped")
        }
        Ok(Outcome::Busy(status)) => format!("answered {status}, to be tried again"),
        Err(error) => format!("{error:#}"),
    };
    let (spans, chunks, bytes) = (parcel.spans().total(), parcel.chunk_count(), parcel.bytes());
    let path = parcel.format().path();
    format!(
        "sent {spans} spans in {chunks} chunks, {bytes} bytes, to {to}{path} in {took:?}: {answer}"
    )
}
