//! Starts a thread, and tries again where the system had no room for it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

/// How long a start that failed is not tried again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Starter {
    is_started: AtomicBool,
    /// When it last failed. Locked during an attempt.
    tried: Mutex<Option<Instant>>,
}

impl Starter {
    pub(super) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    /// Starts the thread unless it runs. After a failure it tries once a second at most, or at once where that is asked
    /// for (`now`). Never waits. Returns the error: the caller logs it, after the lock is released, because the log
    /// function of the program may come back here.
    #[inline]
    pub(super) fn start(
        &self,
        now: bool,
        spawn: impl FnOnce() -> io::Result<()>,
    ) -> Option<io::Error> {
        if self.is_started() { None } else { self.try_to(now, spawn) }
    }

    #[cold]
    fn try_to(&self, now: bool, spawn: impl FnOnce() -> io::Result<()>) -> Option<io::Error> {
        let mut tried = match self.tried.try_lock() {
            Ok(tried) => tried,
            Err(TryLockError::Poisoned(tried)) => tried.into_inner(),
            // Another thread is starting it.
            Err(TryLockError::WouldBlock) => return None,
        };
        let is_too_soon = !now && tried.is_some_and(|tried| tried.elapsed() < PAUSE);
        if is_too_soon || self.is_started() {
            return None;
        }
        let failed = spawn().err();
        match &failed {
            None => self.is_started.store(true, Ordering::Release),
            Some(_) => *tried = Some(Instant::now()),
        }
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_is_tried_again_after_a_while_or_for_who_asks_now() {
        let starter = Starter::default();
        let fail = || Err(io::Error::other("no room"));
        assert!(starter.start(false, fail).is_some());
        // As if it were now still, however long this thread has waited for a processor.
        *starter.tried.lock().unwrap() = Instant::now().checked_add(Duration::from_secs(3600));
        assert!(starter.start(false, || panic!("so soon")).is_none());
        assert!(starter.start(true, fail).is_some());
        *starter.tried.lock().unwrap() = Instant::now().checked_sub(PAUSE);
        assert!(starter.start(false, fail).is_some());
        assert!(!starter.is_started());
        assert!(starter.start(true, || Ok(())).is_none());
        assert!(starter.is_started());
        assert!(starter.start(true, || panic!("it runs")).is_none());
    }
}
