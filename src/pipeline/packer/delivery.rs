//! What happens after a request: the payloads are delivered, lost, or put back to be sent again.

use std::time::Duration;

use super::Packer;
use crate::diag::LossReason;
use crate::encode::{Format, Sealed};
use crate::pipeline::ledger::Spans;
use crate::pipeline::outbox::{Parcel, RetryReason};

/// The largest memory of a sent payload that is kept for the next one.
const MAX_KEPT_BYTES: usize = 1024 * 1024;
/// An answer that something was too large never divides traces into parts smaller than this.
const LEAST_DIVIDED_BYTES: usize = 64 * 1024;

impl Packer {
    /// The agent has accepted the request, after this time. Returns the number of spans that were delivered.
    pub(in crate::pipeline) fn delivered(&mut self, time: Duration) -> u64 {
        let Some(parcel) = self.settle() else { return 0 };
        self.request_size.succeeded(parcel.bytes(), time);
        let spans = parcel.spans().total();
        // The memory of the last payload is used again.
        let memory = parcel.into_payloads().filter_map(Sealed::into_memory);
        let memory = memory.filter(|memory| memory.capacity() <= MAX_KEPT_BYTES).last();
        self.memory = memory.unwrap_or_default();
        if self.inner.ledger.delivered() { spans } else { 0 }
    }

    /// The request failed, and is sent again as far as [`Outbox::put_back`](crate::pipeline::outbox::Outbox) allows.
    pub(in crate::pipeline) fn put_back(&mut self, why: RetryReason, detail: impl Fn() -> String) {
        self.request_size.failed(self.on_its_way().1);
        self.send_again(why, detail);
    }

    /// The agent may have the request, and did not answer in time. It is lost as unconfirmed, because sending it again
    /// could deliver it twice.
    pub(in crate::pipeline) fn unconfirmed(&mut self, detail: impl Fn() -> String) {
        let (spans, bytes) = self.on_its_way();
        self.request_size.failed(bytes);
        let unconfirmed = spans.total();
        self.inner.ledger.returned(Spans::unconfirmed(unconfirmed));
        self.settle();
        self.lose(LossReason::Unconfirmed, unconfirmed, detail);
    }

    /// The agent has rejected the request for good.
    pub(in crate::pipeline) fn rejected(&mut self, detail: impl Fn() -> String) {
        self.inner.ledger.returned(self.on_its_way().0);
        if let Some(parcel) = self.settle() {
            self.lose_parcel(LossReason::AgentRejected, &parcel, detail);
        }
    }

    /// The agent does not take the format of the request: it is sent again as v0.4, and so is what waits.
    pub(in crate::pipeline) fn not_taken(&mut self, detail: impl Fn() -> String) {
        self.change_format(Format::V04);
        let limits = self.limits(self.encoder.max_bytes());
        if !self.outbox.convert_on_its_way(limits) {
            return self.rejected(detail);
        }
        self.send_again(RetryReason::NotSent, detail);
    }

    /// The agent answered that the request is too large: it is sent again in smaller requests, if it has more than one
    /// chunk. A single chunk of v0.4 cannot be divided after it is encoded, because its first span carries the tags for
    /// all of them; it is lost. One of another format is, when it becomes v0.4. Chunks that are encoded from now on are divided where they are larger than half of this
    /// request. A single span that is larger is sent as before: the agent may take it.
    pub(in crate::pipeline) fn too_large(&mut self, detail: impl Fn(usize) -> String) {
        let (_, bytes) = self.on_its_way();
        self.encoder.divide_at((bytes / 2).max(LEAST_DIVIDED_BYTES));
        let is_divisible = self.on_its_way_format().is_divisible();
        // In the smallest parts, because they cannot be divided again.
        let limits = self.limits(LEAST_DIVIDED_BYTES);
        if !is_divisible && !self.outbox.convert_on_its_way(limits) {
            return self.rejected(|| detail(bytes));
        }
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

    fn on_its_way_format(&self) -> Format {
        self.outbox.on_its_way().map_or(Format::V04, Parcel::format)
    }

    /// The spans and the bytes of the request that is on its way.
    fn on_its_way(&self) -> (Spans, usize) {
        let parcel = self.outbox.on_its_way();
        parcel.map(|parcel| (parcel.spans(), parcel.bytes())).unwrap_or_default()
    }

    /// Removes the request that was on its way from the outbox.
    fn settle(&mut self) -> Option<Parcel> {
        let parcel = self.outbox.settle();
        self.account();
        parcel
    }

    /// Counts payloads as lost: those that the agent may have as unconfirmed, the others for the reason.
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
