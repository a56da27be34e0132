//! The lines about problems with the agent: its address, what happened, what follows, and what the user can do.

use std::io;

use hyper::http::StatusCode;

use super::outbox::MAX_AGE;
use crate::agent::{SendError, SendErrorKind};
use crate::config::{ApiVersion, Endpoint};
use crate::encode::Format;

/// What to check when the agent is not where it is expected.
const CHECK_ADDRESS: &str = "check that the Datadog agent listens there (DD_TRACE_AGENT_URL, or DD_AGENT_HOST and \
                             DD_TRACE_AGENT_PORT; the port of traces is 8126 by default)";

/// Where traces are sent, written so that other tools can be pointed at it.
fn url(endpoint: &Endpoint, format: Format) -> String {
    let path = format.path();
    match endpoint {
        Endpoint::Http { .. } => format!("{endpoint}{path}"),
        Endpoint::Unix { .. } => format!("{path} of {endpoint}"),
    }
}

/// Why no answer came.
pub(super) fn no_answer(endpoint: &Endpoint, format: Format, error: &SendError) -> String {
    match &error.kind {
        SendErrorKind::Connect(cause) => {
            format!("could not connect to agent at {endpoint}: {}", lower(cause))
        }
        _ => format!("{}: {error:#}", url(endpoint, format)),
    }
}

/// A status that is no success.
pub(super) fn status(endpoint: &Endpoint, format: Format, status: StatusCode) -> String {
    format!("the agent answered {status} to {}", url(endpoint, format))
}

/// The line when the agent stops taking traces: what happens to them meanwhile.
pub(super) fn kept(problem: &str, room: usize) -> String {
    let seconds = MAX_AGE.as_secs();
    format!(
        "{problem}; traces are kept for {seconds} s, up to {room} bytes, and sent when it takes them again; \
         {CHECK_ADDRESS}"
    )
}

/// The detail for traces that were kept for too long.
pub(super) fn kept_too_long(problem: &str) -> String {
    let seconds = MAX_AGE.as_secs();
    format!("kept for {seconds} s and not taken: {problem}; {CHECK_ADDRESS}")
}

/// The detail for traces that the agent was sent and did not confirm.
pub(super) fn unconfirmed(problem: &str) -> String {
    format!(
        "{problem}; the agent may have them, so they are not sent again; an agent that is slow for long needs more \
         CPU, or a longer limit (DD_TRACE_AGENT_TIMEOUT_SECONDS)"
    )
}

/// The line when the agent does not take the format that it announces, or that was asked for.
pub(super) fn not_taken(problem: &str) -> String {
    format!(
        "{problem}: traces are sent as v0.4 until it says something else about itself; DD_TRACE_API_VERSION=v0.4 \
         spares the attempt"
    )
}

/// The line when the agent does not announce the format that was asked for.
pub(super) fn not_announced(endpoint: &Endpoint, version: ApiVersion) -> String {
    format!(
        "the agent at {endpoint} does not announce {version}, which was asked for (DD_TRACE_API_VERSION): traces are sent \
         as v0.4; a newer agent may take it"
    )
}

/// The detail for traces that the agent rejected with a status that says not to try again.
pub(super) fn rejected(problem: &str, status: StatusCode) -> String {
    match status {
        StatusCode::NOT_FOUND | StatusCode::UNSUPPORTED_MEDIA_TYPE => format!(
            "{problem}: this does not look like a Datadog agent (wrong port or path?); what was sent is dropped; \
             {CHECK_ADDRESS}"
        ),
        StatusCode::PAYLOAD_TOO_LARGE => format!(
            "{problem}: a single trace is too large for it; what was sent is dropped; the next ones are divided, and all \
             of them with a smaller limit (DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES)"
        ),
        _ => format!(
            "{problem}: it would not take them the next time either; what was sent is dropped"
        ),
    }
}

/// An error of the system with a small first letter, for the middle of a line.
fn lower(error: &io::Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_line_says_where_what_and_what_follows() {
        let refused = SendError::connect(io::ErrorKind::ConnectionRefused.into());
        let proxy = Endpoint::parse("http://proxy:80/dd").unwrap();
        let socket = Endpoint::parse("unix:///run/apm.socket").unwrap();
        for (line, expected) in [
            (
                no_answer(&proxy, Format::V04, &refused),
                "could not connect to agent at http://proxy:80/dd: connection refused",
            ),
            (
                no_answer(&socket, Format::V04, &refused),
                "could not connect to agent at unix:///run/apm.socket: connection refused",
            ),
            (
                status(&proxy, Format::V04, StatusCode::SERVICE_UNAVAILABLE),
                "the agent answered 503 Service Unavailable to http://proxy:80/dd/v0.4/traces",
            ),
            (
                status(&socket, Format::V04, StatusCode::BAD_REQUEST),
                "the agent answered 400 Bad Request to /v0.4/traces of unix:///run/apm.socket",
            ),
        ] {
            assert_eq!(line, expected);
        }
        let timeout = SendErrorKind::Timeout(Duration::from_secs(2));
        let timeout = no_answer(&proxy, Format::V04, &SendError::new(timeout, true));
        for (line, parts) in [
            (
                kept("why", 7),
                ["why; traces are kept for 60 s, up to 7 bytes", "DD_TRACE_AGENT_URL"],
            ),
            (kept_too_long("why"), ["kept for 60 s and not taken: why", "8126"]),
            (
                unconfirmed(&timeout),
                ["/v0.4/traces: no answer from the agent within 2s", "they are not sent again"],
            ),
            (
                rejected("why", StatusCode::NOT_FOUND),
                ["why: this does not look like a Datadog agent (wrong port", "is dropped"],
            ),
            (
                rejected("why", StatusCode::PAYLOAD_TOO_LARGE),
                ["a single trace is too large", "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES"],
            ),
            (rejected("why", StatusCode::FORBIDDEN), ["why: it would not take", "is dropped"]),
        ] {
            assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        }
    }
}
