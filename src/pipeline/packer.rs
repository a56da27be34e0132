//! Takes chunks from the queue, encodes them as payloads, and keeps those until the agent has them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::inner::Inner;
use super::outbox::Outbox;
use super::pool::Portion;
use super::queue::Queued;
use super::request_size::RequestSize;
use crate::diag::LossReason;
use crate::encode::{Added, Encoder, Payload};
use crate::trace::Chunk;

mod delivery;
#[cfg(test)]
mod tests;

/// A payload of this size is complete, because larger ones gain nothing. It is a little below a power of two, to which
/// the memory of the payload grows.
const ENOUGH_BYTES: usize = 960 * 1024;
/// The same where somebody waits until everything is sent: the agent can read a small payload while the next one is
/// encoded.
const ENOUGH_URGENT_BYTES: usize = 256 * 1024;
/// How many spans are encoded between two looks for the answer of the agent: about thirty microseconds of work.
const SPANS_AT_ONCE: usize = 64;
/// The capacity that the vector of the batch keeps after a burst.
const MAX_KEPT_CHUNKS: usize = 4096;
/// A limit that the agent announces is ignored below this.
const LEAST_REQUEST_BYTES: usize = 1024;

/// Takes chunks from the queue, encodes them, and keeps the payloads until the agent has them.
///
/// The bytes of everything here are claimed from the room of the queue.
pub(super) struct Packer {
    inner: Arc<Inner>,
    /// Taken from the queue, and not yet encoded.
    batch: VecDeque<Queued>,
    batch_bytes: usize,
    /// How many bytes of the room are claimed for what is here.
    accounted: usize,
    /// The vectors of encoded chunks, to be used again by new traces.
    emptied: Portion,
    pub(super) encoder: Encoder,
    /// The agent is being asked whether it takes span events in their own field. Chunks with events wait for the
    /// answer.
    holds_events: bool,
    payload: Payload,
    /// The memory of a payload that was sent, for the next one.
    memory: Vec<u8>,
    pub(super) outbox: Outbox,
    pub(super) request_size: RequestSize,
    /// Whether something was lost since the turn of the worker began.
    pub(super) has_lost: bool,
}

impl Packer {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let most = inner.settings.max_payload_bytes;
        Packer {
            batch: VecDeque::new(),
            batch_bytes: 0,
            accounted: 0,
            emptied: Portion::default(),
            holds_events: false,
            encoder: Encoder::new(inner.process.clone(), Arc::clone(&inner.span_sampler), most),
            payload: Payload::default(),
            memory: Vec::new(),
            outbox: Outbox::default(),
            request_size: RequestSize::new(most, inner.settings.timeout),
            has_lost: false,
            inner,
        }
    }

    /// Takes everything from the queue, unless something that was taken before is not encoded yet.
    pub(super) fn take(&mut self) {
        if self.batch.is_empty() {
            let mut places = Vec::from(std::mem::take(&mut self.batch));
            places.shrink_to(MAX_KEPT_CHUNKS);
            self.batch = self.inner.ledger.take(&self.inner.queue, places).into();
            self.batch_bytes = self.batch.iter().map(|queued| queued.bytes).sum();
            self.accounted += self.batch_bytes;
        }
    }

    /// Whether nothing here waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.payload.is_empty() && self.outbox.is_empty()
    }

    /// Whether to encode more while the agent has not taken what is encoded. Payloads need room as well; if they filled
    /// it, the oldest would be dropped although the agent is only slow.
    fn may_write_ahead(&self) -> bool {
        self.outbox.bytes() <= self.inner.queue.room.max_bytes() / 4
    }

    /// Whether to take more from the queue while the agent is busy with a request.
    pub(super) fn may_take(&self) -> bool {
        self.batch.is_empty() && self.may_write_ahead()
    }

    /// From now on, until [`Packer::release_events`], chunks with events are not encoded.
    pub(super) fn hold_events(&mut self) {
        self.holds_events = true;
    }

    /// It is known whether the agent takes span events in their own field.
    pub(super) fn release_events(&mut self, native: bool) {
        self.holds_events = false;
        self.encoder.common.native_events = native;
    }

    /// Bounds requests by what the agent has announced, if it has, and by the setting.
    pub(super) fn bound_requests(&mut self, said: Option<u64>) {
        let said = said.and_then(|bytes| usize::try_from(bytes).ok());
        let said = said.filter(|bytes| *bytes >= LEAST_REQUEST_BYTES);
        let set = self.inner.settings.max_payload_bytes;
        let most = said.map_or(set, |bytes| bytes.min(set));
        self.encoder.bound(most);
        self.request_size.bound(most);
    }

    /// Encodes some chunks while a request is on its way. Returns whether there is more to encode now.
    pub(super) fn write_ahead(&mut self) -> bool {
        self.may_write_ahead() && self.write_some() && self.may_write_ahead()
    }

    /// Encodes some chunks. Returns whether there is more to encode.
    fn write_some(&mut self) -> bool {
        let mut written = 0;
        while written < SPANS_AT_ONCE && self.has_writable() {
            let Some(Queued { chunk, bytes }) = self.batch.pop_front() else { break };
            written += chunk.len();
            self.batch_bytes -= bytes;
            self.write(chunk);
        }
        if self.payload.len() >= ENOUGH_BYTES {
            self.seal();
        }
        self.account();
        self.has_writable()
    }

    /// Whether there is a next chunk that does not have to wait because of its events.
    fn has_writable(&self) -> bool {
        let next = self.batch.front();
        next.is_some_and(|next| !(self.holds_events && next.chunk.has_events()))
    }

    /// Encodes until the outbox has a payload, or nothing is left to encode.
    pub(super) fn write_next(&mut self, is_urgent: bool) {
        let enough = if is_urgent { ENOUGH_URGENT_BYTES } else { ENOUGH_BYTES };
        while self.outbox.is_empty() {
            if self.payload.len() >= enough || !self.write_some() {
                return self.seal();
            }
        }
    }

    /// Encodes everything that was taken, because the agent cannot be reached: payloads need less memory than chunks,
    /// and the vectors of the chunks can be used again. What does not fit into the room is lost, the oldest first.
    pub(super) fn write_all(&mut self) {
        while self.write_some() {
            self.make_room();
        }
        // It may wait for a long time.
        self.payload.shrink();
        self.seal();
        self.account();
        self.make_room();
    }

    /// Drops the oldest payloads until they fit into three quarters of the room, so that some is left for new traces.
    fn make_room(&mut self) {
        let most = self.inner.queue.room.max_bytes();
        while self.outbox.bytes() > most - most / 4 || self.inner.queue.room.used() > most {
            let Some(evicted) = self.outbox.evict() else { return };
            self.account();
            self.lose_parcel(LossReason::AgentUnreachable, &evicted, || {
                format!("what waits for the agent fills its part of {most} bytes; the oldest goes")
            });
        }
    }

    /// Encodes a chunk, in parts where it does not fit into one payload. Only a span that is too large by itself is
    /// lost.
    fn write(&mut self, mut chunk: Chunk) {
        chunk.settle();
        let mut from = 0;
        while from < chunk.len() {
            match self.encoder.add(&mut self.payload, &chunk, from) {
                Added::UpTo(next) => from = next,
                Added::Full => self.seal(),
                Added::TooLarge(what) => {
                    from += 1;
                    let most = self.encoder.max_bytes();
                    self.lose(LossReason::TooLarge, 1, || {
                        format!(
                            "{what}, and a request has {most} at the most; set less or shorter tags on it"
                        )
                    });
                }
            }
        }
        self.emptied.add(chunk.into_buffers());
        if self.emptied.is_full() || self.batch.is_empty() {
            self.inner.pool.give_back(&mut self.emptied);
        }
    }

    /// Encodes versions of spans that are still open.
    pub(super) fn write_versions(&mut self, chunk: Chunk) {
        if self.inner.ledger.add_versions(chunk.len() as u64) {
            self.write(chunk);
            self.account();
        }
    }

    fn seal(&mut self) {
        if self.payload.is_empty() {
            return;
        }
        let memory = std::mem::take(&mut self.memory);
        let payload = std::mem::replace(&mut self.payload, Payload::reusing(memory));
        self.outbox.push(payload.seal());
    }

    /// Updates what is claimed from the room.
    fn account(&mut self) {
        let here = self.payload.len() + self.outbox.bytes() + self.batch_bytes;
        self.inner.queue.room.exchange(self.accounted, here);
        self.accounted = here;
    }

    fn lose(&mut self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        self.has_lost |= spans > 0;
        self.inner.ledger.lose(reason, spans, detail);
    }

    /// Counts what is left, here and in the queue, as lost.
    pub(super) fn give_up(&mut self, detail: &str) {
        let Inner { ledger, queue, .. } = &*self.inner;
        ledger.close(queue, LossReason::AgentUnreachable, detail);
    }
}

/// Where the worker panics, what is not settled is lost, and its room is free again.
impl Drop for Packer {
    fn drop(&mut self) {
        let Inner { ledger, queue, .. } = &*self.inner;
        ledger.lose_all(LossReason::WorkerFailed, "the background worker failed while it had them");
        queue.room.release(self.accounted);
    }
}
