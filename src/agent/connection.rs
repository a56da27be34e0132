//! One HTTP connection, polled by the thread that sends over it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::{self, HeaderMap, StatusCode};

use super::body::{self, Whole};
use super::deadline::MoveDeadline;
use super::driver::Driver;
use super::error::{SendError, SendErrorKind};
use super::http2;
use super::meanwhile::{Meanwhile, Step};
use super::shared_stream::SharedStream;
use super::stream::Stream;
use super::transport::Transport;

/// The longest head of an answer that is read.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long an agent has to close the connection after an answer with `Connection: close`.
const CLOSE_LIMIT: Duration = Duration::from_millis(200);

/// What the agent answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    /// With HTTP/2, also those after the body.
    pub(crate) headers: HeaderMap,
    /// The status counts even if the body could not be read, because it alone tells what the agent did with a payload.
    pub(crate) body: Result<Bytes, SendError>,
}

/// The version of HTTP that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    /// Without asking whether the other end knows it, as gRPC does.
    Http2,
}

/// hyper's end of a connection of either version.
pub(super) trait Sender {
    /// Sends a request, when the connection is ready for it, and waits for the head of the answer.
    fn send(&mut self, request: http::Request<Whole>) -> Answer<'_>;

    /// Whether it can send another request.
    fn is_ready(&self) -> bool;
}

pub(super) type Answer<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Incoming>, SendErrorKind>> + 'a>>;

impl Sender for http1::SendRequest<Whole> {
    fn send(&mut self, request: http::Request<Whole>) -> Answer<'_> {
        Box::pin(async {
            self.ready().await.map_err(SendErrorKind::Broken)?;
            self.send_request(request).await.map_err(SendErrorKind::Broken)
        })
    }

    fn is_ready(&self) -> bool {
        http1::SendRequest::is_ready(self)
    }
}

/// One connection. No thread or task runs for it: it makes progress only during [`Connection::exchange`]. Dropping it
/// closes it.
pub(super) struct Connection {
    version: Version,
    sender: Box<dyn Sender>,
    driver: Driver,
    stream: Rc<SharedStream>,
    idle_since: Instant,
}

impl Connection {
    pub(super) fn open(stream: Box<dyn Stream>, version: Version) -> Result<Self, SendError> {
        let stream = Rc::new(SharedStream::new(stream));
        let transport = Transport::new(Rc::clone(&stream));
        let mut driver = Driver::default();
        // Neither version waits here: what HTTP/2 has to say first is a few bytes.
        let opened = driver.run(
            &stream,
            &mut MoveDeadline::new(Duration::ZERO),
            &mut || Step::Idle,
            async {
                let (sender, connection): (Box<dyn Sender>, _) = match version {
                    Version::Http1 => {
                        let mut builder = http1::Builder::new();
                        let opened =
                            builder.max_buf_size(MAX_HEAD_BYTES).handshake(transport).await;
                        let (sender, connection) = opened.map_err(SendErrorKind::Broken)?;
                        (Box::new(sender), Driver::boxed(connection))
                    }
                    Version::Http2 => http2::handshake(transport).await?,
                };
                Ok((sender, connection))
            },
        );
        let (sender, connection) = opened.map_err(|kind| SendError::new(kind, false))?;
        driver.connection = Some(connection);
        Ok(Connection { version, sender, driver, stream, idle_since: Instant::now() })
    }

    /// Sends a request and reads its answer.
    pub(super) fn exchange(
        &mut self,
        request: http::Request<Whole>,
        limit: Duration,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Response, SendError> {
        let Connection { version, sender, driver, stream, .. } = self;
        let bytes = request.body().size_hint().exact().unwrap_or_default();
        let is_framed = *version == Version::Http2;
        if is_framed {
            stream.begin_frames(bytes)
        } else {
            stream.begin(bytes)
        }
        let mut deadline = MoveDeadline::new(limit);
        let answer = sender.send(request);
        let head = driver.run(stream, &mut deadline, &mut *meanwhile, answer);
        let failed = |kind| {
            let kind = if stream.speaks_tls() { SendErrorKind::SpeaksTls } else { kind };
            SendError::new(kind, stream.is_written())
        };
        let (mut head, incoming) = head.map_err(failed)?.into_parts();
        // With HTTP/2 the status is not the word that counts.
        if head.status.is_success() && !stream.is_written() && !is_framed {
            return Err(failed(SendErrorKind::Unread(head.status)));
        }
        let mut trailers = HeaderMap::new();
        let reading = body::read(incoming, &mut trailers);
        let body = driver.run(stream, &mut deadline, meanwhile, reading);
        if is_framed {
            head.headers.extend(trailers);
        }
        self.idle_since = Instant::now();
        Ok(Response { status: head.status, headers: head.headers, body: body.map_err(failed) })
    }

    /// Whether a byte of an answer has come since the last request was begun.
    pub(super) fn is_answered(&self) -> bool {
        self.stream.is_answered()
    }

    /// Whether the next request can be sent over this connection, as far as this side can know.
    pub(super) fn is_usable(&mut self, idle_limit: Duration) -> bool {
        self.stream.look();
        self.idle_since.elapsed() < idle_limit && self.is_ready()
    }

    /// Whether the last exchange is over and the agent has not closed since.
    pub(super) fn is_ready(&mut self) -> bool {
        self.driver.advance();
        self.driver.connection.is_some() && self.sender.is_ready()
    }

    /// Whether the agent, which has answered and closes the connection, has not read the whole request. The system then
    /// reports a reset instead of an end.
    pub(super) fn is_cut_off(&self, limit: Duration, meanwhile: Meanwhile<'_>) -> bool {
        let stream = &self.stream;
        let mut deadline = MoveDeadline::new(limit.min(CLOSE_LIMIT));
        let mut rest = [0; 1024];
        // What is read here belongs to no answer. Only how it ends counts.
        while !stream.is_reset() {
            match stream.drain(&mut rest) {
                Poll::Ready(Ok(1..)) if !deadline.has_passed() => {}
                Poll::Pending if stream.wait(&mut deadline, &mut *meanwhile) => {}
                _ => break,
            }
        }
        stream.is_reset()
    }
}
