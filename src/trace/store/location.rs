//! Where a span is, and what is done there.

use std::sync::Arc;
use std::time::SystemTime;

use tracehound_machine::Counted;

use super::layout::{Buffers, Record, Segment, SpanView};
use super::pool::{empty_buffers, give_back};
use crate::clock;
use crate::id::SpanId;
use crate::primitives::ShortGuard;
use crate::trace::tags::{NewValue, TagKey, TagTarget, Tags};
use crate::trace::values::{Baggage, SamplingDecision, SpanContext};

/// Where a span is: the id tells the slot that it was put into, and is its generation. A handle of a span that is not
/// there finds another id, and looks where the span has moved to; see [`Slots`](super::slots::Slots).
///
/// Two words, which go from function to function in registers.
#[derive(Clone)]
pub(crate) struct Location {
    pub(crate) segment: Counted<Segment>,
    pub(crate) id: SpanId,
}

const _: () = assert!(size_of::<Option<Location>>() <= 16, "two words");

impl Location {
    /// The slot that the span was put into first.
    #[cfg(test)]
    pub(crate) fn slot(&self) -> u32 {
        self.id.slot(self.segment.root)
    }

    /// Looks at the span, open or finished, as long as it was not handed off.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        let mut guard = self.segment.body()?;
        let body = guard.as_mut()?;
        body.settle_tags();
        let record = body.record(self.segment.root, self.id)?;
        Some(look(&SpanView { segment: &self.segment, record, tags: &body.tags }))
    }

    /// How long it took, in nanoseconds: as long as it is here, and of the span whose end has sent the trace.
    pub(crate) fn duration_ns(&self) -> Option<u64> {
        let guard = self.segment.body()?;
        match guard.as_ref().and_then(|body| body.record(self.segment.root, self.id)) {
            Some(record) => u64::try_from(record.duration).ok(),
            None => self.segment.last_sent.duration_of(self.id),
        }
    }

    /// Changes the span if it is still open, and says whether it was.
    #[inline]
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Record, &mut Tags)) -> bool {
        let Some(mut guard) = self.segment.body() else { return false };
        if let Some((record, tags)) =
            guard.as_mut().and_then(|body| body.open(self.segment.root, self.id))
        {
            change(record, tags);
            if tags.take_refused() {
                self.say_full(guard);
            }
            return true;
        }
        self.too_late(guard);
        false
    }

    /// What of the span crosses the border of a process.
    pub(crate) fn context(
        &self,
        decision: Option<SamplingDecision>,
        baggage: Option<Arc<Baggage>>,
    ) -> SpanContext {
        let upstream = match self.segment.upstream.as_deref() {
            Some(upstream) => SpanContext { links: Vec::new(), error: None, ..upstream.clone() },
            None => SpanContext::default(),
        };
        SpanContext {
            trace_id: Some(self.segment.trace_id),
            span_id: Some(self.id),
            remote: false,
            priority: decision.map(|decision| decision.priority),
            mechanism: decision.and_then(|decision| decision.mechanism),
            last_parent: None,
            baggage,
            ..upstream
        }
    }

    /// Sets one tag, if the span is still open.
    ///
    /// [`Location::edit`] could do it, but moves what its closure holds once more for each step on the way.
    fn set_tag(&self, key: impl TagKey, value: impl NewValue) {
        let Some(mut guard) = self.segment.body() else { return };
        match guard.as_mut().and_then(|body| body.open(self.segment.root, self.id)) {
            Some((record, tags)) => {
                if !tags.put(&mut record.tags, key, value) {
                    self.say_full(guard);
                }
            }
            None => self.too_late(guard),
        }
    }

    #[cold]
    pub(crate) fn too_late(&self, guard: ShortGuard<'_, Option<Buffers>>) {
        drop(guard);
        let diag = &self.segment.shared.diag;
        diag.debug(|| format!("span {} has finished: a change to it is ignored", self.id));
    }

    /// Says once that a change was refused, which the span tells of by itself.
    #[cold]
    pub(crate) fn say_full(&self, guard: ShortGuard<'_, Option<Buffers>>) {
        drop(guard);
        let shared = &self.segment.shared;
        shared.diag.warn_once("trace-full", || {
            format!(
                "a change to span {} is refused: its trace holds more than {} bytes, or its baggage, its structured \
                 tags, or attributes of a link or event are too many; said once, counted on each span",
                self.id, shared.max_trace_bytes,
            )
        });
    }

    pub(crate) fn is_open(&self) -> bool {
        let Some(guard) = self.segment.body() else { return false };
        guard.as_ref().is_some_and(|body| body.is_open(self.segment.root, self.id))
    }

    /// This span if it is open, else its nearest ancestor here that is.
    pub(crate) fn nearest_open(&self) -> Option<Location> {
        let id = {
            let mut guard = self.segment.body()?;
            guard.as_mut()?.nearest_open(self.segment.root, self.id)?.id?
        };
        Some(Location { segment: self.segment.clone(), id })
    }

    /// Finishes the span, now or at a given time, and hands off what is complete. A second time: nothing.
    pub(crate) fn finish(&self, end: Option<SystemTime>) {
        let segment = &self.segment;
        let end = match end {
            Some(end) => segment.anchor.ticks(end),
            None => clock::now(),
        };
        let Some(mut guard) = segment.body() else { return };
        let Some(body) = guard.as_mut() else { return };
        if let Some(duration) = body.close(self.segment.root, self.id, end) {
            self.hand_off(guard, self.id, duration);
        }
    }

    /// Finishes the span and every open span above it in this process.
    pub(crate) fn finish_with_ancestors(&self) {
        let end = clock::now();
        let Some(mut guard) = self.segment.body() else { return };
        let Some(body) = guard.as_mut() else { return };
        let root = self.segment.root;
        let mut at = Some(self.id);
        let mut finished = None;
        while let Some(id) = at {
            finished = body.close(root, id, end).map(|duration| (id, duration)).or(finished);
            at = body.parent_of(root, id);
        }
        if let Some((id, duration)) = finished {
            self.hand_off(guard, id, duration);
        }
    }

    /// Submits what is complete after a span has finished: the trace, or a part of it.
    #[inline]
    fn hand_off(&self, mut guard: ShortGuard<'_, Option<Buffers>>, last: SpanId, duration: u64) {
        let Some(body) = &*guard else { return };
        if body.open == 0 {
            self.segment.last_sent.keep(last, duration);
            let buffers = guard.take();
            drop(guard);
            Segment::submit(&self.segment, buffers);
        } else if body.partial_flush_due(&self.segment.shared) {
            drop(guard);
            self.flush_partly();
        } else if body.tags.is_flush_due() {
            self.look_again(guard);
        }
    }

    /// Where much is held, or the tracer has ended.
    #[cold]
    #[inline(never)]
    fn look_again(&self, mut guard: ShortGuard<'_, Option<Buffers>>) {
        let Some(body) = guard.as_mut() else { return };
        if body.has_ended {
            let spans = body.count_finished();
            drop(guard);
            self.segment.lose_at_end(spans);
        } else if body.is_flush_due(&self.segment.shared) {
            drop(guard);
            self.flush_partly();
        }
    }

    /// Hands the finished spans off and keeps the open ones.
    #[cold]
    fn flush_partly(&self) {
        let segment = &self.segment;
        // What is sent now binds what is sent later.
        if segment.decide().is_none() {
            // The next span that finishes does it, outside of the sampler.
            return;
        }
        let fresh = empty_buffers(&segment.shared);
        let Some(mut guard) = segment.body() else { return };
        let Some(body) = guard.as_mut().filter(|body| body.is_flush_due(&segment.shared)) else {
            drop(guard);
            return give_back(fresh);
        };
        let mut finished = std::mem::replace(body, fresh);
        body.take_open(&mut finished, segment.root);
        drop(guard);
        Segment::submit(segment, Some(finished));
    }
}

#[cfg(all(test, tracehound_model))]
mod models;
impl TagTarget for &Location {
    #[inline(always)]
    fn put(&mut self, key: impl TagKey, value: impl NewValue) {
        self.set_tag(key, value);
    }
}
