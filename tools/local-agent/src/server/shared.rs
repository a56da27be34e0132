//! The store, between the server's thread and its readers.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Limits, Store};
use crate::sync::lock;

/// A store that can be waited for.
#[derive(Debug)]
pub(super) struct SharedStore {
    store: Mutex<Store>,
    changed: Condvar,
}

impl SharedStore {
    pub(super) fn new(limits: Limits) -> Self {
        Self { store: Mutex::new(Store::new(limits)), changed: Condvar::new() }
    }

    /// Looks at the store.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&lock(&self.store))
    }

    /// Changes the store and wakes who waits for that.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let changed = change(&mut lock(&self.store));
        self.changed.notify_all();
        changed
    }

    /// Asks `step` until it has an answer; between, waits for changes as long as it says (none: for
    /// ever).
    pub(super) fn wait<T>(
        &self,
        mut step: impl FnMut(&mut Store) -> Result<T, Option<Duration>>,
    ) -> T {
        let mut store = lock(&self.store);
        loop {
            match step(&mut store) {
                Ok(answer) => return answer,
                Err(time) => {
                    // Asked again after a day, which does no harm.
                    let time = time.unwrap_or(Duration::from_secs(24 * 3600));
                    let waited = self.changed.wait_timeout(store, time);
                    store = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Waits until the store is as wanted; false if it was not in time.
    pub(super) fn wait_for(
        &self,
        mut wanted: impl FnMut(&Store) -> bool,
        timeout: Duration,
    ) -> bool {
        let start = Instant::now();
        self.wait(|store| {
            let left = timeout.saturating_sub(start.elapsed());
            match (wanted(store), left) {
                (true, _) => Ok(true),
                (false, Duration::ZERO) => Ok(false),
                (false, left) => Err(Some(left)),
            }
        })
    }
}
