//! The client of one agent: it keeps one connection alive, and limits the time of each request.

use std::path::PathBuf;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::http::{self, HeaderMap, Method, StatusCode, Uri};

use super::body::Whole;
use super::connection::{Connection, Response, Version};
use super::dial::Dialer;
use super::error::{SendError, SendErrorKind};
use super::meanwhile::Meanwhile;
use crate::config::Endpoint;

/// A connection that was idle for this long is not used again. The agent closes it after 5 s, and a request that it
/// closes under would have to be sent twice.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// A request to the agent.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Without the endpoint's prefix, as in `/v0.4/traces`.
    pub(crate) path: &'a str,
    /// `Host` and `Content-Length` are added.
    pub(crate) headers: &'a HeaderMap,
    /// In parts, which are sent one behind the other.
    pub(crate) body: Vec<Bytes>,
}

/// Sends requests to one agent, one at a time, over one connection.
pub(crate) struct Client {
    endpoint: Endpoint,
    version: Version,
    limit: Duration,
    idle_limit: Duration,
    dialer: Dialer,
    kept: Option<Connection>,
}

impl Client {
    /// `limit`: the time to open a connection; and then each time in which no byte is written or read. So a large
    /// request to a slow agent has the time that it takes, and one to an agent that hangs is given up.
    ///
    /// `ca_file`: whose signature on the certificate of an agent behind TLS counts; `None` for the platform's roots.
    pub(crate) fn new(endpoint: Endpoint, limit: Duration, ca_file: Option<PathBuf>) -> Self {
        Client {
            endpoint,
            version: Version::Http1,
            limit,
            idle_limit: IDLE_LIMIT,
            dialer: Dialer::new(ca_file),
            kept: None,
        }
    }

    /// Speaks this version of HTTP instead of HTTP/1.
    pub(crate) fn speaking(mut self, version: Version) -> Self {
        self.version = version;
        self.dialer.speak(version);
        self
    }

    /// Where the requests go.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and waits for its answer, whatever its status.
    ///
    /// It is tried once, with one exception: if a kept connection turns out to be closed, and not a byte of an answer
    /// has come, the request is sent again over a new connection.
    ///
    /// # Errors
    ///
    /// If no status came. A status counts even if the rest of the answer is missing, but for a success from an agent
    /// that has not read the whole request: that is an error.
    pub(crate) fn send(
        &mut self,
        request: Request<'_>,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Response, SendError> {
        let invalid = |error| SendError::new(SendErrorKind::Invalid(error), false);
        let message = self.message(request).map_err(invalid)?;
        let kept = self.kept.take_if(|kept| kept.is_usable(self.idle_limit));
        // A connection is put back only when its exchange is over.
        self.kept = None;
        if let Some(mut kept) = kept {
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
        let mut fresh = Connection::open(socket.map_err(SendError::connect)?, self.version)?;
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
        if wants_tls(&self.endpoint, &response) {
            // Whoever answers so has not looked further than at the first bytes.
            return Err(SendError::new(SendErrorKind::SpeaksTls, false));
        }
        if connection.is_ready() {
            self.kept = Some(connection);
            return Ok(response);
        }
        // If the body has not ended in time, the connection will not end soon either.
        let limit = if response.body.is_ok() { self.limit } else { Duration::ZERO };
        // With HTTP/2 an answer that is whole has been given to a request that is.
        let may_be_cut_off = self.version == Version::Http1 && response.status.is_success();
        if may_be_cut_off && connection.is_cut_off(limit, meanwhile) {
            return Err(SendError::new(SendErrorKind::Unread(response.status), true));
        }
        Ok(response)
    }

    fn message(&self, request: Request<'_>) -> http::Result<http::Request<Whole>> {
        let target = PathAndQuery::try_from(self.endpoint.target(request.path))?;
        let mut message = http::Request::new(Whole::new(request.body));
        *message.method_mut() = request.method;
        *message.headers_mut() = request.headers.clone();
        let host = self.endpoint.host_header();
        match self.version {
            Version::Http1 => {
                *message.uri_mut() = Uri::from(target);
                message.headers_mut().insert(HOST, HeaderValue::try_from(host)?);
            }
            // The host has a field of its own, which hyper takes from here.
            Version::Http2 => {
                let is_tls = matches!(self.endpoint, Endpoint::Http { is_tls: true, .. });
                let scheme = if is_tls { "https" } else { "http" };
                let uri = Uri::builder().scheme(scheme).authority(host).path_and_query(target);
                *message.uri_mut() = uri.build()?;
            }
        }
        Ok(message)
    }
}

/// What servers of TLS answer to plain HTTP, in HTTP: those written in Go, and nginx.
const TO_TLS: [&[u8]; 2] = [b"to an HTTPS server", b"sent to HTTPS port"];

/// Whether the answer to a request without TLS says that TLS is wanted.
fn wants_tls(endpoint: &Endpoint, response: &Response) -> bool {
    let Endpoint::Http { is_tls: false, .. } = endpoint else { return false };
    let says = |body: &Bytes, words: &[u8]| body.windows(words.len()).any(|part| part == words);
    response.status == StatusCode::BAD_REQUEST
        && response.body.as_ref().is_ok_and(|body| TO_TLS.iter().any(|words| says(body, words)))
}

#[cfg(test)]
mod tests;
