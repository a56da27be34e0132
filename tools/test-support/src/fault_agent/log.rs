//! What was received.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::fail::lock;
use crate::http::Request;

/// A request, with its place among the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// How many requests came before this one.
    pub number: usize,
    /// How many connections were accepted before the one that it came on: equal for two requests on
    /// one connection.
    pub connection: usize,
    /// The request itself.
    pub request: Request,
}

impl Deref for Received {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Mutex<Entries>,
    grown: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) received: Vec<Arc<Received>>,
    /// Which of them were answered with a refusal.
    pub(super) refused: HashSet<usize>,
    pub(super) malformed: Vec<String>,
}

impl Log {
    pub(super) fn add(&self, request: Request, connection: usize) -> Arc<Received> {
        let mut entries = self.entries();
        let number = entries.received.len();
        let received = Arc::new(Received { number, connection, request });
        entries.received.push(Arc::clone(&received));
        self.grown.notify_all();
        received
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        lock(&self.entries)
    }

    /// The requests that were not refused.
    pub(super) fn not_refused(&self) -> Vec<Arc<Received>> {
        let entries = self.entries();
        let is_refused = |request: &&Arc<Received>| entries.refused.contains(&request.number);
        entries.received.iter().filter(|request| !is_refused(request)).cloned().collect()
    }

    /// Waits until the requests are as the caller wants them; panics with all of them if that takes
    /// longer than the limit.
    #[track_caller]
    pub(super) fn wait_for(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&[Arc<Received>]) -> bool,
    ) -> Vec<Arc<Received>> {
        let (entries, outcome) = self
            .grown
            .wait_timeout_while(self.entries(), limit, |entries| !wanted(&entries.received))
            .unwrap_or_else(PoisonError::into_inner);
        if !outcome.timed_out() {
            return entries.received.clone();
        }
        let mut dump = format!("after {limit:?} there were {} requests", entries.received.len());
        for received in &entries.received {
            let Request { method, path, body, .. } = &received.request;
            let _ = write!(dump, "\n  {method} {path}, {} bytes", body.len());
        }
        for error in &entries.malformed {
            let _ = write!(dump, "\n  malformed: {error}");
        }
        // Not while holding the lock: connections go on.
        drop(entries);
        panic!("{dump}");
    }
}
