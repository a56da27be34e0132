//! The background thread: its start, its loop, its supervision.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use tracehound_machine::spawn_background;

use super::exit;
use super::inner::Inner;
use super::writer::Writer;
use crate::catch::catch;
use crate::clock;
use crate::suppression::suppress;
use crate::sync::lock;

const THREAD_NAME: &str = "tracehound-worker";
/// A worker that fails this often, and never got through its loop in between, pauses before it starts again.
const FAILURES_IN_A_ROW: u32 = 5;
/// How long what has failed is left alone: a thread that the system had no room for, a worker that keeps failing.
/// What finishes meanwhile waits in the queue, as far as that has room.
const PAUSE: Duration = Duration::from_secs(1);
/// The topic of the warning that there is no worker.
const NO_WORKER: &str = "no-worker";
/// The topic of the warning that it has failed.
const WORKER_FAILED: &str = "worker-failed";

/// Starts the thread of one process, and tries again where the system had no room for it.
#[derive(Debug, Default)]
pub(super) struct Starter {
    is_started: AtomicBool,
    /// When it was last tried in vain. Taken by whoever tries.
    tried: Mutex<Option<Instant>>,
}

impl Starter {
    /// Whether there is a worker. Where there is none, it is tried again, once in a while; never waits.
    #[inline]
    pub(super) fn try_start(&self, inner: &Arc<Inner>) -> bool {
        self.is_started.load(Ordering::Acquire) || self.try_again(inner)
    }

    #[cold]
    fn try_again(&self, inner: &Arc<Inner>) -> bool {
        let mut tried = match self.tried.try_lock() {
            Ok(tried) => tried,
            Err(TryLockError::Poisoned(tried)) => tried.into_inner(),
            // Who has the lock is just starting it.
            Err(TryLockError::WouldBlock) => return false,
        };
        if tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return false;
        }
        let started = self.spawn(inner, &mut tried);
        drop(tried);
        self.tell(inner, started)
    }

    /// The same for somebody who waits for the worker: it is tried now, and by nobody else at the same time.
    pub(super) fn start(&self, inner: &Arc<Inner>) -> bool {
        if self.is_started.load(Ordering::Acquire) {
            return true;
        }
        let mut tried = lock(&self.tried);
        let started = self.spawn(inner, &mut tried);
        drop(tried);
        self.tell(inner, started)
    }

    fn spawn(&self, inner: &Arc<Inner>, tried: &mut Option<Instant>) -> io::Result<()> {
        if self.is_started.load(Ordering::Acquire) {
            return Ok(());
        }
        let own = Arc::clone(inner);
        // Detached: nothing ever waits for the thread itself, only for what it signals.
        let started = spawn_background(THREAD_NAME, move || supervise(&own, serve));
        match &started {
            Ok(_) => {
                self.is_started.store(true, Ordering::Release);
                exit::watch(inner);
            }
            Err(_) => *tried = Some(Instant::now()),
        }
        started.map(drop)
    }

    /// Outside the lock: the log function of the program may trace, and so come here.
    fn tell(&self, inner: &Inner, started: io::Result<()>) -> bool {
        match &started {
            Ok(()) if inner.diag.forget(NO_WORKER) => {
                inner.diag.info("the background worker has started")
            }
            Ok(()) => {}
            Err(error) => inner.diag.warn_once(NO_WORKER, || {
                format!("the background worker does not start: {error}; trying again")
            }),
        }
        started.is_ok()
    }
}

/// Runs the loop, again if it panics; the queue is shared and outlives it.
///
/// The loop is told by `serve`, which says whether all was delivered, and leaves what is to be freed when that has
/// been told; it notes each turn in which it did not fail.
fn supervise<T>(inner: &Arc<Inner>, mut serve: impl FnMut(&Arc<Inner>, &Cell<u32>) -> (bool, T)) {
    // Our own client must not be traced by our own integrations.
    let _off = suppress();
    let mut delivered = false;
    let mut rest = None;
    let failures = Cell::new(0u32);
    loop {
        match catch(|| serve(inner, &failures)) {
            Some((all, writer)) => {
                delivered = all;
                // Nobody waits while connection and memory are given back.
                rest = Some(writer);
                break;
            }
            None => failures.set(failures.get().saturating_add(1)),
        }
        inner
            .diag
            .warn_once(WORKER_FAILED, || "the background worker failed; it starts again".into());
        let fails_always = failures.get() >= FAILURES_IN_A_ROW;
        let state = inner.signal.read();
        if state.stop && fails_always {
            break;
        }
        // What they wait for may be among what the loop has lost.
        inner.signal.done(state.asked, false);
        if fails_always {
            inner.signal.wait_for_stop(PAUSE);
        }
        // The calls that were taken were not acted upon.
        inner.signal.call();
    }
    // Also if giving up fails: somebody waits.
    let _end = End(inner);
    inner.end();
    inner.signal.end(delivered);
    drop(rest);
}

/// Tells that the worker has ended, if nothing else has.
struct End<'a>(&'a Inner);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.signal.end(false);
    }
}

/// Sends at each interval, and earlier when woken; ends when told to. Says whether all was delivered.
fn serve(inner: &Arc<Inner>, failures: &Cell<u32>) -> (bool, Writer) {
    let writer = Writer::new(Arc::clone(inner));
    take_turns(inner, failures, writer)
}

/// What the worker does in its turns.
pub(super) trait Turns {
    fn next_attempt(&self) -> Option<Duration>;
    fn learn_meanwhile(&mut self) -> bool;
    fn run(&mut self, insist: bool) -> bool;
    fn tick(&mut self);
    fn give_up(&mut self);
}

impl Turns for Writer {
    fn next_attempt(&self) -> Option<Duration> {
        self.next_attempt()
    }

    fn learn_meanwhile(&mut self) -> bool {
        self.learn_meanwhile()
    }

    fn run(&mut self, insist: bool) -> bool {
        self.run(insist)
    }

    fn tick(&mut self) {
        self.tick();
    }

    fn give_up(&mut self) {
        self.give_up();
    }
}

/// The loop itself, whoever it is that writes and sends.
pub(super) fn take_turns<W: Turns>(
    inner: &Inner,
    failures: &Cell<u32>,
    mut writer: W,
) -> (bool, W) {
    loop {
        // The first time it is at once: an agent that was not asked yet is.
        let woken = pause(inner, writer.next_attempt());
        clock::keep();
        if !woken && writer.learn_meanwhile() {
            // What finished at the same time waits for its interval or a flush, which is told of what is lost.
            continue;
        }
        // Read before the queue is: what was submitted before the request is in what is taken.
        let state = inner.signal.read();
        if state.stop {
            inner.queue.close();
        }
        let insist = state.stop || inner.signal.is_awaited(state);
        let delivered = writer.run(insist);
        if !woken {
            writer.tick();
        }
        if state.stop {
            writer.give_up();
            return (delivered, writer);
        }
        inner.signal.done(state.asked, delivered);
        if failures.replace(0) > 0 {
            inner.diag.forget(WORKER_FAILED);
        }
    }
}

/// Waits for the interval to end, or for somebody to call; says whether somebody did.
fn pause(inner: &Inner, next_attempt: Option<Duration>) -> bool {
    let interval = inner.settings.interval;
    let time = next_attempt.map_or(interval, |next| next.min(interval));
    inner.signal.wait_for_call(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::LossReason;
    use crate::trace::testkit::Bench;

    const LONG: Duration = Duration::from_secs(60);

    fn inner() -> Arc<Inner> {
        Inner::for_tests(LONG, 1 << 20, 1 << 20, |_, _| ())
    }

    fn submit(inner: &Inner) {
        let bench = Bench::new();
        drop(bench.span("root").root().start());
        inner.submit(bench.take_chunks().remove(0));
    }

    #[test]
    fn a_worker_that_keeps_failing_comes_back_after_a_pause() {
        let inner = inner();
        let start = Instant::now();
        let mut turns = 0;
        supervise(&inner, |inner, failures| {
            turns += 1;
            assert!(inner.signal.take_call() || turns == 1, "it looks at once what was asked");
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
        let inner = inner();
        let worker = Arc::clone(&inner);
        let thread = std::thread::spawn(move || {
            supervise(&worker, |inner, _| -> (bool, ()) {
                inner.signal.wait_for_call(LONG);
                panic!("on purpose");
            });
        });
        assert!(inner.signal.wait(inner.signal.flush(), LONG).unwrap_err().is_undelivered());
        submit(&inner);
        assert!(
            inner.signal.wait(inner.signal.stop(), LONG).unwrap_err().is_undelivered(),
            "it does not try for ever"
        );
        thread.join().unwrap();
        submit(&inner);
        assert_eq!(inner.diag.losses().spans(LossReason::WorkerFailed), 1);
        assert_eq!(inner.diag.losses().spans(LossReason::Shutdown), 1);
    }

    #[test]
    fn what_was_counted_when_nobody_waited_any_more_is_not_counted_again() {
        let inner = inner();
        submit(&inner);
        inner.abandon();
        inner.signal.stop();
        supervise(&inner, |_, _| -> (bool, ()) { panic!("on purpose") });
        assert_eq!(inner.diag.losses().total(), 1);
    }

    #[test]
    fn a_thread_that_could_not_be_started_is_tried_again_after_a_while() {
        let inner = inner();
        let starter = Starter::default();
        *lock(&starter.tried) = Some(Instant::now());
        assert!(!starter.try_start(&inner), "so soon");
        *lock(&starter.tried) = Instant::now().checked_sub(PAUSE);
        assert!(starter.try_start(&inner) && starter.try_start(&inner));
        assert!(inner.signal.wait(inner.signal.stop(), LONG).is_ok());

        let inner = self::inner();
        let starter = Starter::default();
        *lock(&starter.tried) = Some(Instant::now());
        assert!(starter.start(&inner), "somebody waits for it");
        assert!(inner.signal.wait(inner.signal.stop(), LONG).is_ok());
    }
}
