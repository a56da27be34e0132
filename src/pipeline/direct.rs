//! A turn of the worker where nothing is encoded: finished traces go into memory, or nowhere.

use std::sync::Arc;
use std::time::Duration;

use super::destination::Destination;
use super::inner::Inner;
use super::ledger::Spans;
use super::pool::Portion;
use super::queue::Queued;
use super::turns::Turns;
use crate::diag::LossReason;

/// How many spans are kept in memory. What comes then is lost, and counted, until somebody has taken them.
const MAX_KEPT_SPANS: usize = 100_000;

/// Takes finished traces from the queue.
pub(super) struct Direct {
    inner: Arc<Inner>,
    /// Whether something was lost in this turn.
    has_lost: bool,
    /// How many bytes of the room what was taken has.
    taken_bytes: usize,
}

impl Direct {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Direct { inner, has_lost: false, taken_bytes: 0 }
    }

    fn settle(&mut self, mut queued: Queued, emptied: &mut Portion) {
        let Inner { destination, ledger, queue, pool, filters, diag, .. } = &*self.inner;
        let chunk = &mut queued.chunk;
        let spans = chunk.len() as u64;
        let captured = match destination {
            Destination::Memory(captured) => Some(captured),
            _ => None,
        };
        let dropped_by = captured.and_then(|_| {
            chunk.settle();
            filters.run(chunk, diag)
        });
        if let Some(filter) = dropped_by {
            ledger.filtered(filter, spans);
        } else if captured.is_some_and(|captured| captured.len() + chunk.len() > MAX_KEPT_SPANS) {
            self.has_lost = true;
            ledger.lose(LossReason::QueueFull, spans, || {
                format!(
                    "{MAX_KEPT_SPANS} finished spans are kept in memory, which is the most; `Captured::take` makes room"
                )
            });
        } else if ledger.begin(Spans { undelivered: spans, unconfirmed: 0 }) {
            // Only then: otherwise it has been counted as lost.
            if let Some(captured) = captured {
                captured.keep(chunk);
            }
            ledger.delivered();
        }
        queue.room.release(queued.bytes);
        self.taken_bytes -= queued.bytes;
        emptied.add(queued.chunk.into_buffers());
        if emptied.is_full() {
            pool.give_back(emptied);
        }
    }
}

impl Turns for Direct {
    fn next_attempt(&self) -> Option<Duration> {
        None
    }

    fn ask_when_idle(&mut self) -> bool {
        false
    }

    fn run(&mut self, _: bool) -> bool {
        self.has_lost = false;
        let taken = self.inner.ledger.take(&self.inner.queue, Vec::new());
        self.taken_bytes = taken.iter().map(|queued| queued.bytes).sum();
        let mut emptied = Portion::default();
        for queued in taken {
            self.settle(queued, &mut emptied);
        }
        self.inner.pool.give_back(&mut emptied);
        !self.has_lost && !self.inner.ledger.is_closed()
    }

    fn end_interval(&mut self) {}

    fn give_up(&mut self) {
        // The last turn has taken everything, unless something came in between.
        let Inner { ledger, queue, .. } = &*self.inner;
        ledger.close(queue, LossReason::Shutdown, "finished while the tracer was shut down");
    }
}

/// Where the worker panics, what is not settled is lost, and its room is free again.
impl Drop for Direct {
    fn drop(&mut self) {
        let Inner { ledger, queue, .. } = &*self.inner;
        ledger.lose_all(LossReason::WorkerFailed, "the background worker failed while it had them");
        queue.room.release(self.taken_bytes);
    }
}
