//! The queue and the ledger: whenever somebody gives up, each span ends in exactly one account, and its bytes are given
//! back.

use std::sync::Arc;

use loom::thread;

use crate::diag::{Diag, LossReason};
use crate::pipeline::ledger::{Ledger, Spans};
use crate::pipeline::queue::{Pushed, Queue};
use crate::primitives::every_interleaving;
use crate::trace::Chunk;
use crate::trace::testkit::Bench;

/// What the agent does with a request.
#[derive(Clone, Copy)]
enum Agent {
    Takes,
    Refuses,
    /// It may have it.
    IsSilent,
}

struct Desk {
    queue: Queue,
    ledger: Ledger,
    diag: Arc<Diag>,
}

impl Desk {
    fn new(max_bytes: usize) -> Arc<Self> {
        let diag = Arc::new(Diag::new(false, Some(Box::new(|_, _| ()))));
        let ledger = Ledger::new(Arc::clone(&diag));
        Arc::new(Desk { queue: Queue::new(max_bytes), ledger, diag })
    }

    /// As [`Inner::submit`](crate::pipeline::inner::Inner::submit), into a shard of the caller's choice.
    fn push(&self, shard: usize, chunk: Chunk) {
        let spans = chunk.len() as u64;
        match self.queue.push_into(&self.queue.shards[shard], chunk) {
            Pushed::Queued | Pushed::QueuedWake => {}
            Pushed::Full => self.diag.count_lost(LossReason::QueueFull, spans),
            Pushed::Closed => self.diag.count_lost(LossReason::Shutdown, spans),
        }
    }

    /// Takes what is there, sends each chunk for itself, and says how many spans were delivered.
    fn turn(&self, agent: Agent) -> u64 {
        let mut delivered = 0;
        for queued in self.ledger.take(&self.queue, Vec::new()) {
            let spans = queued.chunk.len() as u64;
            let sure = Spans { sure: spans, doubtful: 0 };
            if self.ledger.begin(sure) {
                match agent {
                    Agent::Takes => delivered += if self.ledger.delivered() { spans } else { 0 },
                    Agent::Refuses => {
                        self.ledger.returned(sure);
                        self.ledger.lose(LossReason::AgentUnreachable, spans, String::new);
                    }
                    Agent::IsSilent => {
                        self.ledger.returned(Spans { sure: 0, doubtful: spans });
                        self.ledger.lose(LossReason::Unconfirmed, spans, String::new);
                    }
                }
            }
            self.queue.room.release(queued.bytes);
        }
        delivered
    }
}

fn chunk() -> Chunk {
    let bench = Bench::new();
    bench.span("root").root().start().finish();
    bench.take_chunks().remove(0)
}

/// Two threads push into these shards, the worker has its turn and may end, and a thread that does not wait any more
/// abandons all.
fn each_span_is_in_one_account(shards: [usize; 2], max_bytes: usize, agent: Agent) {
    for worker_ends in [false, true] {
        in_any_order(shards, max_bytes, agent, worker_ends);
    }
}

fn in_any_order(shards: [usize; 2], max_bytes: usize, agent: Agent, worker_ends: bool) {
    every_interleaving(2, move || {
        let desk = Desk::new(max_bytes);
        let pushing = shards.map(|shard| {
            let (desk, chunk) = (Arc::clone(&desk), chunk());
            thread::spawn(move || desk.push(shard, chunk))
        });
        let worker = {
            let desk = Arc::clone(&desk);
            thread::spawn(move || {
                let delivered = desk.turn(agent);
                // The close of the other thread has to do without this one.
                if worker_ends {
                    desk.ledger.close(&desk.queue, LossReason::WorkerFailed, "it has ended");
                }
                delivered
            })
        };
        desk.ledger.close(&desk.queue, LossReason::ShutdownTimeout, "nobody waits any more");
        let delivered = worker.join().unwrap();
        pushing.into_iter().for_each(|thread| thread.join().unwrap());
        let losses = desk.diag.losses();
        assert_eq!(delivered + losses.total(), 2, "{delivered} delivered, {losses}");
        assert_eq!(desk.queue.room.used(), 0, "what is settled holds no room");
        assert!(desk.queue.take(Vec::new()).is_empty());
    });
}

#[test]
fn when_the_agent_takes_them() {
    each_span_is_in_one_account([0, 1], usize::MAX, Agent::Takes);
}

#[test]
fn when_the_agent_refuses_them() {
    each_span_is_in_one_account([0, 1], usize::MAX, Agent::Refuses);
}

#[test]
fn when_the_agent_is_silent() {
    each_span_is_in_one_account([0, 1], usize::MAX, Agent::IsSilent);
}

#[test]
fn when_both_threads_have_one_shard() {
    each_span_is_in_one_account([0, 0], usize::MAX, Agent::Takes);
}

#[test]
fn when_there_is_room_for_one_only() {
    each_span_is_in_one_account([0, 1], 1, Agent::Takes);
}
