//! The threads behind the agent: one which accepts, one for each connection.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read, Write as _};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use super::log::{Log, Received};
use super::reply::{Reply, reset_when_closed};
use crate::fail::lock;
use crate::http::{Address, Listener, Stream, read_request};
use crate::time::Deadline;

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

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// All that the threads share.
pub(super) struct Shared {
    pub(super) log: Log,
    script: Mutex<Arc<Script>>,
    greeting: Mutex<Greeting>,
    pace: Mutex<Pace>,
    connections: Mutex<Connections>,
    /// Told when a connection has ended and when all are to end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    accepted: usize,
    open: HashMap<usize, Stream>,
    /// Counts how often all connections were dropped. One that began before the last time has to
    /// end.
    drops: u64,
}

impl Shared {
    pub(super) fn new(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            log: Log::default(),
            script: Mutex::new(Arc::new(script)),
            greeting: Mutex::default(),
            pace: Mutex::default(),
            connections: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub(super) fn set_script(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *lock(&self.script) = Arc::new(script);
    }

    pub(super) fn set_greeting(&self, greeting: Greeting) {
        *lock(&self.greeting) = greeting;
    }

    pub(super) fn set_pace(&self, pace: Pace) {
        *lock(&self.pace) = pace;
    }

    pub(super) fn accepted(&self) -> usize {
        lock(&self.connections).accepted
    }

    pub(super) fn open(&self) -> usize {
        lock(&self.connections).open.len()
    }

    /// Ends the connections that are open and waits for their threads; an error if some do not end in
    /// time.
    pub(super) fn drop_connections(&self, limit: Duration) -> io::Result<()> {
        let mut connections = lock(&self.connections);
        connections.drops = connections.drops.wrapping_add(1);
        for stream in connections.open.values() {
            // Fails if the other side was quicker.
            let _ = stream.shutdown();
        }
        self.changed.notify_all();
        // A client may be quick to connect again: such a connection is not meant.
        let accepted = connections.accepted;
        let left = |connections: &Connections| {
            connections.open.keys().filter(|connection| **connection < accepted).count()
        };
        let (connections, outcome) = self
            .changed
            .wait_timeout_while(connections, limit, |connections| left(connections) > 0)
            .unwrap_or_else(PoisonError::into_inner);
        match outcome.timed_out() {
            false => Ok(()),
            true => Err(io::Error::other(format!(
                "{} connections have not ended after {limit:?}",
                left(&connections)
            ))),
        }
    }

    /// Serves a connection on a thread of its own.
    fn serve(self: &Arc<Self>, stream: Stream) -> io::Result<()> {
        let patience = {
            let mut connections = lock(&self.connections);
            let connection = connections.accepted;
            connections.accepted = connection.saturating_add(1);
            connections.open.insert(connection, stream.try_clone()?);
            Patience { connection, drops: connections.drops, shared: Arc::clone(self) }
        };
        thread::Builder::new().spawn(move || patience.converse(stream))?;
        Ok(())
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// A connection's own view: how long it may go on. Its end is that of the connection.
pub(super) struct Patience {
    connection: usize,
    drops: u64,
    shared: Arc<Shared>,
}

impl Patience {
    /// Waits so long, or until all connections are dropped; whether this one may go on.
    pub(super) fn wait(&self, time: Option<Duration>) -> bool {
        // A month is for ever.
        let time = time.unwrap_or(Duration::from_secs(30 * 24 * 3600));
        let goes_on = |connections: &mut Connections| connections.drops == self.drops;
        let connections = lock(&self.shared.connections);
        let waited = self.shared.changed.wait_timeout_while(connections, time, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.shared.connections).drops != self.drops
    }

    fn converse(self, mut stream: Stream) {
        // What fails here, fails because the other side or a drop has ended the connection.
        let _ = self.greet(&mut stream);
    }

    fn greet(&self, stream: &mut Stream) -> io::Result<()> {
        let greeting = *lock(&self.shared.greeting);
        match greeting {
            Greeting::Serve => self.answer_all(stream),
            Greeting::Close => stream.shutdown(),
            Greeting::Reset => {
                // Left unread, so that also a Unix socket resets.
                let mut first = [MaybeUninit::uninit()];
                match stream {
                    Stream::Tcp(stream) => SockRef::from(&*stream).peek(&mut first)?,
                    #[cfg(unix)]
                    Stream::Unix(stream) => SockRef::from(&*stream).peek(&mut first)?,
                };
                reset_when_closed(stream)
            }
            Greeting::Hang => {
                self.wait(None);
                Ok(())
            }
            Greeting::AnswerUnread => {
                stream.read_exact(&mut [0; 16])?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            }
            Greeting::ResetAfter(bytes) => {
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                io::copy(&mut stream.take(bytes), &mut io::sink())?;
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
                    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                    let time = f64::from(bytes) / f64::from(rate.max(1));
                    return self.wait(Some(Duration::from_secs_f64(time)));
                }
                // Looked at again soon: it is told by no signal of its own.
                Pace::Stalled if self.wait(Some(Duration::from_millis(5))) => {}
                Pace::Stalled => return false,
            }
        }
    }

    fn answer_all(&self, stream: &mut Stream) -> io::Result<()> {
        let mut requests = BufReader::new(Paced { stream: stream.try_clone()?, patience: self });
        loop {
            let request = match read_request(&mut requests) {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let is_ours = self.is_over() || error.kind() == ErrorKind::ConnectionReset;
                    if !is_ours {
                        self.shared.log.add_malformed(&error);
                    }
                    return Err(error);
                }
            };
            let is_last = request
                .header("Connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let received = self.shared.log.add(request, self.connection);
            // Taken out of the lock: a script may take its time, and may panic.
            let script = Arc::clone(&lock(&self.shared.script));
            let reply = script(&received);
            if reply.is_refusal() {
                self.shared.log.refuse(received.number);
            }
            if !reply.perform(stream, self)? || is_last {
                return Ok(());
            }
        }
    }
}

/// A connection that is read at the agent's pace.
struct Paced<'a> {
    stream: Stream,
    patience: &'a Patience,
}

impl Read for Paced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.patience.keep_pace(0) {
            return Ok(0);
        }
        let bytes = self.stream.read(buffer)?;
        if self.patience.keep_pace(bytes) { Ok(bytes) } else { Ok(0) }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        lock(&self.shared.connections).open.remove(&self.connection);
        self.shared.changed.notify_all();
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
                let _ = shared.serve(stream);
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
