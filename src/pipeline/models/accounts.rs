//! The queue and the ledger: whenever somebody gives up, each span ends in exactly one account, and its bytes are
//! released.

use std::sync::Arc;

use loom::thread;

use crate::diag::LossReason;
use crate::pipeline::inner::Inner;
use crate::pipeline::ledger::Spans;
use crate::pipeline::queue::Pushed;
use crate::pipeline::testkit::chunk;
use crate::primitives::every_interleaving;

/// What the agent does with a request.
#[derive(Clone, Copy)]
enum Agent {
    Takes,
    Refuses,
    /// It may have the request.
    IsSilent,
}

/// As [`Inner::submit`], into a shard of the caller's choice.
fn push(inner: &Inner, shard: usize) {
    let reason = match inner.queue.push_into(&inner.queue.shards[shard], chunk(1, 0)) {
        Ok(Pushed::Queued | Pushed::QueuedWake) => return,
        Ok(Pushed::Full) => LossReason::QueueFull,
        Err(_) => LossReason::Shutdown,
    };
    inner.diag.count_lost(reason, 1);
}

/// A turn of the worker: takes what is there, and sends each chunk by itself. Returns how many spans were delivered.
fn turn(inner: &Inner, agent: Agent) -> u64 {
    let ledger = &inner.ledger;
    let mut delivered = 0;
    for queued in ledger.take(&inner.queue, Vec::new()) {
        if ledger.begin(Spans::undelivered(1)) {
            match agent {
                Agent::Takes => delivered += u64::from(ledger.delivered()),
                Agent::Refuses => {
                    ledger.returned(Spans::undelivered(1));
                    ledger.lose(LossReason::AgentUnreachable, 1, String::new);
                }
                Agent::IsSilent => {
                    ledger.returned(Spans::unconfirmed(1));
                    ledger.lose(LossReason::Unconfirmed, 1, String::new);
                }
            }
        }
        inner.queue.room.release(queued.bytes);
    }
    delivered
}

/// Two threads push into these shards, the worker has its turn and may end, and a thread whose timeout is over gives
/// everything up.
fn each_span_is_in_one_account(shards: [usize; 2], max_bytes: usize, agent: Agent) {
    for worker_ends in [false, true] {
        every_interleaving(2, move || {
            let inner = Inner::with_room(max_bytes);
            let pushing = shards.map(|shard| {
                let inner = Arc::clone(&inner);
                thread::spawn(move || push(&inner, shard))
            });
            let of_worker = Arc::clone(&inner);
            let worker = thread::spawn(move || {
                let delivered = turn(&of_worker, agent);
                // Otherwise only the other thread closes the ledger.
                if worker_ends {
                    of_worker.end("it has ended");
                }
                delivered
            });
            inner.ledger.close(&inner.queue, LossReason::ShutdownTimeout, "nobody waits any more");
            let delivered = worker.join().unwrap();
            pushing.into_iter().for_each(|thread| thread.join().unwrap());
            let losses = inner.diag.losses();
            assert_eq!(delivered + losses.total(), 2, "{delivered} delivered, {losses}");
            assert_eq!(inner.queue.room.used(), 0, "what is settled holds no room");
            assert!(inner.queue.take(Vec::new()).is_empty());
        });
    }
}

#[test]
fn whatever_the_agent_does() {
    for agent in [Agent::Takes, Agent::Refuses, Agent::IsSilent] {
        each_span_is_in_one_account([0, 1], usize::MAX, agent);
    }
}

#[test]
fn when_both_threads_have_one_shard() {
    each_span_is_in_one_account([0, 0], usize::MAX, Agent::Takes);
}

#[test]
fn when_there_is_room_for_one_only() {
    each_span_is_in_one_account([0, 1], 1, Agent::Takes);
}
