//! Calls to the worker's own loop: none is missed, a flush ends when what was pushed before it has been taken, and a
//! shutdown ends.
//!
//! No time passes here: a thread that should have been woken and was not waits for ever, which loom reports.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use loom::thread;

use crate::pipeline::inner::Inner;
use crate::pipeline::signal::Goal;
use crate::pipeline::turns::{Turns, take_turns};
use crate::primitives::{AtomicUsize, Condvar, Mutex, Ordering, every_interleaving, lock};

/// A worker whose work is a counter: each turn takes all of it.
struct Fixture {
    inner: Arc<Inner>,
    waiting: AtomicUsize,
    taken: AtomicUsize,
}

impl Turns for Arc<Fixture> {
    fn next_attempt(&self) -> Option<Duration> {
        None
    }

    fn ask_when_idle(&mut self) -> bool {
        false
    }

    fn run(&mut self, _: bool) -> bool {
        let taken = self.waiting.swap(0, Ordering::AcqRel);
        self.taken.fetch_add(taken, Ordering::AcqRel);
        true
    }

    fn end_interval(&mut self) {}

    fn give_up(&mut self) {}
}

impl Fixture {
    fn new() -> Arc<Self> {
        let inner = Inner::with_room(1 << 20);
        Arc::new(Fixture { inner, waiting: AtomicUsize::default(), taken: AtomicUsize::default() })
    }

    fn worker(self: &Arc<Self>) -> thread::JoinHandle<()> {
        let fixture = Arc::clone(self);
        thread::spawn(move || {
            let (delivered, fixture) =
                take_turns(&fixture.inner, &Cell::new(0), Arc::clone(&fixture));
            fixture.inner.signal.end(delivered);
        })
    }

    fn push(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    fn wait(&self, goal: Goal) {
        assert_eq!(self.inner.signal.wait(goal, Duration::from_secs(24 * 3600)), Ok(()));
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

#[test]
fn a_flush_ends_when_what_was_pushed_before_it_was_taken() {
    every_interleaving(2, || {
        let fixture = Fixture::new();
        let worker = fixture.worker();
        let other = {
            let fixture = Arc::clone(&fixture);
            thread::spawn(move || {
                fixture.push();
                fixture.wait(fixture.inner.signal.flush());
                assert!(fixture.taken() >= 1, "its own");
            })
        };
        fixture.push();
        fixture.wait(fixture.inner.signal.flush());
        assert!(fixture.taken() >= 1, "its own");
        other.join().unwrap();
        assert_eq!(fixture.taken(), 2);
        fixture.wait(fixture.inner.signal.stop());
        worker.join().unwrap();
    });
}

#[test]
fn a_shutdown_ends_whoever_calls_and_flushes_meanwhile() {
    every_interleaving(2, || {
        let fixture = Fixture::new();
        let worker = fixture.worker();
        let calling = {
            let fixture = Arc::clone(&fixture);
            thread::spawn(move || {
                fixture.inner.signal.call();
                fixture.wait(fixture.inner.signal.flush());
            })
        };
        fixture.push();
        fixture.wait(fixture.inner.signal.stop());
        assert_eq!(fixture.taken(), 1, "what was pushed before the end was taken");
        calling.join().unwrap();
        worker.join().unwrap();
    });
}

/// A task's thread, which sleeps until it is woken.
#[derive(Default)]
struct Sleeper {
    is_woken: Mutex<bool>,
    woken: Condvar,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        *lock(&self.is_woken) = true;
        self.woken.notify_one();
    }
}

impl Sleeper {
    fn sleep(&self) {
        let mut is_woken = lock(&self.is_woken);
        while !*is_woken {
            is_woken = self.woken.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

#[test]
fn a_task_that_waits_is_woken() {
    every_interleaving(2, || {
        let fixture = Fixture::new();
        let worker = fixture.worker();
        let sleeper = Arc::new(Sleeper::default());
        let waker = Waker::from(Arc::clone(&sleeper));
        for stops in [false, true] {
            fixture.push();
            let signal = &fixture.inner.signal;
            let goal = if stops { signal.stop() } else { signal.flush() };
            let mut ticket = None;
            while let Poll::Pending = signal.poll(goal, None, &mut ticket, &waker) {
                sleeper.sleep();
            }
            signal.leave(&mut ticket);
            assert_eq!(fixture.taken(), 1 + usize::from(stops));
        }
        worker.join().unwrap();
    });
}
