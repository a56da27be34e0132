//! What the spans of a trace hold in memory, and what is refused because that is too much.

use super::arena::{TagList, Tags};
use super::bounds::Bounds;
use super::new_tag::LiteralKey;
use super::stored::{StoredValue, TagRef};

/// The metric that counts the refused changes of a span.
const REFUSED: &str = "tracehound.refused_changes";

impl Tags {
    /// Sets the bound of an empty one: so many bytes beside what it has allocated already.
    #[inline]
    pub(crate) fn bound(&mut self, most: usize) {
        self.bounds = Bounds::new(self.unused_bytes, self.heap_bytes, most);
    }

    /// Moves the marks of the bounds to the next step.
    fn mark(&mut self) {
        let deferred = self.deferred.as_ref().map_or(0, |deferred| deferred.heap_bytes);
        self.bounds.mark(self.heap_bytes, self.texts.len(), deferred);
    }

    /// Does work to which the bounds do not apply, such as converting or moving what they have admitted before.
    pub(super) fn unbounded(&mut self, work: impl FnOnce(&mut Self)) {
        let bounds = std::mem::replace(&mut self.bounds, Bounds::NONE);
        work(self);
        self.bounds = bounds;
        if bounds.most != usize::MAX {
            self.mark();
        }
    }

    /// Whether the spans may hold so many bytes more.
    #[cold]
    #[inline(never)]
    pub(super) fn has_room(&mut self, more: usize) -> bool {
        let held = self.bytes().saturating_add(more);
        let admitted = self.bounds.admit(held);
        if admitted && self.bounds.most != usize::MAX {
            self.mark();
            self.bounds.values = self.bounds.values.saturating_add(more);
            self.bounds.deferred = self.bounds.deferred.saturating_add(more);
        }
        admitted
    }

    /// Notes that a span holds another number of bytes beside its tags. `false` where that is refused, which is then
    /// counted on the span.
    #[inline]
    pub(crate) fn exchange(&mut self, list: &mut TagList, before: usize, after: usize) -> bool {
        let more = after.saturating_sub(before);
        let held = self.heap_bytes + more;
        if more > 0 && held > self.bounds.values && !self.has_room(more) {
            self.refuse(list);
            return false;
        }
        self.heap_bytes = held.saturating_sub(before.saturating_sub(after));
        true
    }

    /// Notes bytes that a span holds beside its tags, whatever the bounds say.
    #[inline]
    pub(crate) fn hold(&mut self, bytes: usize) {
        self.heap_bytes += bytes;
    }

    /// Notes that a span no longer holds bytes beside its tags.
    #[inline]
    pub(crate) fn let_go(&mut self, bytes: usize) {
        self.heap_bytes = self.heap_bytes.saturating_sub(bytes);
    }

    /// Whether the trace holds so much that no further span should begin in it.
    #[inline]
    pub(crate) fn is_exceeded(&self) -> bool {
        self.heap_bytes > self.bounds.values && self.is_far_exceeded()
    }

    #[cold]
    #[inline(never)]
    fn is_far_exceeded(&self) -> bool {
        self.bounds.is_exceeded(self.bytes())
    }

    /// Makes [`Tags::is_flush_due`] true from now on.
    pub(crate) fn make_flush_due(&mut self) {
        self.bounds.is_flush_due = true;
    }

    /// Whether the finished spans should be handed off: they hold much, or the tracer has ended.
    #[inline]
    pub(crate) fn is_flush_due(&self) -> bool {
        self.bounds.is_flush_due
    }

    /// To be called after a partial flush, when the tags of the open spans have moved here.
    pub(crate) fn flushed(&mut self) {
        self.bounds.flushed(self.bytes());
        self.mark();
    }

    /// Whether a change was refused since the last call.
    #[inline]
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.has_refused)
    }

    /// Counts a refused change on a span.
    #[cold]
    pub(crate) fn refuse(&mut self, list: &mut TagList) {
        self.refuse_several(list, 1);
    }

    /// Counts several refused changes on a span.
    #[cold]
    pub(crate) fn refuse_several(&mut self, list: &mut TagList, changes: u32) {
        self.has_refused = true;
        self.count(list, REFUSED, changes);
    }

    /// Adds to a metric of a span, whatever the bounds say.
    #[cold]
    pub(crate) fn count(&mut self, list: &mut TagList, key: &'static str, more: u32) {
        let before = self.get(list, key).and_then(TagRef::number).unwrap_or_default();
        let sum = StoredValue::F64(before + f64::from(more));
        self.unbounded(|tags| {
            tags.put(list, LiteralKey::new(key), sum);
        });
    }

    /// What spans hold beside their tags, where these have neither long keys nor texts of their own.
    #[cfg(test)]
    pub(crate) fn beside_tags(&self) -> usize {
        self.heap_bytes - self.index.bytes()
    }
}
