//! What a connection and its hyper transport share: the stream, what they wait for, and how much of a request is
//! written.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::task::Poll;
use std::time::Duration;

use tracehound_machine::Readiness;

use super::deadline::MoveDeadline;
use super::meanwhile::{Meanwhile, work};
use super::stream::Stream;

/// The end of a request's head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// The stream of one connection, and its state.
pub(super) struct SharedStream {
    stream: Box<dyn Stream>,
    /// What would have blocked when hyper tried it. Hyper tries again each time that it is polled; the stream is not
    /// asked again before it is ready.
    wanted: Cell<Readiness>,
    /// Whether bytes have been read or written since the deadline was last renewed.
    moved: Cell<bool>,
    /// Whether a byte of an answer to the request has been read.
    answered: Cell<bool>,
    unwritten: Cell<Unwritten>,
    /// Whether the answer to the request has begun as TLS does, on a stream that is none.
    speaks_tls: Cell<bool>,
    /// Whether reading has ended with a reset: the agent has closed without reading all that was written.
    is_reset: Cell<bool>,
}

/// What has not been written of a request: not been given to the system yet.
#[derive(Clone, Copy)]
struct Unwritten {
    /// How many bytes of [`HEAD_END`] were written last; all of them when the head is written.
    head_end: usize,
    body: u64,
}

impl Unwritten {
    fn is_none(self) -> bool {
        self.head_end == HEAD_END.len() && self.body == 0
    }

    /// These bytes have been written.
    fn pass(&mut self, mut bytes: &[u8]) {
        while let (Some(expected), Some((byte, rest))) =
            (HEAD_END.get(self.head_end), bytes.split_first())
        {
            bytes = rest;
            self.head_end = match byte {
                byte if byte == expected => self.head_end + 1,
                b'\r' => 1,
                _ => 0,
            };
        }
        self.body = self.body.saturating_sub(bytes.len() as u64);
    }
}

impl SharedStream {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        SharedStream {
            stream,
            wanted: Cell::default(),
            moved: Cell::default(),
            answered: Cell::default(),
            unwritten: Cell::new(Unwritten { head_end: 0, body: 0 }),
            speaks_tls: Cell::default(),
            is_reset: Cell::default(),
        }
    }

    /// Begins the next request, with a body of `body` bytes.
    pub(super) fn begin(&self, body: u64) {
        self.answered.set(false);
        self.speaks_tls.set(false);
        self.unwritten.set(Unwritten { head_end: 0, body });
    }

    /// As [`SharedStream::begin`], for a body that is written in frames with others between them. All of it has been
    /// written no sooner than so many bytes have.
    pub(super) fn begin_frames(&self, body: u64) {
        self.answered.set(false);
        self.unwritten.set(Unwritten { head_end: HEAD_END.len(), body });
    }

    /// Whether a byte of an answer has come since the request was begun.
    pub(super) fn is_answered(&self) -> bool {
        self.answered.get()
    }

    /// Whether the system has been given every byte of the request, so that the agent may have it.
    pub(super) fn is_written(&self) -> bool {
        self.unwritten.get().is_none()
    }

    /// Whether the answer begins as TLS does.
    pub(super) fn speaks_tls(&self) -> bool {
        self.speaks_tls.get()
    }

    /// Whether the agent has closed without reading all that was written.
    pub(super) fn is_reset(&self) -> bool {
        self.is_reset.get()
    }

    pub(super) fn read(&self, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.read_by(|| self.stream.read(into));
        if let Poll::Ready(Ok(1..)) = read {
            // An alert, or a message of the handshake, of any version (RFC 8446, section 5.1).
            let is_tls = matches!(into, [0x15 | 0x16, 3, ..]);
            self.speaks_tls.set(self.speaks_tls.get() || is_tls && !self.answered.get());
            self.answered.set(true);
        }
        read
    }

    /// Reads what belongs to no answer.
    pub(super) fn drain(&self, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.read_by(|| self.stream.drain(into))
    }

    fn read_by(&self, read: impl FnMut() -> io::Result<usize>) -> Poll<io::Result<usize>> {
        let wanted = self.wanted.get();
        if wanted.read {
            return Poll::Pending;
        }
        let read = poll(read);
        self.wanted.set(Readiness { read: read.is_pending(), ..wanted });
        match &read {
            Poll::Ready(Ok(1..)) => self.moved.set(true),
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                self.is_reset.set(true);
            }
            _ => {}
        }
        read
    }

    pub(super) fn write(&self, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let wanted = self.wanted.get();
        if wanted.write {
            return Poll::Pending;
        }
        let mut written = poll(|| self.stream.write(parts));
        if let Poll::Ready(Ok(0)) = written {
            self.moved.set(true);
            written = Poll::Pending;
        }
        self.wanted.set(Readiness { write: written.is_pending(), ..wanted });
        if let Poll::Ready(Ok(mut bytes)) = written {
            self.moved.set(true);
            let mut unwritten = self.unwritten.get();
            for part in parts {
                let passed = part.get(..bytes).unwrap_or(part);
                unwritten.pass(passed);
                bytes -= passed.len();
            }
            self.unwritten.set(unwritten);
        }
        written
    }

    pub(super) fn close_writing(&self) -> io::Result<()> {
        self.stream.close_writing()
    }

    /// Waits until the stream is ready for what hyper has tried in vain. Returns whether it is; otherwise the deadline
    /// has passed, or the wait was given up.
    pub(super) fn wait(&self, deadline: &mut MoveDeadline, meanwhile: Meanwhile<'_>) -> bool {
        loop {
            if self.moved.take() {
                deadline.renew(self.is_answered());
            }
            let Some(time) = work(&mut *meanwhile, deadline.remaining()) else { return false };
            if self.wait_for_stream(time) {
                return true;
            }
            if deadline.has_passed() {
                return false;
            }
        }
    }

    /// Finds out for what the stream is ready by now.
    pub(super) fn look(&self) {
        if self.wanted.get().is_any() {
            self.wait_for_stream(Duration::ZERO);
        }
    }

    fn wait_for_stream(&self, time: Duration) -> bool {
        let wanted = self.wanted.get();
        if !wanted.is_any() {
            // Hyper has tried nothing, so there is nothing to wait for. A closed stream would be ready at once, each
            // time.
            std::thread::sleep(time);
            return false;
        }
        // If waiting fails, the next read or write tells what is wrong.
        let ready = self.stream.wait(wanted, time).unwrap_or(wanted);
        self.wanted.set(Readiness {
            read: wanted.read && !ready.read,
            write: wanted.write && !ready.write,
        });
        ready.is_any()
    }
}

/// Makes a call that does not block; pending if it would.
fn poll(mut call: impl FnMut() -> io::Result<usize>) -> Poll<io::Result<usize>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            outcome => return Poll::Ready(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_request_is_written_when_its_last_byte_is(
            head in "[a-z\r]{0,20}(\r\n[a-z][a-z\r]{0,8}){0,3}",
            body in prop::collection::vec(any::<u8>(), 0..50),
            pieces in prop::collection::vec(1..9usize, 0..100),
        ) {
            let head = [head.trim_end_matches('\r').as_bytes(), HEAD_END].concat();
            let mut unwritten =
                Unwritten { head_end: 0, body: u64::try_from(body.len()).unwrap() };
            let request = [head, body].concat();
            let mut rest = &request[..];
            for piece in pieces.into_iter().chain([request.len()]) {
                prop_assert_eq!(unwritten.is_none(), rest.is_empty());
                let (first, then) = rest.split_at(piece.min(rest.len()));
                unwritten.pass(first);
                rest = then;
            }
            prop_assert!(unwritten.is_none());
        }
    }
}
