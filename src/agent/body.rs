//! The body of a request, and the body of a response up to a limit.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::http::HeaderMap;

use super::error::SendErrorKind;

/// The longest body of a response that is read. `/info` and the rates of a few thousand services are far shorter.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// A complete body, in one or more parts. Its `Content-Length` is known, so hyper does not send it in chunks.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    parts: std::vec::IntoIter<Bytes>,
    left: usize,
}

impl Whole {
    pub(super) fn new(parts: Vec<Bytes>) -> Self {
        let left = parts.iter().map(Bytes::len).sum();
        Whole { parts: parts.into_iter(), left }
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.parts.find(|part| !part.is_empty());
        self.left -= part.as_ref().map_or(0, Bytes::len);
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

/// Reads the body of a response, unless it is larger than [`MAX_RESPONSE_BYTES`], and the headers after it.
pub(super) async fn read(
    mut body: Incoming,
    trailers: &mut HeaderMap,
) -> Result<Bytes, SendErrorKind> {
    if body.size_hint().lower() > MAX_RESPONSE_BYTES as u64 {
        return Err(SendErrorKind::TooLarge);
    }
    let mut read = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let data = match frame.map_err(SendErrorKind::Broken)?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers.extend(frame.into_trailers().unwrap_or_default());
                continue;
            }
        };
        if read.len() + data.len() > MAX_RESPONSE_BYTES {
            return Err(SendErrorKind::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.into())
}
