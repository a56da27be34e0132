//! What becomes of a request: each answer of the agent settles the payloads, or puts them back.

use std::time::Duration;

use super::Packer;
use crate::diag::LossReason;
use crate::encode::Sealed;
use crate::pipeline::ledger::Spans;
use crate::pipeline::outbox::{Parcel, RetryReason};

/// Memory of a sent payload that is kept for the next one.
const MAX_KEPT_BYTES: usize = 1024 * 1024;
/// No trace is divided into parts smaller than this because the agent found something too large.
const LEAST_DIVIDED_BYTES: usize = 64 * 1024;

impl Packer {
    /// The agent has what was on its way, and has taken so long. Says how many spans that were.
    pub(in crate::pipeline) fn delivered(&mut self, time: Duration) -> u64 {
        let Some(parcel) = self.settle() else { return 0 };
        self.request_size.succeeded(parcel.bytes(), time);
        let spans = parcel.spans().total();
        // The memory of the last one serves again.
        let memory = parcel.into_payloads().filter_map(Sealed::into_memory);
        let memory = memory.filter(|memory| memory.capacity() <= MAX_KEPT_BYTES).last();
        self.memory = memory.unwrap_or_default();
        if self.inner.ledger.delivered() { spans } else { 0 }
    }

    /// The agent does not have what was on its way, or may not have it: it is sent again, as far as it may be.
    pub(in crate::pipeline) fn put_back(&mut self, why: RetryReason, detail: impl Fn() -> String) {
        self.request_size.failed(self.on_its_way().1);
        self.send_again(why, detail);
    }

    /// The agent may have what was on its way, and did not say so in time.
    pub(in crate::pipeline) fn unconfirmed(&mut self, detail: impl Fn() -> String) {
        let (spans, bytes) = self.on_its_way();
        self.request_size.failed(bytes);
        let unconfirmed = spans.total();
        self.inner.ledger.returned(Spans::unconfirmed(unconfirmed));
        self.settle();
        self.lose(LossReason::Unconfirmed, unconfirmed, detail);
    }

    /// The agent does not want what was on its way.
    pub(in crate::pipeline) fn rejected(&mut self, detail: impl Fn() -> String) {
        self.inner.ledger.returned(self.on_its_way().0);
        if let Some(parcel) = self.settle() {
            self.lose_parcel(LossReason::AgentRejected, &parcel, detail);
        }
    }

    /// The agent says that it was too large: it is sent in smaller requests, if it can be. One chunk cannot: its bytes
    /// are written, and what the first span says for all of them would be missing in the others. But traces that are
    /// written from now on are divided, if need be.
    pub(in crate::pipeline) fn too_large(&mut self, detail: impl Fn(usize) -> String) {
        let (_, bytes) = self.on_its_way();
        let max_bytes = &mut self.encoder.max_bytes;
        *max_bytes = (bytes / 2).max(LEAST_DIVIDED_BYTES).min(*max_bytes);
        if self.outbox.on_its_way().is_none_or(|parcel| parcel.chunk_count() <= 1) {
            return self.rejected(|| detail(bytes));
        }
        self.request_size.refused_as_too_large(bytes);
        self.send_again(RetryReason::NotSent, || detail(bytes));
    }

    fn send_again(&mut self, why: RetryReason, detail: impl Fn() -> String) {
        let (spans, _) = self.on_its_way();
        let (spans, reason) = match why {
            RetryReason::NotSent | RetryReason::Refused => (spans, LossReason::AgentUnreachable),
            RetryReason::Unanswered => (Spans::unconfirmed(spans.total()), LossReason::Unconfirmed),
        };
        self.inner.ledger.returned(spans);
        let over = self.outbox.put_back(why);
        self.account();
        self.lose_parcel(reason, &over, detail);
    }

    /// The spans of the request that is with the agent, and its size.
    fn on_its_way(&self) -> (Spans, usize) {
        let parcel = self.outbox.on_its_way();
        parcel.map(|parcel| (parcel.spans(), parcel.bytes())).unwrap_or_default()
    }

    /// Takes out what was on its way.
    fn settle(&mut self) -> Option<Parcel> {
        let parcel = self.outbox.settle();
        self.account();
        parcel
    }

    /// Of what is lost, the agent may have what was sent whole before.
    pub(super) fn lose_parcel(
        &mut self,
        reason: LossReason,
        parcel: &Parcel,
        detail: impl Fn() -> String,
    ) {
        let Spans { undelivered, unconfirmed } = parcel.spans();
        self.lose(reason, undelivered, &detail);
        self.lose(LossReason::Unconfirmed, unconfirmed, &detail);
    }
}
