//! One HTTP/1 connection, driven by whoever sends over it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::{self, HeaderMap, StatusCode};
use tokio::time::Instant;

use super::body::{self, Whole};
use super::deadline::{Deadline, Passed};
use super::dial::Stream;
use super::error::SendError;
use super::transport::Transport;

/// The most that is read of the head of an answer.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// What the agent answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The status stands even where the body could not be read: it alone says what became of a payload.
    pub(crate) body: Result<Bytes, SendError>,
}

/// One connection. No task runs for it: it moves while [`Connection::exchange`] is awaited, and dropping it
/// closes it.
pub(super) struct Connection {
    sender: http1::SendRequest<Whole>,
    /// What reads and writes the socket; gone when the connection is closed.
    driver: Option<Driver>,
    /// Set by the transport when it has read something.
    heard: Arc<AtomicBool>,
    idle_since: Instant,
}

type Driver = http1::Connection<Transport, Whole>;

impl Connection {
    pub(super) async fn open(stream: Box<dyn Stream>) -> Result<Self, SendError> {
        let heard = Arc::new(AtomicBool::new(false));
        let transport = Transport::new(stream, Arc::clone(&heard));
        let (sender, driver) =
            http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(transport).await?;
        Ok(Connection { sender, driver: Some(driver), heard, idle_since: Instant::now() })
    }

    /// Sends a request and reads its answer.
    pub(super) async fn exchange(
        &mut self,
        request: http::Request<Whole>,
        deadline: Deadline,
    ) -> Result<Response, SendError> {
        self.heard.store(false, Ordering::Relaxed);
        let Connection { sender, driver, .. } = self;
        let head = drive(driver, deadline, async {
            sender.ready().await?;
            Ok(sender.send_request(request).await?)
        });
        let (head, incoming) = head.await?.into_parts();
        let body = drive(driver, deadline, body::read(incoming)).await;
        self.idle_since = Instant::now();
        Ok(Response { status: head.status, headers: head.headers, body })
    }

    /// Whether a byte of an answer has come since the last request was begun.
    pub(super) fn heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Whether the next request can go over this connection, as far as this side can know.
    pub(super) async fn is_usable(&mut self, idle_limit: Duration) -> bool {
        if self.idle_since.elapsed() >= idle_limit {
            return false;
        }
        // Nobody looked at the socket in the meantime: the runtime does, before it comes back here.
        tokio::task::yield_now().await;
        self.is_ready().await
    }

    /// Whether the last exchange is over and the agent has not closed since.
    pub(super) async fn is_ready(&mut self) -> bool {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            advance(driver, cx);
            Poll::Ready(())
        })
        .await;
        self.driver.is_some() && self.sender.is_ready()
    }
}

/// Waits for `talk` while moving the connection, both within the caller's own task.
async fn drive<T>(
    driver: &mut Option<Driver>,
    deadline: Deadline,
    talk: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    let mut talk = pin!(talk);
    let both = poll_fn(|cx| {
        advance(driver, cx);
        talk.as_mut().poll(cx)
    });
    match deadline.bound(both).await {
        Ok(outcome) => outcome,
        Err(Passed) => Err(SendError::Timeout(deadline.timeout())),
    }
}

/// Moves the connection as far as it goes. Its errors reach whoever waits for the answer.
fn advance(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    if let Some(running) = driver {
        if Pin::new(running).poll(cx).is_ready() {
            *driver = None;
        }
    }
}
