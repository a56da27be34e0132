//! The account of every accepted span, so that each is counted exactly once.

use std::sync::Arc;

use super::queue::{Queue, Queued};
use crate::diag::{Diag, LossReason, Statistics, Withheld};
use crate::primitives::{Mutex, lock, lock_soon};
use crate::text::Text;

/// Counts the spans that the queue has accepted and that are neither delivered nor lost yet.
///
/// A span is in one of four places: in the queue, held by the worker, on its way to the agent, or settled (delivered,
/// withheld on purpose, dropped by a trace filter, or lost for one reason). It moves from one to the next under one lock.
/// So when the worker or an application's thread gives up, each span is counted once, whatever the other one is doing at
/// that moment. Chunks and payloads carry the spans; these numbers decide what is counted.
///
/// The locks of the queue are taken while this one is held, never the other way round. No code of the user runs while
/// it is held.
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    diag: Arc<Diag>,
}

/// Numbers of spans, by whether the agent may have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    /// The agent cannot have them.
    pub(crate) undelivered: u64,
    /// The agent may have them.
    pub(crate) unconfirmed: u64,
}

impl Spans {
    #[cfg(test)]
    pub(crate) const fn undelivered(undelivered: u64) -> Self {
        Spans { undelivered, unconfirmed: 0 }
    }

    pub(crate) const fn unconfirmed(unconfirmed: u64) -> Self {
        Spans { undelivered: 0, unconfirmed }
    }

    pub(crate) fn total(self) -> u64 {
        self.undelivered + self.unconfirmed
    }
}

#[derive(Debug, Default)]
struct State {
    /// Taken from the queue by the worker, and not on their way. Unconfirmed are those that will be sent again although
    /// the agent may have them already.
    held: Spans,
    /// In the request that the agent has not answered.
    on_its_way: u64,
    /// Ever taken from the queue.
    taken: u64,
    /// Versions of spans that were open: they are spans here, and no other account has them.
    versions: u64,
    /// Ever delivered.
    delivered: u64,
    /// Everything is settled. What the worker still holds has been counted as lost: none of it is sent or counted
    /// again.
    is_closed: bool,
}

impl Ledger {
    pub(crate) fn new(diag: Arc<Diag>) -> Self {
        Ledger { state: Mutex::default(), diag }
    }

    /// Takes everything from the queue for the worker, and leaves `empty` in its place.
    pub(crate) fn take(&self, queue: &Queue, empty: Vec<Queued>) -> Vec<Queued> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Vec::new();
        }
        let taken = queue.take(empty);
        let spans = spans(&taken);
        state.held.undelivered += spans;
        state.taken += spans;
        taken
    }

    /// The worker holds versions of spans that are still open. On `false` they must not be sent.
    pub(crate) fn add_versions(&self, spans: u64) -> bool {
        let mut state = lock(&self.state);
        if !state.is_closed {
            state.held.undelivered += spans;
            state.versions += spans;
        }
        !state.is_closed
    }

    /// Moves spans from held to on their way. On `false` they must not be sent: they have been counted as lost.
    pub(crate) fn begin(&self, spans: Spans) -> bool {
        let mut state = lock(&self.state);
        if !state.is_closed {
            state.held.undelivered = state.held.undelivered.saturating_sub(spans.undelivered);
            state.held.unconfirmed = state.held.unconfirmed.saturating_sub(spans.unconfirmed);
            state.on_its_way = spans.total();
        }
        !state.is_closed
    }

    /// The agent has what was on its way. Returns `false` where that has been counted as lost already.
    pub(crate) fn delivered(&self) -> bool {
        let mut state = lock(&self.state);
        let delivered = std::mem::take(&mut state.on_its_way);
        if !state.is_closed {
            state.delivered += delivered;
        }
        !state.is_closed
    }

    /// As [`Ledger::delivered`], but for so many, which the worker holds again.
    pub(crate) fn delivered_but(&self, rejected: u64) -> bool {
        let mut state = lock(&self.state);
        let all = std::mem::take(&mut state.on_its_way);
        if !state.is_closed {
            state.delivered += all.saturating_sub(rejected);
            state.held.undelivered += rejected;
        }
        !state.is_closed
    }

    /// The worker holds again what was on its way.
    pub(crate) fn returned(&self, spans: Spans) {
        let mut state = lock(&self.state);
        state.on_its_way = 0;
        if !state.is_closed {
            state.held.undelivered += spans.undelivered;
            state.held.unconfirmed += spans.unconfirmed;
        }
    }

    /// Counts spans that the worker holds as lost: for [`LossReason::Unconfirmed`] those that the agent may have, for
    /// any other reason those that it cannot have.
    pub(crate) fn lose(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        let mut state = lock(&self.state);
        if state.is_closed || spans == 0 {
            return;
        }
        let from = match reason {
            LossReason::Unconfirmed => &mut state.held.unconfirmed,
            _ => &mut state.held.undelivered,
        };
        *from = from.saturating_sub(spans);
        self.diag.count_lost(reason, spans);
        drop(state);
        self.diag.say_lost(reason, detail);
    }

    /// Settles spans that the worker holds and that are not sent on purpose.
    pub(crate) fn withhold(&self, reason: Withheld, spans: u64) {
        self.leave_out(spans, |diag| diag.count_withheld(reason, spans));
    }

    /// Settles spans that the worker holds and that a trace filter has dropped.
    pub(crate) fn filtered(&self, filter: &Text, spans: u64) {
        self.leave_out(spans, |diag| diag.count_filtered(filter, spans));
    }

    /// Settles spans that are neither sent nor lost.
    fn leave_out(&self, spans: u64, count: impl FnOnce(&Diag)) {
        let mut state = lock(&self.state);
        if !state.is_closed {
            state.held.undelivered = state.held.undelivered.saturating_sub(spans);
            count(&self.diag);
        }
    }

    /// Counts everything that the worker has as lost. What was on its way is unconfirmed.
    pub(crate) fn lose_all(&self, reason: LossReason, detail: &str) {
        self.settle(reason, detail, None);
    }

    /// Counts everything that is not settled as lost, what is in the queue included. Nothing is taken, sent or counted
    /// from now on.
    pub(crate) fn close(&self, queue: &Queue, reason: LossReason, detail: &str) {
        self.settle(reason, detail, Some(queue));
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    fn settle(&self, reason: LossReason, detail: &str, closing: Option<&Queue>) {
        let mut state = lock(&self.state);
        let Spans { undelivered: mut lost, unconfirmed } = std::mem::take(&mut state.held);
        let unconfirmed = unconfirmed + std::mem::take(&mut state.on_its_way);
        let mut rest = Vec::new();
        if let Some(queue) = closing {
            state.is_closed = true;
            queue.close();
            rest = queue.take(rest);
            let spans = spans(&rest);
            state.taken += spans;
            lost += spans;
            rest.iter().for_each(|queued| queue.room.release(queued.bytes));
        }
        let losses = [(reason, lost), (LossReason::Unconfirmed, unconfirmed)];
        let losses = losses.into_iter().filter(|(_, spans)| *spans > 0);
        for (reason, spans) in losses.clone() {
            self.diag.count_lost(reason, spans);
        }
        drop(state);
        for (reason, _) in losses {
            self.diag.say_lost(reason, || detail.to_owned());
        }
    }

    /// What has become of all accepted spans, in one look: they are in no two accounts, and in none.
    pub(crate) fn statistics(&self, queue: &Queue) -> Statistics {
        let state = lock(&self.state);
        let in_queue = queue.spans();
        Statistics {
            accepted: state.taken + in_queue,
            queued: in_queue + state.held.total() + state.on_its_way,
            delivered: state.delivered,
            versions: state.versions,
            ..self.diag.statistics()
        }
    }

    /// Whether everything is settled, for the end of the process: `false` also where this thread holds the lock
    /// already.
    pub(crate) fn is_settled(&self) -> bool {
        lock_soon(&self.state).is_some_and(|state| state.is_closed)
    }

    /// Whether this thread holds none of the locks here and in the queue; for the end of the process.
    pub(crate) fn is_free(&self, queue: &Queue) -> bool {
        lock_soon(&self.state).is_some() && queue.is_free()
    }

    /// What the worker holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> Spans {
        lock(&self.state).held
    }
}

fn spans(chunks: &[Queued]) -> u64 {
    chunks.iter().map(|queued| queued.chunk.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::inner::Inner;
    use crate::pipeline::testkit::chunk;

    fn push(inner: &Inner, spans: usize) {
        (0..spans).for_each(|_| drop(inner.submit(chunk(1, 0))));
    }

    /// Pushes so many spans, and takes them as the worker does.
    fn hold(inner: &Inner, spans: usize) {
        push(inner, spans);
        assert_eq!(inner.ledger.take(&inner.queue, Vec::new()).len(), spans);
    }

    #[test]
    fn what_is_given_up_is_counted_by_where_it_is() {
        let inner = Inner::with_room(usize::MAX);
        let ledger = &inner.ledger;
        hold(&inner, 20);
        assert!(ledger.begin(Spans::undelivered(4)));
        assert!(ledger.delivered());
        ledger.lose(LossReason::TooLarge, 1, String::new);
        assert!(ledger.begin(Spans::undelivered(7)));
        ledger.returned(Spans { undelivered: 5, unconfirmed: 2 });
        assert!(ledger.begin(Spans::undelivered(3)));
        push(&inner, 5);
        inner.abandon();
        let expected = "21 spans lost: 1 too_large, 15 shutdown_timeout, 5 unconfirmed";
        assert_eq!(inner.diag.losses().to_string(), expected);
    }

    #[test]
    fn what_the_agent_may_have_is_lost_as_that() {
        let inner = Inner::with_room(usize::MAX);
        let ledger = &inner.ledger;
        hold(&inner, 10);
        assert!(ledger.begin(Spans::undelivered(4)));
        ledger.returned(Spans::unconfirmed(4));
        ledger.lose(LossReason::Unconfirmed, 1, String::new);
        ledger.lose(LossReason::AgentUnreachable, 2, String::new);
        assert_eq!(ledger.held(), Spans { undelivered: 4, unconfirmed: 3 });
        assert!(ledger.begin(Spans { undelivered: 1, unconfirmed: 3 }));
        assert!(ledger.delivered());
        assert_eq!(ledger.held(), Spans::undelivered(3));
    }

    #[test]
    fn nothing_is_taken_sent_or_counted_after_the_end() {
        let inner = Inner::with_room(usize::MAX);
        let ledger = &inner.ledger;
        hold(&inner, 10);
        assert!(ledger.begin(Spans::undelivered(4)));
        inner.abandon();
        let losses = inner.diag.losses();
        assert_eq!(losses.total(), 10);
        ledger.returned(Spans::undelivered(4));
        assert!(!ledger.begin(Spans::undelivered(4)));
        ledger.lose(LossReason::AgentUnreachable, 4, String::new);
        assert!(!ledger.delivered());
        assert!(inner.queue.push(chunk(1, 0)).is_err());
        assert!(ledger.take(&inner.queue, Vec::new()).is_empty());
        inner.end("twice");
        assert_eq!(inner.diag.losses(), losses);
    }

    #[test]
    fn a_worker_that_failed_leaves_nothing_uncounted_and_the_next_one_begins_anew() {
        let inner = Inner::with_room(usize::MAX);
        let ledger = &inner.ledger;
        hold(&inner, 10);
        assert!(ledger.begin(Spans::undelivered(4)));
        ledger.lose_all(LossReason::WorkerFailed, "panicked");
        assert_eq!(
            inner.diag.losses().to_string(),
            "10 spans lost: 6 worker_failed, 4 unconfirmed"
        );
        hold(&inner, 2);
        assert_eq!(ledger.held(), Spans::undelivered(2));
    }

    #[test]
    fn whoever_gives_up_first_each_span_is_counted_once() {
        for round in 0..200 {
            let inner = Inner::with_room(usize::MAX);
            hold(&inner, 6);
            let delivered = std::thread::scope(|scope| {
                let ledger = &inner.ledger;
                let worker = scope.spawn(|| {
                    let mut delivered = 0;
                    for step in 0..6 {
                        if !ledger.begin(Spans::undelivered(1)) {
                            break;
                        }
                        match step % 3 {
                            0 => delivered += u64::from(ledger.delivered()),
                            1 => {
                                ledger.returned(Spans::undelivered(1));
                                ledger.lose(LossReason::AgentUnreachable, 1, String::new);
                            }
                            _ => {
                                ledger.returned(Spans::unconfirmed(1));
                                ledger.lose(LossReason::Unconfirmed, 1, String::new);
                            }
                        }
                    }
                    delivered
                });
                for _ in 0..round {
                    std::hint::spin_loop();
                }
                ledger.close(&inner.queue, LossReason::ShutdownTimeout, "over");
                worker.join().unwrap()
            });
            let losses = inner.diag.losses();
            assert_eq!(delivered + losses.total(), 6, "{losses}");
        }
    }
}
