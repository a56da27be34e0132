//! The client.

use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

use serde_json::Value;

use super::message::read_response;
use super::{Address, Headers, Stream};
use crate::fail::must;
use crate::time::Deadline;

/// A request to send.
#[derive(Debug, Clone)]
#[must_use = "send it"]
pub struct Call {
    method: &'static str,
    path: String,
    headers: Headers,
    body: Vec<u8>,
    limit: Duration,
}

/// A `GET` of a path.
pub fn get(path: impl Into<String>) -> Call {
    Call::new("GET", path.into())
}

/// A `PUT` to a path.
pub fn put(path: impl Into<String>) -> Call {
    Call::new("PUT", path.into())
}

/// A `POST` to a path.
pub fn post(path: impl Into<String>) -> Call {
    Call::new("POST", path.into())
}

impl Call {
    fn new(method: &'static str, path: String) -> Self {
        let limit = Duration::from_secs(30);
        Self { method, path, headers: Headers::default(), body: Vec::new(), limit }
    }

    /// Adds a header; `Host`, `Content-Length` and `Connection: close` are sent anyway.
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.add(name, value.to_string());
        self
    }

    /// The body; empty by default.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// How long it may take from connecting to the end of the answer; 30 seconds by default.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it on a connection of its own and reads the answer.
    ///
    /// # Errors
    ///
    /// Those of the connection; `InvalidData` if the answer is not HTTP/1.1, `UnexpectedEof` if it
    /// is cut short, `TimedOut` after the [`limit`](Self::limit).
    pub fn send(&self, to: &Address) -> io::Result<Response> {
        let deadline = Deadline::after(self.limit);
        let mut stream = Timed { stream: to.connect(deadline.remaining()?)?, deadline };
        let Self { method, path, headers, body, .. } = self;
        let mut message = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
             Connection: close\r\n{headers}\r\n",
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(body);
        // An agent may answer, and close, before it has read a body that it does not want.
        let sent = stream.write_all(&message);
        let (status, headers, body) = read_response(&mut BufReader::new(stream))
            .map_err(|error| sent.err().unwrap_or(error))?;
        Ok(Response { status, headers, body })
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text, lossily.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        must("the answer is not JSON", serde_json::from_slice(&self.body).map_err(io::Error::other))
    }
}

/// A stream whose every operation ends by the same deadline.
struct Timed {
    stream: Stream,
    deadline: Deadline,
}

impl Timed {
    fn in_time<T>(&mut self, act: impl FnOnce(&mut Stream) -> io::Result<T>) -> io::Result<T> {
        self.stream.set_timeouts(Some(self.deadline.remaining()?))?;
        match act(&mut self.stream) {
            // What Unix calls the end of a socket's timeout.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::ErrorKind::TimedOut.into())
            }
            result => result,
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.in_time(|stream| stream.read(buffer))
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.in_time(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
