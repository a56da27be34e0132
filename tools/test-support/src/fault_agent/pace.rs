//! How fast the agent reads.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::fail::lock;

/// The most that is read at once where it is read slowly.
const SLICE: usize = 64 * 1024;

/// How fast the connections are read, all of them.
#[derive(Debug, Default)]
pub(super) struct Pace {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_stalled: bool,
    bytes_per_second: Option<u32>,
    /// Nobody waits any more: all connections end.
    is_over: bool,
}

impl Pace {
    pub(super) fn stall(&self, is_stalled: bool) {
        lock(&self.state).is_stalled = is_stalled;
        self.changed.notify_all();
    }

    pub(super) fn read_slowly(&self, bytes_per_second: u32) {
        lock(&self.state).bytes_per_second = Some(bytes_per_second.max(1));
    }

    pub(super) fn end(&self) {
        lock(&self.state).is_over = true;
        self.changed.notify_all();
    }

    fn wait(&self) -> Option<u32> {
        let stalled = |state: &mut State| state.is_stalled && !state.is_over;
        let state = self.changed.wait_while(lock(&self.state), stalled);
        state.unwrap_or_else(PoisonError::into_inner).bytes_per_second
    }
}

/// A connection that is read at that pace.
pub(super) struct Paced<R> {
    from: R,
    pace: Arc<Pace>,
}

impl<R> Paced<R> {
    pub(super) fn new(from: R, pace: Arc<Pace>) -> Self {
        Paced { from, pace }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(SLICE);
        let read = self.from.read(into.get_mut(..most).unwrap_or_default())?;
        // After the read: what has come in a stall stays where it is until the stall is over.
        if let Some(rate) = self.pace.wait() {
            let time = Duration::from_secs(read as u64).checked_div(rate);
            std::thread::sleep(time.unwrap_or_default());
        }
        Ok(read)
    }
}
