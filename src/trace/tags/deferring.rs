//! Tags that are converted later, as a part of the tags of a trace.

use super::arena::Tags;
use super::deferred::{Deferred, DeferredList, DeferredTags, TagLists};

impl Tags {
    /// The deferred tags that wait, if they are of this type and there may be more of them. One more counts from now on.
    #[inline]
    pub(crate) fn deferred<T: DeferredTags>(
        &mut self,
        heap_bytes: usize,
    ) -> Option<&mut Vec<Deferred<T>>> {
        let deferred = self.deferred.as_mut()?;
        if deferred.heap_bytes.wrapping_add(heap_bytes) > self.bounds.deferred {
            return None;
        }
        deferred.others(heap_bytes)
    }

    /// Defers tags of the span in a slot, where that may take a conversion of others or an allocation. Says whether there
    /// was room, and counts on the span that there was none.
    pub(crate) fn defer<T: DeferredTags>(
        &mut self,
        lists: &mut dyn TagLists,
        slot: u32,
        tags: T,
        heap_bytes: usize,
    ) -> bool {
        if self.deferred.as_ref().is_some_and(|deferred| !deferred.takes::<T>()) {
            self.settle(lists);
        }
        let more = size_of::<Deferred<T>>().saturating_add(heap_bytes);
        if !self.has_room(more) {
            // Converted, they may hold less: of a key that was set several times one value is left.
            self.settle(lists);
            if !self.has_room(more) {
                if let Some(list) = lists.list(slot) {
                    self.refuse(list);
                }
                return false;
            }
        }
        DeferredList::push(&mut self.deferred, Deferred { tags, slot }, heap_bytes);
        true
    }

    /// Whether deferred tags wait, of any span.
    #[inline]
    pub(crate) fn has_deferred(&self) -> bool {
        self.deferred.as_ref().is_some_and(|deferred| !deferred.is_empty)
    }

    /// Converts the deferred tags of all spans.
    #[inline]
    pub(crate) fn settle(&mut self, lists: &mut dyn TagLists) {
        if self.has_deferred() {
            self.convert(lists, DeferredList::convert);
        }
    }

    /// Converts the deferred tags of open spans.
    pub(crate) fn settle_open(&mut self, lists: &mut dyn TagLists) {
        self.convert(lists, DeferredList::convert_open);
    }

    #[cold]
    fn convert(
        &mut self,
        lists: &mut dyn TagLists,
        convert: fn(&mut DeferredList, &mut dyn TagLists, &mut Tags),
    ) {
        let Some(mut deferred) = self.deferred.take() else { return };
        self.unbounded(|tags| convert(&mut deferred, lists, tags));
        self.deferred = Some(deferred);
    }

    /// How often deferred tags have panicked since the last call.
    pub(crate) fn take_deferred_panics(&mut self) -> u64 {
        self.deferred.as_mut().map_or(0, |deferred| deferred.take_panics())
    }
}
