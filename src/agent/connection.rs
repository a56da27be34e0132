//! One HTTP/1 connection, polled by the thread that sends over it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Bytes};
use hyper::client::conn::http1;
use hyper::http::{self, HeaderMap, StatusCode};

use super::body::{self, Whole};
use super::deadline::MoveDeadline;
use super::error::{SendError, SendErrorKind};
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
    pub(crate) headers: HeaderMap,
    /// The status counts even if the body could not be read, because it alone tells what the agent did with a payload.
    pub(crate) body: Result<Bytes, SendError>,
}

/// One connection. No thread or task runs for it: it makes progress only during [`Connection::exchange`]. Dropping it
/// closes it.
pub(super) struct Connection {
    sender: http1::SendRequest<Whole>,
    driver: Driver,
    stream: Rc<SharedStream>,
    idle_since: Instant,
}

impl Connection {
    pub(super) fn open(stream: Box<dyn Stream>) -> Result<Self, SendError> {
        let stream = Rc::new(SharedStream::new(stream));
        let transport = Transport::new(Rc::clone(&stream));
        let handshake = http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(transport);
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut driver = Driver { connection: None, woken, waker };
        // The handshake neither reads nor writes, so it never waits.
        let opened = driver.run(
            &stream,
            &mut MoveDeadline::new(Duration::ZERO),
            &mut || Step::Idle,
            async { handshake.await.map_err(SendErrorKind::Broken) },
        );
        let (sender, connection) = opened.map_err(|kind| SendError::new(kind, false))?;
        driver.connection = Some(connection);
        Ok(Connection { sender, driver, stream, idle_since: Instant::now() })
    }

    /// Sends a request and reads its answer.
    pub(super) fn exchange(
        &mut self,
        request: http::Request<Whole>,
        limit: Duration,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Response, SendError> {
        let Connection { sender, driver, stream, .. } = self;
        stream.begin(request.body().size_hint().exact().unwrap_or_default());
        let mut deadline = MoveDeadline::new(limit);
        let head = driver.run(stream, &mut deadline, &mut *meanwhile, async {
            sender.ready().await.map_err(SendErrorKind::Broken)?;
            sender.send_request(request).await.map_err(SendErrorKind::Broken)
        });
        let failed = |kind| {
            let kind = if stream.speaks_tls() { SendErrorKind::SpeaksTls } else { kind };
            SendError::new(kind, stream.is_written())
        };
        let (head, incoming) = head.map_err(failed)?.into_parts();
        if head.status.is_success() && !stream.is_written() {
            return Err(failed(SendErrorKind::Unread(head.status)));
        }
        let body = driver.run(stream, &mut deadline, meanwhile, body::read(incoming));
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

/// Polls hyper's connection, and knows whether hyper asked to be polled again at once.
struct Driver {
    /// `None` when the connection is closed.
    connection: Option<http1::Connection<Transport, Whole>>,
    woken: Arc<Woken>,
    waker: Waker,
}

/// Set when hyper wakes itself. All else that it waits for is the stream, and [`Driver::run`] waits for that.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Driver {
    /// Polls `talk` and the connection until `talk` is done or the deadline has passed.
    fn run<T>(
        &mut self,
        stream: &SharedStream,
        deadline: &mut MoveDeadline,
        meanwhile: Meanwhile<'_>,
        talk: impl Future<Output = Result<T, SendErrorKind>>,
    ) -> Result<T, SendErrorKind> {
        let mut talk = pin!(talk);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            self.advance();
            if let Poll::Ready(outcome) = talk.as_mut().poll(&mut Context::from_waker(&self.waker))
            {
                return outcome;
            }
            let is_woken = self.woken.0.load(Ordering::Relaxed);
            if !is_woken && !stream.wait(deadline, &mut *meanwhile) {
                return Err(SendErrorKind::Timeout(deadline.limit()));
            }
        }
    }

    /// Polls the connection once. Its errors are not lost: the future of the answer returns them.
    fn advance(&mut self) {
        if let Some(running) = &mut self.connection {
            if Pin::new(running).poll(&mut Context::from_waker(&self.waker)).is_ready() {
                self.connection = None;
            }
        }
    }
}
