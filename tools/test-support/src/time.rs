//! Deadlines: no wait of a test is without one.

use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `work` on a thread of its own and gives back its result; panics if it has not ended after
/// `limit`, so that a hang becomes a failure.
///
/// A panic of `work` goes on in the caller, unchanged. Work that hangs cannot be stopped: its
/// thread stays until the test process ends. The time in which the tests' Python packages are
/// installed, once, does not count: it has a limit of its own.
#[track_caller]
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (ended, has_ended) = channel::<()>();
    // Not scoped: a scope would wait for the very thread that hangs.
    let thread = thread::spawn(move || {
        let _dropped_also_when_work_panics = ended;
        work()
    });
    let mut left = limit;
    loop {
        let slice = left.min(Duration::from_millis(100));
        match has_ended.recv_timeout(slice) {
            Err(RecvTimeoutError::Timeout) if Preparation::is_under_way() => {}
            Err(RecvTimeoutError::Timeout) => left = left.saturating_sub(slice),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                return thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
        }
        if left.is_zero() {
            panic!("did not end within {limit:?}");
        }
    }
}

static PREPARATIONS: AtomicUsize = AtomicUsize::new(0);

/// While one of these lives, the clocks of [`within`] stand still.
#[derive(Debug)]
pub(crate) struct Preparation(());

impl Preparation {
    pub(crate) fn begin() -> Self {
        PREPARATIONS.fetch_add(1, Ordering::SeqCst);
        Preparation(())
    }

    fn is_under_way() -> bool {
        PREPARATIONS.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        PREPARATIONS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The moment by which something must have happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    limit: Duration,
    start: Instant,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { limit, start: Instant::now() }
    }

    /// What is left: never zero, which sockets take for "wait for ever".
    pub(crate) fn remaining(self) -> io::Result<Duration> {
        match self.limit.checked_sub(self.start.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("not done within {:?}", self.limit),
            )),
        }
    }

    /// Asks again and again, soon at first and then less often, until there is an answer or this
    /// moment has come. For what cannot tell us itself: a file lock, a process, another process's
    /// memory.
    pub(crate) fn poll<T>(self, mut ask: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
            thread::sleep(pause.min(self.remaining()?));
            pause = pause.saturating_mul(2).min(Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_preparation_does_not_count() {
        let preparation = Preparation::begin();
        within(Duration::from_millis(200), move || {
            thread::sleep(Duration::from_millis(500));
            drop(preparation);
        });
    }
    use std::panic::catch_unwind;

    #[test]
    fn a_result_comes_back() {
        assert_eq!(within(Duration::from_secs(10), || 42), 42);
    }

    #[test]
    fn a_hang_becomes_a_failure() {
        let panic = catch_unwind(|| within(Duration::from_millis(20), thread::park)).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "did not end within 20ms");
    }

    #[test]
    fn a_panic_goes_on_in_the_caller() {
        let panic =
            catch_unwind(|| within(Duration::from_secs(10), || panic!("of the work"))).unwrap_err();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "of the work");
    }

    #[test]
    fn polling_ends_with_the_answer_or_the_deadline() {
        let mut asked = 0;
        let third = |asked: &mut i32| {
            *asked += 1;
            Ok((*asked == 3).then_some("third"))
        };
        let deadline = Deadline::after(Duration::from_secs(10));
        assert_eq!(deadline.poll(|| third(&mut asked)).unwrap(), "third");

        let over = Deadline::after(Duration::from_millis(5)).poll(|| Ok(None::<()>));
        assert_eq!(over.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
