//! Where every accepted span is, so that each is counted once.

use std::sync::Arc;

use super::queue::{Queue, Queued};
use crate::diag::{Diag, LossReason};
use crate::primitives::{Mutex, lock, lock_soon};

/// Counts the spans that the queue has accepted and that are neither delivered nor lost yet.
///
/// A span is in the queue, held by the worker, on its way to the agent, or settled: delivered, or lost for one
/// reason. It goes from one to the next under one lock, so that whoever gives up at some moment, the worker or
/// an application thread that has waited long enough, counts each of them once, whatever the other is doing.
/// Payloads and chunks are what the spans are in; what this says of them is what counts.
///
/// The locks of the queue are taken under this one, never the other way round, and no code of the user runs
/// under it.
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    diag: Arc<Diag>,
}

/// So many spans, by whether the agent may have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    /// It cannot have them.
    pub(crate) sure: u64,
    /// It may have them.
    pub(crate) doubtful: u64,
}

impl Spans {
    #[cfg(test)]
    pub(crate) const fn sure(sure: u64) -> Self {
        Spans { sure, doubtful: 0 }
    }

    pub(crate) const fn doubtful(doubtful: u64) -> Self {
        Spans { sure: 0, doubtful }
    }

    pub(crate) fn total(self) -> u64 {
        self.sure + self.doubtful
    }
}

#[derive(Debug, Default)]
struct State {
    /// Taken from the queue by the worker, and not with the agent. Doubtful are those that are to be sent again while
    /// the agent may have them already.
    held: Spans,
    /// In the request that the agent has not answered.
    on_its_way: u64,
    /// All is settled. What the worker still has was counted: nothing of it is sent or counted again.
    is_closed: bool,
}

impl Ledger {
    pub(crate) fn new(diag: Arc<Diag>) -> Self {
        Ledger { state: Mutex::default(), diag }
    }

    /// Takes what waits in the queue for the worker, leaving `empty` in its place.
    pub(crate) fn take(&self, queue: &Queue, empty: Vec<Queued>) -> Vec<Queued> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Vec::new();
        }
        let taken = queue.take(empty);
        state.held.sure += spans(&taken);
        taken
    }

    /// So many spans are to be sent now. Where this says `false` they must not be: they count as lost.
    pub(crate) fn begin(&self, spans: Spans) -> bool {
        let mut state = lock(&self.state);
        if !state.is_closed {
            state.held.sure = state.held.sure.saturating_sub(spans.sure);
            state.held.doubtful = state.held.doubtful.saturating_sub(spans.doubtful);
            state.on_its_way = spans.total();
        }
        !state.is_closed
    }

    /// The agent has what was on its way. Says whether that counts: after the end it has been counted already.
    pub(crate) fn delivered(&self) -> bool {
        let mut state = lock(&self.state);
        state.on_its_way = 0;
        !state.is_closed
    }

    /// The worker holds again what was on its way: so many spans that the agent cannot have, and so many that it
    /// may have.
    pub(crate) fn returned(&self, spans: Spans) {
        let mut state = lock(&self.state);
        state.on_its_way = 0;
        if !state.is_closed {
            state.held.sure += spans.sure;
            state.held.doubtful += spans.doubtful;
        }
    }

    /// So many of the spans that the worker holds are lost; for [`LossReason::Unconfirmed`], of those that the
    /// agent may have.
    pub(crate) fn lose(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        let mut state = lock(&self.state);
        if state.is_closed || spans == 0 {
            return;
        }
        let from = match reason {
            LossReason::Unconfirmed => &mut state.held.doubtful,
            _ => &mut state.held.sure,
        };
        *from = from.saturating_sub(spans);
        self.diag.count_lost(reason, spans);
        drop(state);
        self.diag.say_lost(reason, detail);
    }

    /// All that the worker has is lost. What was on its way the agent may have all the same.
    pub(crate) fn lose_all(&self, reason: LossReason, detail: &str) {
        self.settle(reason, detail, None);
    }

    /// All that is not settled is lost, and nothing is taken, sent or counted from now on.
    pub(crate) fn close(&self, queue: &Queue, reason: LossReason, detail: &str) {
        self.settle(reason, detail, Some(queue));
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    fn settle(&self, reason: LossReason, detail: &str, closing: Option<&Queue>) {
        let mut state = lock(&self.state);
        let Spans { sure: mut lost, doubtful } = std::mem::take(&mut state.held);
        let unconfirmed = doubtful + std::mem::take(&mut state.on_its_way);
        let mut rest = Vec::new();
        if let Some(queue) = closing {
            state.is_closed = true;
            queue.close();
            rest = queue.take(rest);
            lost += spans(&rest);
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

    /// Whether all is settled; `false` as well where the thread, which may be in the midst of anything, holds the lock.
    pub(crate) fn is_settled(&self) -> bool {
        lock_soon(&self.state).is_some_and(|state| state.is_closed)
    }

    /// Whether such a thread holds none of the locks here and in the queue.
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
    use crate::pipeline::queue::Pushed;
    use crate::pipeline::testkit::chunk;

    fn push(inner: &Inner, spans: usize) {
        (0..spans).for_each(|_| inner.submit(chunk(1, 0)));
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
        assert!(ledger.begin(Spans::sure(4)));
        assert!(ledger.delivered());
        ledger.lose(LossReason::TooLarge, 1, String::new);
        assert!(ledger.begin(Spans::sure(7)));
        ledger.returned(Spans { sure: 5, doubtful: 2 });
        assert!(ledger.begin(Spans::sure(3)));
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
        assert!(ledger.begin(Spans::sure(4)));
        ledger.returned(Spans::doubtful(4));
        ledger.lose(LossReason::Unconfirmed, 1, String::new);
        ledger.lose(LossReason::AgentUnreachable, 2, String::new);
        assert_eq!(ledger.held(), Spans { sure: 4, doubtful: 3 });
        assert!(ledger.begin(Spans { sure: 1, doubtful: 3 }));
        assert!(ledger.delivered());
        assert_eq!(ledger.held(), Spans::sure(3));
    }

    #[test]
    fn nothing_is_taken_sent_or_counted_after_the_end() {
        let inner = Inner::with_room(usize::MAX);
        let ledger = &inner.ledger;
        hold(&inner, 10);
        assert!(ledger.begin(Spans::sure(4)));
        inner.abandon();
        let losses = inner.diag.losses();
        assert_eq!(losses.total(), 10);
        ledger.returned(Spans::sure(4));
        assert!(!ledger.begin(Spans::sure(4)));
        ledger.lose(LossReason::AgentUnreachable, 4, String::new);
        assert!(!ledger.delivered());
        assert_eq!(inner.queue.push(chunk(1, 0)), Pushed::Closed);
        assert!(ledger.take(&inner.queue, Vec::new()).is_empty());
        inner.end("twice");
        assert_eq!(inner.diag.losses(), losses);
    }

    #[test]
    fn a_worker_that_failed_leaves_nothing_uncounted_and_the_next_one_begins_anew() {
        let inner = Inner::with_room(usize::MAX);
        let ledger = &inner.ledger;
        hold(&inner, 10);
        assert!(ledger.begin(Spans::sure(4)));
        ledger.lose_all(LossReason::WorkerFailed, "panicked");
        assert_eq!(
            inner.diag.losses().to_string(),
            "10 spans lost: 6 worker_failed, 4 unconfirmed"
        );
        hold(&inner, 2);
        assert_eq!(ledger.held(), Spans::sure(2));
    }
}
