//! Takes chunks from the queue, encodes them as payloads, and keeps those until the agent has them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::destination::Destination;
use super::dropped::Dropped;
use super::inner::Inner;
use super::outbox::{Outbox, Terms};
use super::pool::Portion;
use super::queue::Queued;
use super::request_size::RequestSize;
use super::resources::Resources;
use super::statistics::Statistics;
use crate::agent::AgentInfo;
use crate::diag::LossReason;
use crate::encode::{Added, Encoder, Format, Limits, Memory, Payload};
use crate::trace::Chunk;

mod delivery;
mod selection;
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
    /// The agent is being asked for the first time what it takes. Chunks wait for the answer.
    is_held: bool,
    /// A structured tag was set: v0.5 has no place for it, so it is not used any more.
    has_structs: bool,
    /// The format of the next payload.
    format: Format,
    payload: Payload,
    pub(super) statistics: Statistics,
    /// What sampling dropped.
    pub(super) dropped: Dropped,
    /// The memory of a payload that was sent, for the next one.
    memory: Memory,
    pub(super) outbox: Outbox,
    pub(super) request_size: RequestSize,
    resources: Resources,
    /// Whether something was lost since the turn of the worker began.
    pub(super) has_lost: bool,
}

impl Packer {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let most = inner.destination.max_payload_bytes(inner.settings.max_payload_bytes);
        let format = inner.destination.format();
        let mut encoder =
            Encoder::new(inner.process.clone(), Arc::clone(&inner.span_sampler), most);
        if let Destination::Otlp(settings) = &inner.destination {
            encoder.follow_otlp(settings);
        }
        Packer {
            batch: VecDeque::new(),
            batch_bytes: 0,
            accounted: 0,
            emptied: Portion::default(),
            is_held: false,
            has_structs: false,
            encoder,
            format,
            payload: Payload::new(format, Memory::default()),
            statistics: Statistics::new(Arc::clone(&inner)),
            dropped: Dropped::default(),
            memory: Memory::default(),
            outbox: Outbox::default(),
            resources: Resources::default(),
            request_size: RequestSize::new(most, inner.settings.timeout),
            has_lost: false,
            inner,
        }
    }

    /// Takes everything from the queue, also where something that was taken before is not encoded yet: whoever flushes
    /// waits for all of it.
    pub(super) fn take(&mut self) {
        let mut places = Vec::new();
        if self.batch.is_empty() {
            places = Vec::from(std::mem::take(&mut self.batch));
            places.shrink_to(MAX_KEPT_CHUNKS);
        }
        let taken = self.inner.ledger.take(&self.inner.queue, places);
        let bytes = taken.iter().map(|queued| queued.bytes).sum::<usize>();
        if self.batch.is_empty() {
            self.batch = taken.into();
        } else {
            self.batch.extend(taken);
        }
        self.batch_bytes += bytes;
        self.accounted += bytes;
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

    /// From now on, until [`Packer::release`], nothing is encoded as long as there is room.
    pub(super) fn hold(&mut self) {
        self.is_held = true;
    }

    /// It is known what the agent takes: the format of the next payloads, and whether it has a field for span events.
    pub(super) fn release(&mut self, format: Format, native_events: bool) {
        self.is_held = false;
        self.encoder.common.native_events = native_events;
        self.change_format(format);
    }

    /// The format of the next payloads.
    pub(super) fn change_format(&mut self, format: Format) {
        let has_place = format != Format::V05 || !self.has_structs;
        let format = if has_place { format } else { Format::V04 };
        if format != self.format {
            self.format = format;
            self.seal();
            // Where there was nothing to seal.
            self.payload = Payload::new(format, Memory::default());
        }
    }

    /// What the next request may be.
    pub(super) fn terms(&self) -> Terms {
        let (max_bytes, format) = (self.request_size.bytes(), self.format);
        Terms { max_bytes, format, limits: self.limits(self.encoder.max_bytes()) }
    }

    /// For what is converted to v0.4.
    fn limits(&self, chunk_bytes: usize) -> Limits {
        Limits { native_events: self.encoder.common.native_events, chunk_bytes }
    }

    /// The agent has said this about itself.
    pub(super) fn follow(&mut self, info: Option<&AgentInfo>) {
        if self.statistics.would_switch(info) {
            // Of each payload, all spans are counted, or none.
            self.seal();
        }
        self.statistics.follow(info);
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
        if self.payload.len() >= self.enough(ENOUGH_BYTES) {
            self.seal();
        }
        self.account();
        self.has_writable()
    }

    /// The size at which a payload is complete. One that cannot be divided must fit into a request, with what is encoded
    /// before the size is looked at again.
    fn enough(&self, bytes: usize) -> usize {
        let of_request = self.request_size.bytes() / 4 * 3;
        if self.format.is_divisible() { bytes } else { bytes.min(of_request) }
    }

    /// Whether there is a chunk that does not have to wait. None waits where that would cost others their room.
    fn has_writable(&self) -> bool {
        let room = &self.inner.queue.room;
        let has_to_wait = self.is_held && room.used() <= room.max_bytes() / 2;
        !self.batch.is_empty() && !has_to_wait
    }

    /// Encodes until the outbox has a payload, or nothing is left to encode.
    pub(super) fn write_next(&mut self, is_urgent: bool) {
        let enough = self.enough(if is_urgent { ENOUGH_URGENT_BYTES } else { ENOUGH_BYTES });
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

    /// Encodes a chunk, unless a trace filter drops it; in parts where it does not fit into one payload. Only a span
    /// that is too large by itself is lost.
    fn write(&mut self, mut chunk: Chunk) {
        chunk.settle();
        self.resources.note(&chunk, &self.inner.diag);
        if self.inner.diag.is_debug() {
            for span in chunk.spans() {
                self.inner.diag.debug(|| format!("finished {}", span.to_json()));
            }
        }
        self.select(&mut chunk);
        if self.format == Format::V05 && chunk.has_structs() {
            self.leave_v05();
        }
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
        self.recycle(chunk);
    }

    fn recycle(&mut self, chunk: Chunk) {
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

    #[cold]
    fn leave_v05(&mut self) {
        self.has_structs = true;
        self.change_format(Format::V04);
        self.inner.diag.warn_once("structs-by-v0.5", || {
            "a span has a structured tag, and v0.5 has no place for it: traces are sent as v0.4 from now on; v1.0 is \
             as small, and has a place (DD_TRACE_API_VERSION)"
                .into()
        });
    }

    fn seal(&mut self) {
        if self.payload.is_empty() {
            return;
        }
        let memory = std::mem::take(&mut self.memory);
        let next = Payload::new(self.format, memory);
        let payload = std::mem::replace(&mut self.payload, next);
        self.outbox.push(payload.seal(), self.statistics.is_on());
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
        self.statistics.give_up(detail);
    }
}

/// Where the worker panics, what is not settled is lost, and its room is free again.
impl Drop for Packer {
    fn drop(&mut self) {
        let Inner { ledger, queue, .. } = &*self.inner;
        let why = "the background worker failed while it had them";
        ledger.lose_all(LossReason::WorkerFailed, why);
        self.statistics.give_up(why);
        queue.room.release(self.accounted);
    }
}
