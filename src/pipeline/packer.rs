//! Chunks into payloads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::inner::Inner;
use super::outbox::{Outbox, Parcel};
use super::queue::Portion;
use crate::diag::LossReason;
use crate::encode::{Common, Encoder, NotAdded, Payload, Sealed};
use crate::trace::Chunk;

/// A payload of this size is complete: one larger gains nothing any more, and is all to send again when it
/// fails. A little below the power of two that its memory grows to.
const ENOUGH_BYTES: usize = 960 * 1024;
/// The same where somebody waits until all is sent: the agent reads it while the next one is written.
const ENOUGH_IN_HASTE_BYTES: usize = 256 * 1024;
/// Spans that are written before somebody looks whether the agent has answered: some thirty microseconds.
const SPANS_AT_ONCE: usize = 64;
/// Places for chunks that are kept after a burst.
const MAX_KEPT_CHUNKS: usize = 4096;
/// Memory of a sent payload that is kept for the next one.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Takes chunks from the queue, writes them, and puts the payloads into the outbox.
pub(super) struct Packer {
    inner: Arc<Inner>,
    /// Taken from the queue, and not yet written.
    batch: VecDeque<Chunk>,
    /// Spans of the chunk that is being written.
    in_hand: u64,
    /// The vectors of chunks that have been written.
    blanks: Portion,
    encoder: Encoder,
    /// It is being asked whether the agent takes events: chunks with some have to wait for the answer.
    holds_events: bool,
    payload: Payload,
    /// Of a payload that was sent, for the next one.
    memory: Vec<u8>,
    pub(super) keep_rate: f64,
    pub(super) outbox: Outbox,
    /// Something has been lost.
    pub(super) has_lost: bool,
}

impl Packer {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let settings = &inner.settings;
        Packer {
            batch: VecDeque::new(),
            in_hand: 0,
            blanks: Portion::default(),
            holds_events: false,
            encoder: Encoder::new(inner.process.clone(), settings.max_payload_bytes),
            payload: Payload::default(),
            memory: Vec::new(),
            keep_rate: 1.0,
            outbox: Outbox::new(settings.queue_bytes, settings.max_payload_bytes),
            has_lost: false,
            inner,
        }
    }

    /// Takes what waits in the queue, when all that was taken before has been written.
    pub(super) fn take(&mut self) {
        if self.batch.is_empty() {
            let mut places = Vec::from(std::mem::take(&mut self.batch));
            places.shrink_to(MAX_KEPT_CHUNKS);
            self.batch = self.inner.queue.take(places).into();
        }
    }

    /// Whether nothing is here that waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.payload.is_empty() && self.outbox.is_empty()
    }

    /// From now on, until [`Packer::release_events`], chunks with events are not written.
    pub(super) fn hold_events(&mut self) {
        self.holds_events = true;
    }

    /// It is known whether the agent takes events as they are.
    pub(super) fn release_events(&mut self, native: bool) {
        self.holds_events = false;
        self.encoder.native_events = native;
    }

    /// Writes some chunks, and says whether there are more.
    pub(super) fn write_some(&mut self) -> bool {
        let mut written = 0usize;
        while written < SPANS_AT_ONCE {
            if self.holds_events && self.batch.front().is_some_and(Chunk::has_events) {
                return false;
            }
            let Some(chunk) = self.batch.pop_front() else { break };
            written = written.saturating_add(chunk.len());
            self.write(chunk);
        }
        if self.payload.len() >= ENOUGH_BYTES {
            self.seal();
        }
        !self.batch.is_empty()
    }

    /// Sees to it that the outbox has a payload, if there is anything left for one.
    pub(super) fn write_next(&mut self, in_haste: bool) {
        let enough = if in_haste { ENOUGH_IN_HASTE_BYTES } else { ENOUGH_BYTES };
        while self.outbox.is_empty() {
            if self.payload.len() >= enough || !self.write_some() {
                return self.seal();
            }
        }
    }

    /// Writes all that has been taken.
    pub(super) fn write_all(&mut self) {
        while self.write_some() {}
        self.seal();
    }

    fn write(&mut self, mut chunk: Chunk) {
        let spans = chunk.len() as u64;
        self.in_hand = spans;
        chunk.settle();
        let mut added = self.add(&chunk);
        if added == Err(NotAdded::Full) {
            self.seal();
            added = self.add(&chunk);
        }
        if added.is_err() {
            self.lose(LossReason::TooLarge, spans, || "a chunk exceeds the largest payload".into());
        }
        self.in_hand = 0;
        self.blanks.add(chunk.into_buffers());
        if self.blanks.is_full() || self.batch.is_empty() {
            self.inner.queue.give_back(&mut self.blanks);
        }
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), NotAdded> {
        let span_sampler = &self.inner.span_sampler;
        let common = Common { keep_rate: self.keep_rate, span_sampler };
        self.encoder.add(&mut self.payload, chunk, &common)
    }

    fn seal(&mut self) {
        if self.payload.is_empty() {
            return;
        }
        let memory = std::mem::take(&mut self.memory);
        let payload = std::mem::replace(&mut self.payload, Payload::reusing(memory));
        for evicted in self.outbox.push(payload.seal()) {
            self.lose(LossReason::AgentUnreachable, evicted.span_count(), || {
                "the buffer for what the agent did not take is full".into()
            });
        }
    }

    /// Keeps memory of payloads that were sent for the next one.
    pub(super) fn recycle(&mut self, parcel: Parcel) {
        let memory = parcel.payloads.into_iter().filter_map(Sealed::into_memory);
        self.memory =
            memory.filter(|memory| memory.capacity() <= MAX_KEPT_BYTES).last().unwrap_or_default();
    }

    pub(super) fn lose(&mut self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        self.has_lost = true;
        self.inner.lose(reason, spans, detail);
    }

    /// What is left here is lost.
    pub(super) fn give_up(&mut self, reason: LossReason) {
        let mut left = std::mem::take(&mut self.in_hand);
        left = left.saturating_add(std::mem::take(&mut self.payload).span_count());
        for chunk in self.batch.drain(..) {
            left = left.saturating_add(chunk.len() as u64);
        }
        for parcel in self.outbox.drain() {
            left = left.saturating_add(parcel.span_count());
        }
        if left > 0 {
            self.lose(reason, left, || "the pipeline ended before they were sent".into());
        }
    }
}

/// What is not settled when the worker fails is lost.
impl Drop for Packer {
    fn drop(&mut self) {
        self.give_up(LossReason::WorkerFailed);
    }
}
