//! The agent as a test holds it.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
#[cfg(unix)]
use tempfile::TempDir;

use super::log::Log;
use super::server::{Acceptor, Greeting, Pace, Script, Shared};
use super::{Received, Reply};
use crate::fail::{lock, must};
use crate::http::{Address, Listener};
use crate::span::Span;
use crate::tls::Certificate;

/// For threads to end that have nothing to wait for.
const STOP_LIMIT: Duration = Duration::from_secs(5);

const BACKLOG: i32 = 128;

/// A scripted agent on a TCP port or a Unix socket. It records every request and answers each as
/// its script says. Dropping it ends all of its connections and threads.
#[derive(Debug)]
pub struct FaultAgent {
    address: Address,
    shared: Arc<Shared>,
    door: Mutex<Door>,
    #[cfg(unix)]
    _socket_dir: Option<TempDir>,
}

#[derive(Debug)]
enum Door {
    Open(Acceptor),
    /// Refuses connections; the socket, bound but not listening, keeps the port ours.
    Closed(Option<Socket>),
}

impl FaultAgent {
    /// Starts on a free TCP port of the loopback interface.
    #[track_caller]
    pub fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let start = || {
            let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
            let agent = Self::closed(Address::Tcp(address), Some(socket), Arc::new(script));
            agent.try_accept()?;
            Ok(agent)
        };
        must("starting a scripted agent", start())
    }

    /// Starts on a free TCP port, with TLS.
    #[track_caller]
    pub fn start_tls(
        certificate: &Certificate,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let agent = Self::start(script);
        agent.show(certificate);
        agent
    }

    /// Starts on a Unix socket in a new directory.
    #[cfg(unix)]
    #[track_caller]
    pub fn start_unix(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let start = || {
            let socket_dir = TempDir::with_prefix("agent-")?;
            let address = Address::Unix(socket_dir.path().join("apm.socket"));
            let mut agent = Self::closed(address, None, Arc::new(script));
            agent._socket_dir = Some(socket_dir);
            agent.try_accept()?;
            Ok(agent)
        };
        must("starting a scripted agent", start())
    }

    fn closed(address: Address, socket: Option<Socket>, script: Arc<Script>) -> Self {
        let shared = Arc::new(Shared {
            log: Log::default(),
            connections: Arc::default(),
            script: Mutex::new(script),
            greeting: Mutex::default(),
            pace: Mutex::default(),
            certificate: Mutex::default(),
        });
        Self {
            address,
            shared,
            door: Mutex::new(Door::Closed(socket)),
            #[cfg(unix)]
            _socket_dir: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where it listens, as in `DD_TRACE_AGENT_URL`; with TLS by the name `localhost`.
    pub fn url(&self) -> String {
        match &self.address {
            Address::Tcp(address) if lock(&self.shared.certificate).is_some() => {
                format!("https://localhost:{}", address.port())
            }
            address => address.to_string(),
        }
    }

    /// The path of its socket, if it is a Unix socket.
    #[cfg(unix)]
    pub fn socket_path(&self) -> Option<&Path> {
        match &self.address {
            Address::Unix(path) => Some(path),
            Address::Tcp(_) => None,
        }
    }

    // ===== what it does =====

    /// Answers by another script from the next request on.
    pub fn answer(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Greets connections so from the next one on.
    pub fn greet(&self, greeting: Greeting) {
        *lock(&self.shared.greeting) = greeting;
    }

    /// Shows this certificate to clients from the next connection on, which then has TLS.
    pub fn show(&self, certificate: &Certificate) {
        *lock(&self.shared.certificate) = Some(certificate.clone());
    }

    /// Reads requests at this pace from now on, also those that are on their way.
    pub fn read_at(&self, pace: Pace) {
        *lock(&self.shared.pace) = pace;
    }

    /// Ends all connections that are open.
    #[track_caller]
    pub fn drop_connections(&self) {
        must("dropping connections", self.shared.connections.drop_all(STOP_LIMIT));
    }

    /// Goes down: refuses new connections and ends those that are open.
    #[track_caller]
    pub fn refuse(&self) {
        must("refusing connections", self.try_refuse());
    }

    /// Comes back, at the same address.
    #[track_caller]
    pub fn accept(&self) {
        must("accepting connections", self.try_accept());
    }

    fn try_refuse(&self) -> io::Result<()> {
        let mut door = lock(&self.door);
        if let Door::Open(acceptor) = std::mem::replace(&mut *door, Door::Closed(None)) {
            acceptor.stop(STOP_LIMIT)?;
            if let Address::Tcp(address) = self.address {
                *door = Door::Closed(Some(bind(address)?));
            }
        }
        self.shared.connections.drop_all(STOP_LIMIT)
    }

    /// As [`FaultAgent::refuse`], for good: the port is free for others at once, and one of them may take it.
    fn stop(&self) -> io::Result<()> {
        let mut door = lock(&self.door);
        if let Door::Open(acceptor) = std::mem::replace(&mut *door, Door::Closed(None)) {
            acceptor.stop(STOP_LIMIT)?;
        }
        self.shared.connections.drop_all(STOP_LIMIT)
    }

    fn try_accept(&self) -> io::Result<()> {
        let mut door = lock(&self.door);
        let listener = match (&*door, &self.address) {
            (Door::Open(_), _) => return Ok(()),
            #[cfg(unix)]
            (Door::Closed(_), Address::Unix(path)) => {
                // A file stays of the socket that was there before.
                let _ = std::fs::remove_file(path);
                Listener::Unix(UnixListener::bind(path)?)
            }
            (Door::Closed(Some(socket)), Address::Tcp(_)) => {
                socket.listen(BACKLOG)?;
                Listener::Tcp(socket.try_clone()?.into())
            }
            (Door::Closed(None), Address::Tcp(address)) => {
                let socket = bind(*address)?;
                socket.listen(BACKLOG)?;
                Listener::Tcp(socket.into())
            }
        };
        let shared = Arc::clone(&self.shared);
        *door = Door::Open(Acceptor::start(listener, self.address.clone(), shared)?);
        Ok(())
    }

    // ===== what it saw =====

    /// All requests so far.
    pub fn requests(&self) -> Vec<Arc<Received>> {
        self.shared.log.entries().received.clone()
    }

    /// The requests so far to a path.
    pub fn requests_to(&self, path: &str) -> Vec<Arc<Received>> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// The spans of all requests with traces so far; panics if one does not decode.
    #[track_caller]
    pub fn spans(&self) -> Vec<Span> {
        let mut requests = self.requests();
        requests.retain(|request| request.has_traces());
        requests.iter().flat_map(|request| request.chunks().concat()).collect()
    }

    /// The spans that a real agent would have: of the requests with traces that were not refused, also where
    /// the answer never came. Panics if one does not decode.
    #[track_caller]
    pub fn taken_spans(&self) -> Vec<Span> {
        let requests = self.shared.log.not_refused();
        let traces = requests.iter().filter(|request| request.has_traces());
        traces.flat_map(|request| request.chunks().concat()).collect()
    }

    /// The requests so far that were not refused, also where the answer never came.
    pub fn taken(&self) -> Vec<Arc<Received>> {
        self.shared.log.not_refused()
    }

    /// Waits until there are so many requests, and gives all; panics with what there was after the
    /// limit.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize, limit: Duration) -> Vec<Arc<Received>> {
        self.wait_for(limit, |requests| requests.len() >= count)
    }

    /// Waits until there are so many requests to a path, and gives these.
    #[track_caller]
    pub fn wait_for_requests_to(
        &self,
        path: &str,
        count: usize,
        limit: Duration,
    ) -> Vec<Arc<Received>> {
        let is_to_path = |request: &Arc<Received>| request.path == path;
        let mut requests = self.wait_for(limit, |requests| {
            requests.iter().filter(|request| is_to_path(request)).count() >= count
        });
        requests.retain(is_to_path);
        requests
    }

    /// Waits until the requests are as wanted, and gives all; panics with what there was after the
    /// limit.
    #[track_caller]
    pub fn wait_for(
        &self,
        limit: Duration,
        wanted: impl FnMut(&[Arc<Received>]) -> bool,
    ) -> Vec<Arc<Received>> {
        self.shared.log.wait_for(limit, wanted)
    }

    /// What was received that was no complete request; connections that were reset are not counted.
    pub fn malformed(&self) -> Vec<String> {
        self.shared.log.entries().malformed.clone()
    }

    /// How many connections were accepted.
    pub fn accepted_connections(&self) -> usize {
        self.shared.connections.accepted()
    }

    /// How many of them are open.
    pub fn open_connections(&self) -> usize {
        self.shared.connections.open()
    }
}

impl Drop for FaultAgent {
    fn drop(&mut self) {
        let stopped = self.stop();
        // A second panic would abort the test process.
        if !thread::panicking() {
            must("stopping a scripted agent", stopped);
        }
    }
}

/// A socket bound to a port, but not listening: connections to it are refused.
fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // On Windows this would let others take the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
