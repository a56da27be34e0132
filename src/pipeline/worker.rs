//! The worker's thread: its start, and the restart of its loop after a panic.

use std::any::Any;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tracehound_machine::spawn_background;

use super::destination::Destination;
use super::direct::Direct;
use super::exit;
use super::inner::Inner;
use super::turns::{WORKER_FAILED, take_turns};
use super::writer::Writer;
use crate::catch::catch;
use crate::suppression::suppress;
use crate::sync::{lock, lock_now};

const THREAD_NAME: &str = "tracehound-worker";
/// After so many panics without a completed turn in between, the worker pauses before its loop starts again.
const FAILURES_IN_A_ROW: u32 = 5;
/// The pause before another try: to start a thread that the system could not start, or a loop that keeps panicking.
/// Meanwhile finished traces wait in the queue, as far as that has room.
const PAUSE: Duration = Duration::from_secs(1);
/// The topic of the warning that there is no worker.
const NO_WORKER: &str = "no-worker";

/// Starts the thread of one process, and tries again where the system could not start it.
#[derive(Debug, Default)]
pub(super) struct Starter {
    is_started: AtomicBool,
    /// When it last failed. Locked by whoever tries.
    tried: Mutex<Option<Instant>>,
}

impl Starter {
    /// Whether there is a worker. Where there is none, tries to start it, once in [`PAUSE`]; never waits.
    #[inline]
    pub(super) fn try_start(&self, inner: &Arc<Inner>) -> bool {
        self.is_started() || self.try_again(inner)
    }

    #[cold]
    fn try_again(&self, inner: &Arc<Inner>) -> bool {
        // Whoever holds the lock is just starting it.
        lock_now(&self.tried).is_some_and(|tried| self.spawn(inner, tried, PAUSE))
    }

    /// As [`Starter::try_start`], for a caller that waits for the worker: tries at once, and waits for whoever is
    /// trying.
    pub(super) fn start(&self, inner: &Arc<Inner>) -> bool {
        self.is_started() || self.spawn(inner, lock(&self.tried), Duration::ZERO)
    }

    fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    /// Starts it, unless that failed less than this pause ago.
    fn spawn(
        &self,
        inner: &Arc<Inner>,
        mut tried: MutexGuard<'_, Option<Instant>>,
        pause: Duration,
    ) -> bool {
        if self.is_started() {
            return true;
        }
        if tried.is_some_and(|tried| tried.elapsed() < pause) {
            return false;
        }
        let own = Arc::clone(inner);
        // Detached: nothing ever waits for the thread itself, only for what it signals.
        // The lines are made outside the lock: the log function of the program may trace, and so come here again.
        match spawn_background(THREAD_NAME, move || supervise(&own, serve)) {
            Ok(_) => {
                self.is_started.store(true, Ordering::Release);
                exit::watch(inner);
                drop(tried);
                if inner.diag.forget(NO_WORKER) {
                    inner.diag.info("the background worker has started");
                }
                true
            }
            Err(error) => {
                *tried = Some(Instant::now());
                drop(tried);
                inner.diag.warn_once(NO_WORKER, || {
                    format!("the background worker does not start: {error}; trying again")
                });
                false
            }
        }
    }
}

/// Runs the loop, and again whenever it panics. The queue is shared, and outlives the loop.
///
/// `serve` is the loop. It sets the count of failures to 0 after each turn that did not panic. It returns whether
/// everything was delivered, and what is to be freed after that was announced.
fn supervise<T>(inner: &Arc<Inner>, mut serve: impl FnMut(&Arc<Inner>, &Cell<u32>) -> (bool, T)) {
    // Our own client must not be traced by our own integrations.
    let _off = suppress();
    let failures = Cell::new(0);
    let served = loop {
        if let Some(served) = catch(|| serve(inner, &failures)) {
            break Some(served);
        }
        failures.set(failures.get() + 1);
        let said = || "the background worker failed; it starts again".into();
        inner.diag.warn_once(WORKER_FAILED, said);
        let fails_always = failures.get() >= FAILURES_IN_A_ROW;
        let state = inner.signal.read();
        if state.stop && fails_always {
            break None;
        }
        // What a flush waits for may be among what the loop has lost.
        inner.signal.done(state.asked, false);
        if fails_always {
            inner.signal.wait_for_stop(PAUSE);
        }
        // Calls that the loop had taken may not have been acted upon.
        inner.signal.call();
    };
    // Caught, because whoever waits must be told even if this panics.
    let is_closed = catch(|| inner.end("the worker has ended")).is_some();
    let delivered = served.as_ref().is_some_and(|(delivered, _)| *delivered);
    inner.signal.end(is_closed && delivered);
    // Only now, so that nobody waits while the connection and memory are freed.
    drop(served);
    if inner.is_replaced() {
        inner.pool.clear();
    }
}

/// The loop for the destination.
fn serve(inner: &Arc<Inner>, failures: &Cell<u32>) -> (bool, Box<dyn Any>) {
    let own = Arc::clone(inner);
    match inner.destination {
        Destination::Agent | Destination::Otlp(_) | Destination::JsonLines(_) => {
            boxed(take_turns(inner, failures, Writer::new(own)))
        }
        Destination::Memory(_) | Destination::Nowhere => {
            boxed(take_turns(inner, failures, Direct::new(own)))
        }
    }
}

fn boxed<T: 'static>((delivered, rest): (bool, T)) -> (bool, Box<dyn Any>) {
    (delivered, Box::new(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::LossReason;
    use crate::pipeline::testkit::chunk;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_worker_that_keeps_failing_comes_back_after_a_pause() {
        let inner = Inner::with_room(1 << 20);
        let start = Instant::now();
        let mut turns = 0;
        supervise(&inner, |inner, failures| {
            turns += 1;
            assert!(
                inner.signal.wait_for_call(Duration::ZERO) || turns == 1,
                "it looks at once what was asked"
            );
            assert!(turns > FAILURES_IN_A_ROW, "on purpose");
            if turns == FAILURES_IN_A_ROW + 1 {
                failures.set(0);
            }
            assert!(turns > 2 * FAILURES_IN_A_ROW, "on purpose");
            (true, ())
        });
        assert!(start.elapsed() >= PAUSE, "after the first row");
        assert!(start.elapsed() < LONG, "and not for ever");
        assert_eq!(turns, 2 * FAILURES_IN_A_ROW + 1);
        assert!(inner.signal.wait(inner.signal.stop(), LONG).is_ok());
    }

    #[test]
    fn who_waits_for_a_worker_that_fails_is_told() {
        let inner = Inner::with_room(1 << 20);
        let worker = Arc::clone(&inner);
        let thread = std::thread::spawn(move || {
            supervise(&worker, |inner, _| -> (bool, ()) {
                inner.signal.wait_for_call(LONG);
                panic!("on purpose");
            });
        });
        assert!(inner.signal.wait(inner.signal.flush(), LONG).unwrap_err().is_undelivered());
        inner.submit(chunk(1, 0));
        assert!(
            inner.signal.wait(inner.signal.stop(), LONG).unwrap_err().is_undelivered(),
            "it does not try for ever"
        );
        thread.join().unwrap();
        inner.submit(chunk(1, 0));
        assert_eq!(inner.diag.losses().spans(LossReason::WorkerFailed), 1);
        assert_eq!(inner.diag.losses().spans(LossReason::Shutdown), 1);
    }

    #[test]
    fn what_was_counted_when_nobody_waited_any_more_is_not_counted_again() {
        let inner = Inner::with_room(1 << 20);
        inner.submit(chunk(1, 0));
        inner.abandon();
        inner.signal.stop();
        supervise(&inner, |_, _| -> (bool, ()) { panic!("on purpose") });
        assert_eq!(inner.diag.losses().total(), 1);
    }

    #[test]
    fn a_thread_that_could_not_be_started_is_tried_again_after_a_while() {
        let inner = Inner::with_room(1 << 20);
        let starter = Starter::default();
        *lock(&starter.tried) = Some(Instant::now());
        assert!(!starter.try_start(&inner), "so soon");
        *lock(&starter.tried) = Instant::now().checked_sub(PAUSE);
        assert!(starter.try_start(&inner) && starter.try_start(&inner));
        assert!(inner.signal.wait(inner.signal.stop(), LONG).is_ok());

        let inner = Inner::with_room(1 << 20);
        let starter = Starter::default();
        *lock(&starter.tried) = Some(Instant::now());
        assert!(starter.start(&inner), "somebody waits for it");
        assert!(inner.signal.wait(inner.signal.stop(), LONG).is_ok());
    }
}
