//! Which connections are open, and how long each may go on.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::fail::lock;
use crate::http::Stream;

#[derive(Debug, Default)]
pub(super) struct Connections {
    state: Mutex<State>,
    /// Told when a connection has ended and when all are to end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    accepted: usize,
    open: HashMap<usize, Stream>,
    /// How often all connections were dropped. One that began before the last time has to end.
    drops: u64,
}

impl Connections {
    pub(super) fn accepted(&self) -> usize {
        lock(&self.state).accepted
    }

    pub(super) fn open(&self) -> usize {
        lock(&self.state).open.len()
    }

    pub(super) fn add(self: &Arc<Self>, stream: &Stream) -> io::Result<Connection> {
        let mut state = lock(&self.state);
        let number = state.accepted;
        state.accepted += 1;
        state.open.insert(number, stream.try_clone()?);
        Ok(Connection { number, drops: state.drops, all: Arc::clone(self) })
    }

    /// Ends the connections that are open and waits for their threads; an error if some do not end in
    /// time.
    pub(super) fn drop_all(&self, limit: Duration) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.drops += 1;
        for stream in state.open.values() {
            // Fails if the other side was quicker.
            let _ = stream.shutdown();
        }
        self.changed.notify_all();
        // A client may be quick to connect again: such a connection is not meant.
        let accepted = state.accepted;
        let left = |state: &State| state.open.keys().filter(|number| **number < accepted).count();
        let waited = self.changed.wait_timeout_while(state, limit, |state| left(state) > 0);
        match left(&waited.unwrap_or_else(PoisonError::into_inner).0) {
            0 => Ok(()),
            left => {
                Err(io::Error::other(format!("{left} connections have not ended after {limit:?}")))
            }
        }
    }
}

/// An open connection, as its thread sees it. Dropping it is the end of the connection.
pub(super) struct Connection {
    pub(super) number: usize,
    drops: u64,
    all: Arc<Connections>,
}

impl Connection {
    /// Waits so long, or until all connections are dropped; whether this one may go on.
    pub(super) fn wait(&self, time: Option<Duration>) -> bool {
        // A month is for ever.
        let time = time.unwrap_or(Duration::from_secs(30 * 24 * 3600));
        let goes_on = |state: &mut State| state.drops == self.drops;
        let waited = self.all.changed.wait_timeout_while(lock(&self.all.state), time, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.all.state).drops != self.drops
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.all.state).open.remove(&self.number);
        self.all.changed.notify_all();
    }
}
