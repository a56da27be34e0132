//! The client of one agent: one connection, kept alive, and one bound on the time of each request.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::http::{self, HeaderMap, Method, Uri};

use super::body::Whole;
use super::connection::{Connection, Response};
use super::deadline::Deadline;
use super::dial::Dialer;
use super::error::SendError;
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
///
/// Needs a tokio runtime with I/O and time. A request that is dropped half-way takes its connection with it
/// and does no other harm.
pub(crate) struct Client {
    endpoint: Endpoint,
    timeout: Duration,
    idle_limit: Duration,
    dialer: Dialer,
    kept: Option<Connection>,
}

impl Client {
    /// `timeout` is for a whole request: to look up, to connect, to write and to read the answer.
    pub(crate) fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Client { endpoint, timeout, idle_limit: IDLE_LIMIT, dialer: Dialer::default(), kept: None }
    }

    /// Where the requests go.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and waits for its answer, whatever its status.
    ///
    /// Tried once, with one exception: where a kept connection turns out to have been closed, and not a
    /// byte of an answer has come, the request goes out again over a new one, within the same time.
    ///
    /// # Errors
    ///
    /// When no status came; one that came stands, even if the rest of the answer is missing.
    pub(crate) async fn send(&mut self, request: Request<'_>) -> Result<Response, SendError> {
        let deadline = Deadline::after(self.timeout);
        let message = self.message(request).map_err(SendError::Invalid)?;

        // Taken out, so that only a connection whose exchange is over is ever put back.
        if let Some(mut kept) = self.kept.take() {
            if kept.is_usable(self.idle_limit).await {
                match kept.exchange(message.clone(), deadline).await {
                    Err(SendError::Broken(_)) if !kept.heard() => {}
                    outcome => return self.done(kept, outcome).await,
                }
            }
        }

        let stream =
            self.dialer.dial(&self.endpoint, deadline).await.map_err(SendError::Connect)?;
        let mut fresh = Connection::open(stream).await?;
        let outcome = fresh.exchange(message, deadline).await;
        self.done(fresh, outcome).await
    }

    /// Keeps the connection if it can serve another request.
    async fn done(
        &mut self,
        mut connection: Connection,
        outcome: Result<Response, SendError>,
    ) -> Result<Response, SendError> {
        if outcome.is_ok() && connection.is_ready().await {
            self.kept = Some(connection);
        }
        outcome
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
