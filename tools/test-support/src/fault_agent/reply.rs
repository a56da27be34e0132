//! What an agent can answer, and ways not to.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};
use socket2::SockRef;

use super::connections::Connection;
use crate::http::{Headers, Stream};

/// What to do with a request.
#[derive(Debug, Clone)]
#[must_use = "a script returns it"]
pub struct Reply {
    delay: Duration,
    act: Act,
    then_close: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Answer(Answer),
    Raw(Vec<u8>),
    Close,
    Reset,
    Hang,
}

#[derive(Debug, Clone, Default)]
struct Answer {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    is_endless: bool,
    cut_at: Option<usize>,
    pause: Option<Duration>,
}

impl Reply {
    /// 200 with `{}`, which an agent answers when it has nothing to say.
    pub fn ok() -> Self {
        Self::status(200).body("{}")
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::act(Act::Answer(Answer { status, ..Answer::default() }))
    }

    /// 200 with a JSON body.
    pub fn json(value: &Value) -> Self {
        Self::status(200).header("Content-Type", "application/json").body(value.to_string())
    }

    /// 200 with sample rates by `service:<service>,env:<env>`, as for a trace payload.
    pub fn rates(rates: &[(&str, f64)]) -> Self {
        let rates: Map<_, _> =
            rates.iter().map(|(key, rate)| ((*key).to_owned(), Value::from(*rate))).collect();
        Self::json(&json!({"rate_by_service": rates}))
    }

    /// 200 with a body that begins like JSON.
    pub fn invalid_json() -> Self {
        Self::ok().body(r#"{"rate_by_service":{"service:,env:":0.5"#)
    }

    /// 200 with a body of so many bytes.
    pub fn huge_body(bytes: usize) -> Self {
        Self::status(200).body(vec![b' '; bytes])
    }

    /// 200 with a header of so many bytes.
    pub fn huge_header(bytes: usize) -> Self {
        Self::ok().header("X-Huge", "h".repeat(bytes))
    }

    /// 200 with a body that never ends.
    pub fn endless_body() -> Self {
        let chunked = Self::status(200).header("Transfer-Encoding", "chunked");
        chunked.change(|answer| answer.is_endless = true)
    }

    /// These bytes, whatever they are, and the end of the connection.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::act(Act::Raw(bytes.into()))
    }

    /// The end of the connection instead of an answer.
    pub fn close() -> Self {
        Self::act(Act::Close)
    }

    /// A reset of the connection instead of an answer. A Unix socket has no such thing once the
    /// request is read: there it is [`close`](Self::close), and
    /// [`Greeting::Reset`](super::Greeting::Reset) the reset.
    pub fn reset() -> Self {
        Self::act(Act::Reset)
    }

    /// No answer; the connection stays open until the agent is dropped or drops its connections.
    pub fn hang() -> Self {
        Self::act(Act::Hang)
    }

    fn act(act: Act) -> Self {
        Self { delay: Duration::ZERO, act, then_close: false }
    }

    /// Adds a header. `Content-Length` is sent unless it is given here.
    pub fn header(self, name: &str, value: impl Into<String>) -> Self {
        self.change(|answer| answer.headers.add(name, value))
    }

    /// The body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.change(|answer| answer.body = body.into())
    }

    /// Waits before doing it.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Closes the connection after the answer, which does not say so: the client finds it stale
    /// when it sends the next request.
    pub fn and_close(mut self) -> Self {
        self.then_close = true;
        self
    }

    /// Sends only the first so many bytes of the answer, head included, and closes the connection.
    pub fn cut_at(self, bytes: usize) -> Self {
        self.change(|answer| answer.cut_at = Some(bytes)).and_close()
    }

    /// Sends the answer byte by byte, with a pause before each.
    pub fn drip(self, pause: Duration) -> Self {
        self.change(|answer| answer.pause = Some(pause))
    }

    /// An answer changed; there is nothing to change in what is no answer.
    fn change(mut self, change: impl FnOnce(&mut Answer)) -> Self {
        if let Act::Answer(answer) = &mut self.act {
            change(answer);
        }
        self
    }

    /// Whether it tells the client that the request was not taken.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(&self.act, Act::Answer(answer) if answer.status >= 300)
    }

    /// Does it; whether the connection goes on afterwards.
    pub(super) fn perform(&self, stream: &mut Stream, connection: &Connection) -> io::Result<bool> {
        if !self.delay.is_zero() && !connection.wait(Some(self.delay)) {
            return Ok(false);
        }
        match &self.act {
            Act::Answer(answer) => {
                answer.send(stream, connection)?;
                return Ok(!self.then_close);
            }
            Act::Raw(bytes) => stream.write_all(bytes)?,
            Act::Close => {}
            Act::Reset => reset_when_closed(stream)?,
            Act::Hang => {
                connection.wait(None);
            }
        }
        Ok(false)
    }
}

/// Makes the closing of a TCP connection a reset.
pub(super) fn reset_when_closed(stream: &Stream) -> io::Result<()> {
    match stream {
        Stream::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
        #[cfg(unix)]
        Stream::Unix(_) => Ok(()),
        Stream::Tls(stream) => SockRef::from(stream.tcp()).set_linger(Some(Duration::ZERO)),
    }
}

impl Answer {
    fn send(&self, stream: &mut Stream, connection: &Connection) -> io::Result<()> {
        let Self { status, headers, body, .. } = self;
        let mut message = format!("HTTP/1.1 {status} Scripted\r\n{headers}").into_bytes();
        if headers.get("Content-Length").is_none() && !self.is_endless {
            write!(message, "Content-Length: {}\r\n", body.len())?;
        }
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(body);
        message.truncate(self.cut_at.unwrap_or(usize::MAX));
        match self.pause {
            None => stream.write_all(&message)?,
            Some(pause) => {
                for byte in message {
                    if !connection.wait(Some(pause)) {
                        return Ok(());
                    }
                    stream.write_all(&[byte])?;
                }
            }
        }
        if self.is_endless { endless(stream, connection) } else { Ok(()) }
    }
}

fn endless(stream: &mut Stream, connection: &Connection) -> io::Result<()> {
    const CHUNK: usize = 0x1_0000;
    let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
    chunk.extend_from_slice(&[b' '; CHUNK]);
    chunk.extend_from_slice(b"\r\n");
    while !connection.is_over() {
        stream.write_all(&chunk)?;
    }
    Ok(())
}
