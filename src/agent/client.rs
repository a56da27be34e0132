//! The client of one agent: one connection, kept alive, and bounds on the time of each request.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::http::{self, HeaderMap, Method, Uri};

use super::body::Whole;
use super::connection::{Connection, Response};
use super::dial::Dialer;
use super::error::{SendError, SendErrorKind};
use super::meanwhile::Meanwhile;
use crate::config::Endpoint;

/// A connection unused for this long is not used again: the agent closes it after 5 s, and a request that
/// crosses the close is one to send twice.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// A request to the agent.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Without the endpoint's prefix, as in `/v0.4/traces`.
    pub(crate) path: &'a str,
    /// `Host` and `Content-Length` are added.
    pub(crate) headers: &'a HeaderMap,
    /// One part behind the other.
    pub(crate) body: Vec<Bytes>,
}

/// Sends requests to one agent, one at a time, over one connection.
pub(crate) struct Client {
    endpoint: Endpoint,
    limit: Duration,
    idle_limit: Duration,
    dialer: Dialer,
    kept: Option<Connection>,
}

impl Client {
    /// `limit`: the time to open a connection; and then each time in which no byte is written or read. So a large
    /// request to a slow agent has the time that it takes, and one to an agent that hangs is given up.
    pub(crate) fn new(endpoint: Endpoint, limit: Duration) -> Self {
        Client { endpoint, limit, idle_limit: IDLE_LIMIT, dialer: Dialer::default(), kept: None }
    }

    /// Where the requests go.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and waits for its answer, whatever its status.
    ///
    /// Tried once, with one exception: where a kept connection turns out to have been closed, and not a
    /// byte of an answer has come, the request goes out again over a new one.
    ///
    /// # Errors
    ///
    /// When no status came; one that came stands, even if the rest of the answer is missing. But an answer of
    /// success from an agent that has not read the whole request is an error.
    pub(crate) fn send(
        &mut self,
        request: Request<'_>,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Response, SendError> {
        let message = self.message(request);
        let message =
            message.map_err(|error| SendError::new(SendErrorKind::Invalid(error), false))?;

        // Taken out, so that only a connection whose exchange is over is ever put back.
        let kept = self.kept.take();
        if let Some(mut kept) =
            kept.and_then(|mut kept| kept.is_usable(self.idle_limit).then_some(kept))
        {
            match kept.exchange(message.clone(), self.limit, &mut *meanwhile) {
                Err(error) if error.is_broken() && !kept.is_answered() => {
                    return self
                        .send_fresh(message, meanwhile)
                        .map_err(|again| again.after(&error));
                }
                outcome => return self.done(kept, outcome, meanwhile),
            }
        }
        self.send_fresh(message, meanwhile)
    }

    fn send_fresh(
        &mut self,
        message: http::Request<Whole>,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Response, SendError> {
        let socket = self.dialer.dial(&self.endpoint, self.limit, &mut *meanwhile);
        let mut fresh = Connection::open(Box::new(socket.map_err(SendError::connect)?))?;
        let outcome = fresh.exchange(message, self.limit, &mut *meanwhile);
        self.done(fresh, outcome, meanwhile)
    }

    /// Keeps the connection if it can serve another request.
    fn done(
        &mut self,
        mut connection: Connection,
        outcome: Result<Response, SendError>,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Response, SendError> {
        let response = outcome?;
        if connection.is_ready() {
            self.kept = Some(connection);
            return Ok(response);
        }
        // What has not ended after its time will not end soon.
        let limit = if response.body.is_ok() { self.limit } else { Duration::ZERO };
        if response.status.is_success() && connection.is_cut_off(limit, meanwhile) {
            return Err(SendError::new(SendErrorKind::Unread(response.status), true));
        }
        Ok(response)
    }

    fn message(&self, request: Request<'_>) -> http::Result<http::Request<Whole>> {
        let target = PathAndQuery::try_from(self.endpoint.target(request.path))?;
        let mut message = http::Request::new(Whole::new(request.body));
        *message.method_mut() = request.method;
        *message.uri_mut() = Uri::from(target);
        *message.headers_mut() = request.headers.clone();
        message.headers_mut().insert(HOST, HeaderValue::try_from(self.endpoint.host_header())?);
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
