//! The agent: a handle on the server's thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::connection::Context;
use super::listen::{self, Listeners};
use super::options::Options;
use super::run::run;
use super::shared::SharedStore;
use crate::model::{Finding, Trace};
use crate::store::{Report, Store};
use crate::sync::lock;

/// How long stopping may take; the server answers no request for longer than that.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A running agent.
///
/// It has a thread and a runtime of its own, so it can be started and used with or without one.
/// Dropping it stops it.
#[derive(Debug)]
#[must_use = "an agent stops when it is dropped"]
pub struct LocalAgent {
    shared: Arc<SharedStore>,
    url: String,
    tcp: Option<SocketAddr>,
    unix: Option<PathBuf>,
    stop: Arc<Notify>,
    /// Disconnects when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl LocalAgent {
    /// Listens, and returns once connections are accepted.
    ///
    /// # Errors
    ///
    /// When an address cannot be listened on, when none is given, or when no thread can be started.
    pub fn start(options: Options) -> io::Result<Self> {
        let tcp = options.tcp.map(listen::tcp).transpose()?;
        let address = tcp.as_ref().map(TcpListener::local_addr).transpose()?;
        #[cfg(unix)]
        let unix = options.unix.as_deref().map(listen::unix).transpose()?;
        #[cfg(unix)]
        let unix_path = unix.as_ref().map(|(_, socket)| socket.path().to_owned());
        #[cfg(not(unix))]
        let unix_path = match options.unix {
            None => None,
            Some(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let url = match (address, &unix_path) {
            (Some(address), _) => format!("http://{address}"),
            (None, Some(path)) => format!("unix://{}", path.display()),
            (None, None) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on"));
            }
        };
        let listeners = Listeners {
            tcp,
            #[cfg(unix)]
            unix,
        };
        let shared = Arc::new(SharedStore::new(options.limits));
        let context = Context::new(Arc::clone(&shared), address);
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let (alive, ended) = mpsc::channel::<()>();
        let (ready, started) = mpsc::channel();
        let run = move || {
            // Dropped last: by then the sockets are closed and the socket file is gone.
            let _alive = alive;
            run(listeners, context, &stopped, &ready);
        };
        thread::Builder::new().name("local-agent".into()).spawn(run)?;
        let gone = |_| io::Error::other("the server's thread ended at once");
        started.recv().map_err(gone)??;
        Ok(Self { shared, url, tcp: address, unix: unix_path, stop, ended: Mutex::new(ended) })
    }

    /// The URL for tracers, as in `DD_TRACE_AGENT_URL`: that of TCP if it listens there.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The TCP address, with the port it got.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// The Unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        self.unix.as_deref()
    }

    /// The traces received, in the order their first chunks arrived.
    pub fn traces(&self) -> Vec<Trace> {
        self.shared.read(|store| store.traces().cloned().collect())
    }

    /// What was wrong with what was received, oldest first.
    pub fn findings(&self) -> Vec<Finding> {
        self.shared.read(|store| store.findings().cloned().collect())
    }

    /// Looks at the store. Do not use the agent inside `look`: the store is locked.
    pub fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        self.shared.read(look)
    }

    /// Waits until the store is as `wanted`; false if it was not within `timeout`.
    ///
    /// `wanted` is asked at once and after every request. Do not use the agent inside it: the store
    /// is locked.
    pub fn wait_for(&self, wanted: impl FnMut(&Store) -> bool, timeout: Duration) -> bool {
        self.shared.wait_for(wanted, timeout)
    }

    /// Waits for the next thing to show; none after [`shutdown`](Self::shutdown).
    ///
    /// Findings come at once, a trace when nothing of it arrived for `quiet`, and again if more of it
    /// arrives later. Each thing is given once, to one caller.
    pub fn next_report(&self, quiet: Duration) -> Option<Report> {
        self.shared.wait(|store| store.next(quiet, Instant::now()))
    }

    /// Stops listening and closes all connections. What was received stays readable.
    ///
    /// Returns when that is done, after 2 s at the latest; then the server's thread, busy with a huge
    /// payload, ends by itself. Does nothing the second time.
    pub fn shutdown(&self) {
        self.stop.notify_one();
        // Nothing is ever sent: this is the end of the thread or the end of patience.
        let _ = lock(&self.ended).recv_timeout(STOP_TIMEOUT);
        self.shared.update(Store::close);
    }
}

impl Drop for LocalAgent {
    fn drop(&mut self) {
        self.shutdown();
    }
}
