//! Connections: bounded in number, time and size.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use super::endpoint::MAX_BODY;
use super::route::{Unread, answer};
use super::shared::SharedStore;

/// More wait in the listener's own queue.
const CONNECTIONS: usize = 256;

/// Megabytes of bodies in memory at a time.
const MEGABYTES: usize = 400;

/// For the head of a request, so also for how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// For the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Between attempts to accept when there are, say, too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection knows.
#[derive(Debug)]
pub(super) struct Context {
    shared: Arc<SharedStore>,
    address: Option<SocketAddr>,
    connections: Arc<Semaphore>,
    megabytes: Semaphore,
}

impl Context {
    pub(super) fn new(shared: Arc<SharedStore>, address: Option<SocketAddr>) -> Self {
        Self {
            shared,
            address,
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            megabytes: Semaphore::new(MEGABYTES),
        }
    }
}

/// Accepts for ever, each connection on a task of its own.
pub(super) async fn accept<S, F>(context: Arc<Context>, mut next: impl FnMut() -> F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>>,
{
    while let Ok(permit) = Arc::clone(&context.connections).acquire_owned().await {
        let Ok(stream) = next().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let context = Arc::clone(&context);
        tokio::spawn(async move {
            serve(context, stream).await;
            drop(permit);
        });
    }
}

async fn serve<S>(context: Arc<Context>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let context = Arc::clone(&context);
        async move { Ok::<_, Infallible>(respond(&context, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A peer that breaks off, or speaks something else, concerns only itself.
    drop(connection.await);
}

async fn respond(
    context: &Context,
    request: Request<Incoming>,
) -> Response<http_body_util::Full<bytes::Bytes>> {
    let (parts, body) = request.into_parts();
    // Tracers say the length, so small bodies do not wait for one another.
    let longest = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let megabytes = longest.map_or(MAX_BODY, |bytes| bytes.min(MAX_BODY)).div_ceil(1 << 20).max(1);
    let permits = u32::try_from(megabytes).unwrap_or(u32::MAX);
    let _permit = context.megabytes.acquire_many(permits).await;
    let read = tokio::time::timeout(BODY_TIMEOUT, read(body));
    let body = read.await.unwrap_or(Err(Unread::Broken));
    let body = body.as_deref().map_err(|unread| *unread);
    answer(&context.shared, context.address, &parts, body)
}

/// Reads a body into memory as it arrives: no length is believed but the one that is too large.
async fn read(body: Incoming) -> Result<Vec<u8>, Unread> {
    if body.size_hint().lower() > u64::try_from(MAX_BODY).unwrap_or(u64::MAX) {
        return Err(Unread::TooLarge);
    }
    let mut body = Limited::new(body, MAX_BODY);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    bytes.extend_from_slice(&data);
                }
            }
            Err(error) if error.is::<LengthLimitError>() => return Err(Unread::TooLarge),
            Err(_) => return Err(Unread::Broken),
        }
    }
    Ok(bytes)
}
