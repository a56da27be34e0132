//! The threads behind the agent: one which accepts, one for each connection.

use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::connections::{Connection, Connections};
use super::log::{Log, Received};
use super::reply::{Reply, reset_when_closed};
use crate::fail::lock;
use crate::http::{Address, Listener, Stream, read_request};
use crate::time::Deadline;
use crate::tls::Certificate;

/// What to do with a connection before its first request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Greeting {
    /// Serve it.
    #[default]
    Serve,
    /// Close it at once.
    Close,
    /// Reset it when the first byte has come.
    Reset,
    /// Let it wait, unread.
    Hang,
    /// Answer 200 when the first bytes have come, and close it: the rest of the request stays unread.
    AnswerUnread,
    /// Read so many bytes, and reset it.
    ResetAfter(usize),
}

/// How fast requests are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// As they come.
    #[default]
    Full,
    /// So many bytes a second, on each connection.
    BytesPerSecond(u32),
    /// Not at all, until there is another pace.
    Stalled,
}

pub(super) type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// All that the threads share.
pub(super) struct Shared {
    pub(super) log: Log,
    pub(super) connections: Arc<Connections>,
    pub(super) script: Mutex<Arc<Script>>,
    pub(super) greeting: Mutex<Greeting>,
    pub(super) pace: Mutex<Pace>,
    /// What it shows to clients; `None` where it speaks no TLS.
    pub(super) certificate: Mutex<Option<Certificate>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// A connection that is served, on a thread of its own.
struct Conversation {
    shared: Arc<Shared>,
    connection: Connection,
}

impl Conversation {
    fn begin(shared: &Arc<Shared>, mut stream: Stream) -> io::Result<()> {
        let connection = shared.connections.add(&stream)?;
        let certificate = lock(&shared.certificate).clone();
        if let Some(certificate) = certificate {
            stream = stream.secured(&certificate)?;
        }
        let conversation = Conversation { shared: Arc::clone(shared), connection };
        // What fails in it fails because the other side or a drop has ended the connection.
        thread::Builder::new().spawn(move || {
            let _ = conversation.greet(&mut stream);
            // Before the conversation: a connection that does not count as open any more is closed.
            drop(stream);
            drop(conversation);
        })?;
        Ok(())
    }

    fn greet(&self, stream: &mut Stream) -> io::Result<()> {
        let greeting = *lock(&self.shared.greeting);
        match greeting {
            Greeting::Serve => self.answer_all(stream),
            Greeting::Close => stream.shutdown(),
            Greeting::Reset => {
                // Left unread, so that also a Unix socket resets.
                stream.peek()?;
                reset_when_closed(stream)
            }
            Greeting::Hang => {
                self.connection.wait(None);
                Ok(())
            }
            Greeting::AnswerUnread => {
                stream.read_exact(&mut [0; 16])?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            }
            Greeting::ResetAfter(bytes) => {
                io::copy(&mut stream.take(bytes as u64), &mut io::sink())?;
                reset_when_closed(stream)
            }
        }
    }

    /// Waits until the pace lets so many bytes pass; whether this connection may go on.
    fn keep_pace(&self, bytes: usize) -> bool {
        loop {
            let pace = *lock(&self.shared.pace);
            match pace {
                Pace::Full => return true,
                Pace::BytesPerSecond(rate) => {
                    let time = bytes as f64 / f64::from(rate.max(1));
                    return self.connection.wait(Some(Duration::from_secs_f64(time)));
                }
                // Looked at again soon: it is told by no signal of its own.
                Pace::Stalled if self.connection.wait(Some(Duration::from_millis(5))) => {}
                Pace::Stalled => return false,
            }
        }
    }

    fn answer_all(&self, stream: &mut Stream) -> io::Result<()> {
        let mut requests = BufReader::new(Paced { stream: stream.try_clone()?, of: self });
        loop {
            let request = match read_request(&mut requests) {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                Err(error) => {
                    // The second where TLS has something to write when it reads.
                    let is_reset =
                        matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
                    if !is_reset && !self.connection.is_over() {
                        self.shared.log.entries().malformed.push(error.to_string());
                    }
                    return Err(error);
                }
            };
            let is_last = request
                .header("Connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let received = self.shared.log.add(request, self.connection.number);
            // Taken out of the lock: a script may take its time, and may panic.
            let script = Arc::clone(&lock(&self.shared.script));
            let reply = script(&received);
            if reply.is_refusal() {
                self.shared.log.entries().refused.insert(received.number);
            }
            if !reply.perform(stream, &self.connection)? || is_last {
                return Ok(());
            }
        }
    }
}

/// A connection that is read at the agent's pace.
struct Paced<'a> {
    stream: Stream,
    of: &'a Conversation,
}

impl Read for Paced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.of.keep_pace(0) {
            return Ok(0);
        }
        let bytes = self.stream.read(buffer)?;
        if self.of.keep_pace(bytes) { Ok(bytes) } else { Ok(0) }
    }
}

/// The thread which accepts.
#[derive(Debug)]
pub(super) struct Acceptor {
    address: Address,
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Acceptor {
    pub(super) fn start(
        listener: Listener,
        address: Address,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let closing = Arc::new(AtomicBool::new(false));
        let is_closing = Arc::clone(&closing);
        let thread = thread::Builder::new().spawn(move || {
            while let Ok(stream) = listener.accept() {
                if is_closing.load(Ordering::SeqCst) {
                    return;
                }
                // Out of threads or descriptors: the connection is closed, which is a fault as
                // well.
                let _ = Conversation::begin(&shared, stream);
            }
        })?;
        Ok(Self { address, closing, thread })
    }

    /// Closes the listening socket.
    pub(super) fn stop(self, limit: Duration) -> io::Result<()> {
        let deadline = Deadline::after(limit);
        self.closing.store(true, Ordering::SeqCst);
        // Only a connection wakes the thread. If there is nothing to connect to, then it has ended.
        let _ = self.address.connect(limit);
        deadline.poll(|| Ok(self.thread.is_finished().then_some(())))
    }
}
