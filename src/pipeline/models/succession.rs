//! A pipeline takes the place of another while threads hand chunks over: each chunk is with one of the two, and the
//! worker of the old one ends by itself, with nothing left behind.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use crate::pipeline::inner::Inner;
use crate::pipeline::ledger::Spans;
use crate::pipeline::testkit::chunk;
use crate::pipeline::turns::{Turns, take_turns};
use crate::primitives::{AtomicUsize, Mutex, Ordering, every_interleaving, lock};

/// The old pipeline and the new one.
struct Fixture {
    pipelines: [Arc<Inner>; 2],
    /// Which of them is in force: what `Replaceable` says.
    current: Mutex<usize>,
    /// How many spans the old one has delivered.
    delivered: AtomicUsize,
}

impl Fixture {
    fn new() -> Arc<Self> {
        let pipelines = [(), ()].map(|()| Inner::with_room(1 << 20));
        Arc::new(Fixture { pipelines, current: Mutex::new(0), delivered: AtomicUsize::new(0) })
    }

    fn old(&self) -> &Inner {
        &self.pipelines[0]
    }

    /// As a trace does that ends.
    fn hand_over(&self) {
        let mut refused = Some(chunk(1, 0));
        while let Some(chunk) = refused {
            let current = *lock(&self.current);
            refused = self.pipelines[current].submit(chunk);
        }
    }

    /// As a reconfiguration does.
    fn replace(&self) {
        *lock(&self.current) = 1;
        self.old().retire();
    }

    /// The worker of the old pipeline, to its end.
    fn work(self: &Arc<Self>) {
        let (delivered, fixture) = take_turns(self.old(), &Cell::new(0), Arc::clone(self));
        assert!(
            delivered && fixture.old().ledger.take(&fixture.old().queue, Vec::new()).is_empty()
        );
    }
}

impl Turns for Arc<Fixture> {
    fn next_attempt(&self) -> Option<Duration> {
        None
    }

    fn ask_when_idle(&mut self) -> bool {
        false
    }

    fn run(&mut self, _: bool) -> bool {
        for queued in self.old().ledger.take(&self.old().queue, Vec::new()) {
            if self.old().ledger.begin(Spans::undelivered(1)) && self.old().ledger.delivered() {
                self.delivered.fetch_add(1, Ordering::AcqRel);
            }
            self.old().queue.room.release(queued.bytes);
        }
        true
    }

    fn end_interval(&mut self) {}

    fn give_up(&mut self) {
        self.old().end("it has ended");
    }
}

#[test]
fn each_chunk_is_with_one_of_the_two_and_the_old_worker_ends() {
    every_interleaving(2, || {
        let fixture = Fixture::new();
        let tracing = {
            let fixture = Arc::clone(&fixture);
            thread::spawn(move || fixture.hand_over())
        };
        let worker = {
            let fixture = Arc::clone(&fixture);
            thread::spawn(move || fixture.work())
        };
        fixture.replace();
        fixture.hand_over();
        tracing.join().unwrap();
        worker.join().unwrap();
        let new = &fixture.pipelines[1];
        let here = new.ledger.take(&new.queue, Vec::new()).len();
        assert_eq!(fixture.delivered.load(Ordering::Acquire) + here, 2);
        assert_eq!(fixture.old().diag.losses().total(), 0);
    });
}
