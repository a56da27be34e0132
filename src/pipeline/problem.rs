//! What goes wrong between this process and the agent, in words: where it was asked, what came, what follows, and
//! what to do.

use std::io;

use hyper::http::StatusCode;

use super::outbox::MAX_AGE;
use crate::agent::{Endpoint, SendError, SendErrorKind};

/// Where to look when the agent is not where it is expected.
const CHECK_ADDRESS: &str = "check that the Datadog agent listens there (DD_TRACE_AGENT_URL, or DD_AGENT_HOST and \
                             DD_TRACE_AGENT_PORT; the port of traces is 8126 by default)";

/// The agent's address and a path of it, as one that can be asked for with other tools.
pub(super) fn url(endpoint: &Endpoint, path: &str) -> String {
    match endpoint {
        Endpoint::Http { .. } => format!("{endpoint}{path}"),
        Endpoint::Unix { .. } => format!("{path} of {endpoint}"),
    }
}

/// Why no answer came.
pub(super) fn no_answer(endpoint: &Endpoint, path: &str, error: &SendError) -> String {
    match &error.kind {
        SendErrorKind::Connect(cause) => {
            format!("could not connect to agent at {endpoint}: {}", lower(cause))
        }
        _ => format!("{}: {error:#}", url(endpoint, path)),
    }
}

/// A status that is no success.
pub(super) fn status(endpoint: &Endpoint, path: &str, status: StatusCode) -> String {
    format!("the agent answered {status} to {}", url(endpoint, path))
}

/// What follows while the agent takes nothing.
pub(super) fn kept(problem: &str, room: usize) -> String {
    let seconds = MAX_AGE.as_secs();
    format!(
        "{problem}; traces are kept for {seconds} s, up to {room} bytes, and sent when it takes them again; \
         {CHECK_ADDRESS}"
    )
}

/// What is lost when it was kept for too long.
pub(super) fn kept_too_long(problem: &str) -> String {
    let seconds = MAX_AGE.as_secs();
    format!("kept for {seconds} s and not taken: {problem}; {CHECK_ADDRESS}")
}

/// What follows when the agent has got a request and said nothing.
pub(super) fn unconfirmed(problem: &str) -> String {
    format!(
        "{problem}; the agent may have them, so they are not sent again; an agent that is slow for long needs more \
         CPU, or a longer limit (DD_TRACE_AGENT_TIMEOUT_SECONDS)"
    )
}

/// What follows from a status that says not to try again.
pub(super) fn rejected(problem: &str, status: StatusCode) -> String {
    match status {
        StatusCode::NOT_FOUND | StatusCode::UNSUPPORTED_MEDIA_TYPE => format!(
            "{problem}: this does not look like a Datadog agent (wrong port or path?); what was sent is dropped; \
             {CHECK_ADDRESS}"
        ),
        StatusCode::PAYLOAD_TOO_LARGE => format!(
            "{problem}: a single trace is too large for it; what was sent is dropped; a smaller limit \
             (DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES) divides large traces"
        ),
        _ => format!(
            "{problem}: it would not take them the next time either; what was sent is dropped"
        ),
    }
}

/// An error of the system as it reads in the middle of a line.
fn lower(error: &io::Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
