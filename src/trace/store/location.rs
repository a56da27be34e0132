//! The location of a span, and what is done with the span there.

use std::sync::Arc;
use std::time::SystemTime;

use super::hooks;
use super::layout::{Body, Buffers, Location, Record, Segment, SpanView};
use crate::clock::{self, Ticks};
use crate::id::SpanId;
use crate::primitives::ShortGuard;
use crate::trace::tags::{Change, NewValue, TagKey, TagTarget, Tags};
use crate::trace::values::{Baggage, SamplingDecision, SpanContext};

impl Location {
    /// The slot that the span was put into first.
    #[cfg(test)]
    pub(crate) fn slot(&self) -> u32 {
        self.id.slot(self.segment.root)
    }

    /// Looks at the span, open or finished; `None` once it was handed off.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        self.read_after(Body::settle_tags, look)
    }

    /// As [`Location::read`], where only the tag with this key is looked at.
    pub(crate) fn read_tag<T>(
        &self,
        key: &str,
        look: impl FnOnce(&SpanView<'_>) -> T,
    ) -> Option<T> {
        self.read_after(|body| body.settle_for(key.as_bytes()), look)
    }

    /// As [`Location::read`], where no tag is looked at, and no name, which may follow from tags. Converts nothing, and
    /// so takes the same time however many tags the trace has.
    pub(crate) fn read_fields<T>(&self, look: impl FnOnce(&SpanView<'_>) -> T) -> Option<T> {
        self.read_after(|_| (), look)
    }

    fn read_after<T>(
        &self,
        settle: impl FnOnce(&mut Body),
        look: impl FnOnce(&SpanView<'_>) -> T,
    ) -> Option<T> {
        let mut guard = self.segment.body()?;
        let body = guard.as_mut()?;
        settle(body);
        let record = body.record(self.segment.root, self.id)?;
        Some(look(&SpanView { segment: &self.segment, record, tags: &body.tags }))
    }

    /// The duration in nanoseconds: of a finished span that was not handed off, and of the one whose end sent the trace.
    pub(crate) fn duration_ns(&self) -> Option<u64> {
        let guard = self.segment.body()?;
        match guard.as_ref().and_then(|body| body.record(self.segment.root, self.id)) {
            Some(record) => {
                let duration = u64::try_from(record.duration).ok();
                duration.or_else(|| hooks::duration_at_finish(self.id))
            }
            None => self.segment.last_sent.duration_of(self.id),
        }
    }

    /// Changes the span if it is still open, and says whether it was: its fields, and tags that are never deferred
    /// ([`is_never_deferred`](crate::trace::tags::is_never_deferred)).
    #[inline]
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Record, &mut Tags)) -> bool {
        self.edit_after(|_| (), change)
    }

    /// As [`Location::edit`], for a change of the tag with this key.
    pub(crate) fn edit_tag(&self, key: &str, change: impl FnOnce(&mut Record, &mut Tags)) -> bool {
        self.edit_after(|body| body.settle_for(key.as_bytes()), change)
    }

    #[inline]
    fn edit_after(
        &self,
        settle: impl FnOnce(&mut Body),
        change: impl FnOnce(&mut Record, &mut Tags),
    ) -> bool {
        let Some(mut guard) = self.segment.body() else { return false };
        if let Some(body) = guard.as_mut() {
            settle(body);
        }
        self.edit_under(guard, change)
    }

    #[inline]
    fn edit_under(
        &self,
        mut guard: ShortGuard<'_, Option<Buffers>>,
        change: impl FnOnce(&mut Record, &mut Tags),
    ) -> bool {
        let open = guard.as_mut().and_then(|body| body.open(self.segment.root, self.id));
        if let Some((record, tags)) = open {
            change(record, tags);
            if tags.take_refused() {
                self.warn_full(guard);
            }
            return true;
        }
        self.log_ignored(guard);
        false
    }

    /// Makes a change, if the span is still open.
    pub(crate) fn change(&self, change: Change) {
        let Some(mut guard) = self.segment.body() else { return };
        if let (Some(body), Change::Tag(key, _)) = (guard.as_mut(), &change) {
            body.settle_for(key.as_bytes());
        }
        self.edit_under(guard, |record, tags| change.apply(record, tags, &self.segment.shared));
    }

    /// The context of the span, as it is propagated to another process.
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
        let open = guard.as_mut().and_then(|body| {
            body.settle_for(key.as_bytes());
            body.open(self.segment.root, self.id)
        });
        match open {
            Some((record, tags)) => {
                if !tags.put(&mut record.tags, key, value) {
                    self.warn_full(guard);
                }
            }
            None => self.log_ignored(guard),
        }
    }

    /// Says in debug output that a change came after the end of the span.
    #[cold]
    pub(crate) fn log_ignored(&self, guard: ShortGuard<'_, Option<Buffers>>) {
        drop(guard);
        let diag = &self.segment.shared.diag;
        diag.debug(|| format!("span {} has finished: a change to it is ignored", self.id));
    }

    /// Warns once that a change was refused; how many there were is a metric of the span.
    #[cold]
    pub(crate) fn warn_full(&self, guard: ShortGuard<'_, Option<Buffers>>) {
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

    /// Prepares the finish of the span for its hooks: says how many nanoseconds it takes, or `None` where it has
    /// finished, or was prepared before.
    pub(super) fn begin_finish(&self, end: Ticks) -> Option<u64> {
        let mut guard = self.segment.body()?;
        let (record, _) = guard.as_mut()?.open(self.segment.root, self.id)?;
        let is_first = !std::mem::replace(&mut record.is_announced, true);
        is_first.then(|| record.duration_until(end).unsigned_abs())
    }

    /// The span and those above it in this process that are open.
    pub(super) fn open_lineage(&self) -> Vec<SpanId> {
        let Some(guard) = self.segment.body() else { return Vec::new() };
        let Some(body) = guard.as_ref() else { return Vec::new() };
        let root = self.segment.root;
        let lineage = std::iter::successors(Some(self.id), |id| body.parent_of(root, *id));
        lineage.filter(|id| body.is_open(root, *id)).collect()
    }

    /// Finishes the span, now or at a given time, and hands off what is complete. A second time: nothing.
    pub(crate) fn finish(&self, end: Option<SystemTime>) {
        let segment = &self.segment;
        let end = match end {
            Some(end) => segment.anchor.ticks(end),
            None => clock::now(),
        };
        hooks::finishing(self, end);
        let Some(mut guard) = segment.body() else { return };
        let Some(body) = guard.as_mut() else { return };
        if let Some(duration) = body.close(self.segment.root, self.id, end) {
            self.hand_off(guard, self.id, duration);
        }
    }

    /// Finishes the span and every open span above it in this process.
    pub(crate) fn finish_with_ancestors(&self) {
        let end = clock::now();
        hooks::finishing_with_ancestors(self, end);
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
    ///
    /// Compiled into both of its callers: a call costs every span twenty instructions.
    #[inline(always)]
    fn hand_off(&self, mut guard: ShortGuard<'_, Option<Buffers>>, last: SpanId, duration: u64) {
        let Some(body) = &*guard else { return };
        if body.open == 0 {
            self.segment.last_sent.keep(last, duration);
            let buffers = guard.take();
            drop(guard);
            Segment::submit(&self.segment, buffers);
        } else if body.partial_flush_due(&self.segment.shared) {
            drop(guard);
            self.flush_if_due();
        } else if body.tags.is_flush_due() {
            self.count_or_flush(guard);
        }
    }

    /// After a span has finished whose tracer has ended, or whose trace may hold much memory.
    #[cold]
    #[inline(never)]
    fn count_or_flush(&self, mut guard: ShortGuard<'_, Option<Buffers>>) {
        let Some(body) = guard.as_mut() else { return };
        if body.has_ended {
            let spans = body.count_finished();
            drop(guard);
            self.segment.lose_at_end(spans);
        } else if body.is_flush_due(&self.segment.shared) {
            drop(guard);
            self.flush_if_due();
        }
    }

    #[cold]
    #[inline(never)]
    fn flush_if_due(&self) {
        let segment = &self.segment;
        Segment::flush_partly(segment, |body| body.is_flush_due(&segment.shared));
    }
}

impl TagTarget for &Location {
    #[inline(always)]
    fn put(&mut self, key: impl TagKey, value: impl NewValue) {
        self.set_tag(key, value);
    }
}
