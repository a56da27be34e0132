//! The spans of a segment: slots, their reuse, and what a partial flush moves.

use std::sync::Arc;

use super::layout::{Body, OPEN, OpenAncestor, Record, Shared};
use super::start::{Draft, Placement};
use crate::clock::Ticks;
use crate::id::SpanId;
use crate::trace::tags::{DeferredTags, Tags, is_never_deferred};
use crate::trace::values::{Baggage, SpanContext};

impl Body {
    /// Empties it for another trace.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.tags.clear();
        (self.open, self.finished, self.counted, self.has_ended) = (0, 0, 0, false);
    }

    /// The tracer has ended.
    #[cold]
    pub(crate) fn end(&mut self) {
        self.has_ended = true;
        self.tags.make_flush_due();
    }

    /// Counts what has finished of a tracer that has ended; says how many spans that is.
    #[cold]
    pub(super) fn count_finished(&mut self) -> u64 {
        let more = self.finished.saturating_sub(self.counted);
        self.counted = self.finished;
        more.into()
    }

    /// Converts deferred tags; see [`Tags::settle`].
    #[inline]
    pub(super) fn settle_tags(&mut self) {
        self.tags.settle(&mut self.spans);
    }

    /// As [`Body::settle_tags`], before a tag with this key is read or set: nothing where no tag that waits can have it.
    #[inline]
    pub(super) fn settle_for(&mut self, key: &[u8]) {
        if self.tags.has_deferred() && !is_never_deferred(key) {
            self.settle_tags();
        }
    }

    /// Defers the conversion of tags, where others may have to be converted first or the list has to grow.
    #[cold]
    pub(crate) fn defer<T: DeferredTags>(&mut self, slot: u32, tags: T, heap_bytes: usize) -> bool {
        self.tags.defer(&mut self.spans, slot, tags, heap_bytes)
    }

    /// A span that is open, to be changed. Its tags may not be complete: see [`Body::settle_tags`].
    #[inline(always)]
    pub(crate) fn open(&mut self, root: SpanId, id: SpanId) -> Option<(&mut Record, &mut Tags)> {
        let record = self.spans.find_mut(root, id)?;
        record.is_open().then_some((record, &mut self.tags))
    }

    #[inline]
    pub(crate) fn is_open(&self, root: SpanId, id: SpanId) -> bool {
        self.record(root, id).is_some_and(Record::is_open)
    }

    /// The slot of a span that is open.
    #[inline]
    pub(crate) fn open_slot(&self, root: SpanId, id: SpanId) -> Option<u32> {
        let (slot, record) = self.spans.find(root, id)?;
        record.is_open().then_some(slot)
    }

    /// The record of a span, open or not, if it is here.
    #[inline]
    pub(super) fn record(&self, root: SpanId, id: SpanId) -> Option<&Record> {
        self.spans.find(root, id).map(|(_, record)| record)
    }

    /// Puts a new span into a slot, and makes its id of a random one and the slot; `None` when the trace is full.
    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        draft: &mut impl Draft,
        placement: Placement,
        root: SpanId,
        random: SpanId,
    ) -> Option<SpanId> {
        if self.tags.is_exceeded() {
            return None;
        }
        let (slot, record) = self.spans.add()?;
        let id = random.in_slot(root, slot);
        let service_source = draft.service_source().unwrap_or(placement.service_source);
        draft.move_into(record, &mut self.tags);
        record.id = Some(id);
        record.parent = placement.parent;
        record.start = placement.start;
        record.duration = OPEN;
        record.local_root = placement.local_root;
        record.service_source = service_source;
        self.open = self.open.saturating_add(1);
        Some(id)
    }

    /// Gives a new span the service of its parent, if it has none of its own, and the given baggage or else the
    /// parent's.
    #[inline(never)]
    pub(crate) fn inherit(&mut self, root: SpanId, id: SpanId, baggage: Option<Arc<Baggage>>) {
        let parent = self.record(root, id).and_then(|record| self.record(root, record.parent?));
        let baggage = baggage.or_else(|| parent?.baggage.clone());
        let service = parent.and_then(|parent| {
            let service = parent.service.clone()?;
            Some((service, parent.service_source))
        });
        let Some(record) = self.spans.find_mut(root, id) else { return };
        record.baggage = baggage;
        if let Some((service, source)) = service {
            // No service and the source of a parent that has one: left to the parent. One that named the
            // tracer's own has no service either, but another source.
            if record.service.is_none() && record.service_source == source {
                self.tags.hold(service.heap_bytes());
                record.service = Some(service);
            }
        }
    }

    /// Adds links that came from upstream to the first span.
    #[cold]
    pub(super) fn link_first(&mut self, upstream: &SpanContext) {
        let Some(record) = self.spans.get_mut(0) else { return };
        for link in &upstream.links {
            record.add_link(link.clone(), &mut self.tags);
        }
    }

    /// Ends a span that is open, and tells its duration in nanoseconds; `None` where it was not open.
    #[inline(always)]
    pub(super) fn close(&mut self, root: SpanId, id: SpanId, end: Ticks) -> Option<u64> {
        let (slot, record) = self.spans.find(root, id).filter(|(_, record)| record.is_open())?;
        // Only now: until here the service may have changed, its own and the parent's.
        let parent = || self.record(root, record.parent?);
        let top_level =
            record.local_root || parent().is_some_and(|parent| parent.service != record.service);
        if record.is_counted {
            self.counted = self.counted.saturating_add(1);
        }
        let record = self.spans.get_mut(slot)?;
        let duration = record.duration_until(end);
        record.duration = duration;
        record.top_level = top_level;
        self.open = self.open.saturating_sub(1);
        self.finished = self.finished.saturating_add(1);
        Some(duration.unsigned_abs())
    }

    /// The parent of a span, if both are here.
    pub(super) fn parent_of(&self, root: SpanId, id: SpanId) -> Option<SpanId> {
        self.record(root, self.record(root, id)?.parent?)?.id
    }

    /// The span itself if it is open, else its nearest ancestor here that is.
    pub(super) fn nearest_open(&mut self, root: SpanId, id: SpanId) -> Option<&Record> {
        let (slot, record) = self.spans.find(root, id)?;
        let slot = if record.is_open() { slot } else { self.open_above(root, slot)? };
        self.spans.get(slot)
    }

    /// The slot of the nearest open ancestor of a finished span. Every finished span on the way remembers it.
    #[cold]
    fn open_above(&mut self, root: SpanId, slot: u32) -> Option<u32> {
        let mut at = self.next_above(root, slot);
        while let Some(slot) = at.filter(|slot| !self.spans.get(*slot).is_some_and(Record::is_open))
        {
            at = self.next_above(root, slot);
        }
        let found = at.map_or(OpenAncestor::NOTHING, |slot| OpenAncestor(slot.saturating_add(2)));
        let mut on_the_way = Some(slot);
        while let Some(slot) = on_the_way.filter(|slot| Some(*slot) != at) {
            on_the_way = self.next_above(root, slot);
            if let Some(record) = self.spans.get_mut(slot) {
                record.open_ancestor = found;
            }
        }
        at
    }

    /// The next slot on the way up: the remembered ancestor, or else the parent.
    fn next_above(&self, root: SpanId, slot: u32) -> Option<u32> {
        let record = self.spans.get(slot)?;
        if record.open_ancestor == OpenAncestor::NOTHING {
            return None;
        }
        let parent = || Some(self.spans.find(root, record.parent?)?.0);
        record.open_ancestor.slot().or_else(parent)
    }

    /// Whether as many spans have finished as the setting says, and as many as are open. A split moves the open spans:
    /// so its cost for each span that is sent is the same however many are open.
    #[inline]
    pub(super) fn partial_flush_due(&self, shared: &Shared) -> bool {
        shared.partial_flush().is_some_and(|least| self.finished >= least.max(self.open))
    }

    /// As [`Body::partial_flush_due`], or the trace holds much memory; never where partial flush is off.
    pub(crate) fn is_flush_due(&self, shared: &Shared) -> bool {
        let is_much = self.tags.is_flush_due() && self.finished > 0;
        self.partial_flush_due(shared) || (is_much && shared.partial_flush().is_some())
    }

    /// Moves the open spans of `old` here, where nothing is.
    ///
    /// The other way round, moving the finished ones out, costs more: there are more of them.
    pub(super) fn take_open(&mut self, old: &mut Body, root: SpanId) {
        old.tags.settle_open(&mut old.spans);
        let Body { spans, tags, .. } = self;
        spans.take_open(&mut old.spans, root, |record| {
            let beside = record.heap_bytes();
            old.tags.let_go(beside);
            tags.hold(beside);
            record.tags = tags.adopt(&mut old.tags, record.tags);
        });
        self.open = std::mem::take(&mut old.open);
        self.tags.flushed();
        if old.has_ended {
            self.end();
        }
    }
}
