//! What hyper reads from and writes to.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::ReadBufCursor;

use super::shared_stream::SharedStream;

/// The stream as hyper's I/O. It goes on reading when nothing more can be written.
///
/// It wakes nobody: the connection waits for the stream itself, and then polls hyper again.
pub(super) struct Transport {
    stream: Rc<SharedStream>,
    /// Whether the other end has closed. It may have answered before: an agent that finds a payload too large answers
    /// and closes while the payload is being written, and hyper would drop that answer when a write fails. So the rest
    /// of the request is discarded here as if it were written, and hyper reads the answer, or the end.
    cannot_write: bool,
}

impl Transport {
    pub(super) fn new(stream: Rc<SharedStream>) -> Self {
        Transport { stream, cannot_write: false }
    }

    fn write(&mut self, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if !self.cannot_write {
            match self.stream.write(parts) {
                Poll::Ready(Err(error)) if is_closed(&error) => self.cannot_write = true,
                written => return written,
            }
        }
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl hyper::rt::Read for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Reading into hyper's buffer directly would take unsafe code. A copy does no harm, because answers are small.
        let mut bytes = [0; 8 * 1024];
        let room = bytes.len().min(into.remaining());
        let read = self.stream.read(bytes.get_mut(..room).unwrap_or_default());
        read.map_ok(|read| into.put_slice(bytes.get(..read).unwrap_or_default()))
    }
}

impl hyper::rt::Write for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(&[IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.close_writing())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(parts)
    }
}
