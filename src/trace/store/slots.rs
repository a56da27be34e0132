//! The spans of a segment, one behind the other.
//!
//! An id tells the slot that its span was put into: nearly every span is found there, by one comparison, and a handle need
//! not hold the slot. A partial flush moves the spans that stay to the front, and those of them that are no longer where
//! their ids tell are searched for. That takes 1 % of a span's instructions, and in return nothing stands between spans.

use super::layout::{Record, Slots};
use crate::id::SpanId;
use crate::trace::tags::{TagList, TagLists};

/// Spans of one trace that may be recorded and unsent at one time; further ones are not recorded.
///
/// A bound on memory where a program starts spans and never finishes them.
pub(crate) const MAX_SPANS_PER_TRACE: usize = 100_000;
const _: () = assert!(MAX_SPANS_PER_TRACE <= SpanId::SLOTS, "an id tells each slot");

/// Spans that there is room for at the least, where there is any.
const LEAST_ROOM: usize = 4;

impl Slots {
    #[inline(always)]
    pub(crate) fn get(&self, slot: u32) -> Option<&Record> {
        self.all.get(slot as usize)
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Record> {
        self.all.get_mut(slot as usize)
    }

    /// The span with this id and its slot, if it is here.
    #[inline(always)]
    pub(super) fn find(&self, root: SpanId, id: SpanId) -> Option<(u32, &Record)> {
        let slot = id.slot(root);
        match self.get(slot) {
            Some(record) if record.id == Some(id) => Some((slot, record)),
            _ => self.find_moved(id),
        }
    }

    #[inline(always)]
    pub(super) fn find_mut(&mut self, root: SpanId, id: SpanId) -> Option<&mut Record> {
        let slot = id.slot(root);
        if self.get(slot).is_none_or(|record| record.id != Some(id)) {
            return self.find_moved_mut(id);
        }
        self.get_mut(slot)
    }

    #[cold]
    #[inline(never)]
    fn find_moved(&self, id: SpanId) -> Option<(u32, &Record)> {
        let index = self.moved.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let (_, slot) = *self.moved.get(index)?;
        Some((slot, self.get(slot)?))
    }

    #[cold]
    #[inline(never)]
    fn find_moved_mut(&mut self, id: SpanId) -> Option<&mut Record> {
        let (slot, _) = self.find_moved(id)?;
        self.get_mut(slot)
    }

    /// Adds a slot with a vacant record; `None` when the trace is full.
    #[inline(always)]
    pub(super) fn add(&mut self) -> Option<(u32, &mut Record)> {
        // The second condition always holds then: it spares the compiler a second way to grow below.
        if self.all.len() == self.all.capacity()
            && (!self.grow() || self.all.len() == self.all.capacity())
        {
            return None;
        }
        let slot = u32::try_from(self.all.len()).ok()?;
        // A constant, and then changed where it is: see "store forwarding" in docs/architecture.md.
        self.all.push(Record::VACANT);
        Some((slot, self.all.last_mut()?))
    }

    /// Reserves slots; `false` when the trace is full.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> bool {
        let len = self.all.len();
        let most = MAX_SPANS_PER_TRACE.saturating_sub(len);
        if most > 0 {
            self.all.reserve_exact(len.clamp(LEAST_ROOM, most.max(LEAST_ROOM)));
        }
        most > 0
    }

    /// Puts a span, which is not to be found by its slot, behind the others.
    pub(crate) fn push(&mut self, record: Record) {
        self.all.push(record);
    }

    /// Moves the open spans of `old` here, in their order, where nothing is yet. `moved` is called for each of them.
    pub(super) fn take_open(
        &mut self,
        old: &mut Slots,
        root: SpanId,
        mut moved: impl FnMut(&mut Record),
    ) {
        // Exactly: the bound on the spans of a trace is a bound on capacity.
        self.all.reserve_exact(old.all.iter().filter(|record| record.is_open()).count());
        for place in old.all.iter_mut().filter(|record| record.is_open()) {
            let mut record = std::mem::replace(place, Record::VACANT);
            moved(&mut record);
            #[expect(clippy::cast_possible_truncation, reason = "at most `MAX_SPANS_PER_TRACE`")]
            let slot = self.all.len() as u32;
            self.moved.extend(record.id.filter(|id| id.slot(root) != slot).map(|id| (id, slot)));
            self.all.push(record);
        }
        self.moved.sort_unstable();
    }

    /// How many slots there are, vacant ones included.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> + Clone {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.all.iter_mut()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.moved.clear();
    }

    /// Spans that there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.all.capacity().max(self.moved.capacity())
    }

    /// What it holds in memory, unused room included; not what the spans hold on the heap.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Record>()
            + self.moved.capacity() * size_of::<(SpanId, u32)>()
    }
}

impl TagLists for Slots {
    fn list(&mut self, slot: u32) -> Option<&mut TagList> {
        self.get_mut(slot).map(|record| &mut record.tags)
    }

    fn open_list(&mut self, slot: u32) -> Option<&mut TagList> {
        self.get_mut(slot).filter(|record| record.is_open()).map(|record| &mut record.tags)
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::OPEN;
    use super::*;
    use proptest::prelude::*;

    /// Adds an open span and tells its id, or `None` where the trace is full.
    fn add(slots: &mut Slots, root: SpanId) -> Option<SpanId> {
        let (slot, record) = slots.add()?;
        let id = SpanId::generate().in_slot(root, slot);
        (record.id, record.duration) = (Some(id), OPEN);
        Some(id)
    }

    fn of_its_open(slots: &mut Slots, root: SpanId) -> Slots {
        let mut fresh = Slots::default();
        fresh.take_open(slots, root, |_| {});
        fresh
    }

    fn finish(slots: &mut Slots, root: SpanId, id: SpanId) {
        slots.find_mut(root, id).unwrap().duration = 1;
    }

    #[test]
    fn one_span_that_stays_far_behind_holds_no_room_for_those_that_have_gone() {
        let (mut slots, root) = (Slots::default(), SpanId::generate());
        let ids: Vec<_> = (0..10_000).map(|_| add(&mut slots, root).unwrap()).collect();
        ids[1..9_999].iter().for_each(|id| finish(&mut slots, root, *id));
        let fresh = of_its_open(&mut slots, root);
        assert_eq!(fresh.len(), 2);
        assert!(fresh.bytes() < 10 * size_of::<Record>());
        let slot = |id| fresh.find(root, id).map(|(slot, _)| slot);
        assert_eq!((slot(ids[0]), slot(ids[9_999])), (Some(0), Some(1)));
        assert_eq!((slot(ids[1]), slot(ids[9_998])), (None, None));
        assert_eq!(slots.iter().filter(|record| record.id.is_some()).count(), 9_998);
    }

    #[test]
    fn a_trace_is_full() {
        let (mut slots, root) = (Slots::default(), SpanId::generate());
        let added = std::iter::from_fn(|| add(&mut slots, root)).count();
        assert_eq!((added, slots.len()), (MAX_SPANS_PER_TRACE, MAX_SPANS_PER_TRACE));
        let mut fresh = of_its_open(&mut slots, root);
        assert!(add(&mut fresh, root).is_none());
    }

    proptest! {
        /// Spans start, finish and are handed off in any order: each is found as long as it is here, and no longer.
        #[test]
        fn every_span_is_found_by_its_id(
            steps in prop::collection::vec((0..8u8, any::<prop::sample::Index>()), 1..300),
        ) {
            let (mut slots, root) = (Slots::default(), SpanId::generate());
            // In the order of their starts, and whether they are open.
            let mut model: Vec<(SpanId, bool)> = Vec::new();
            let mut gone: Vec<SpanId> = Vec::new();
            for (step, which) in steps {
                match step {
                    0 => {
                        let fresh = of_its_open(&mut slots, root);
                        let left = slots.iter().filter_map(|record| record.id);
                        let finished = model.iter().filter(|(_, open)| !open).map(|(id, _)| *id);
                        prop_assert!(left.eq(finished.clone()));
                        gone.extend(finished);
                        model.retain(|(_, open)| *open);
                        slots = fresh;
                    }
                    1..=3 if !model.is_empty() => {
                        let at = which.index(model.len());
                        let (id, open) = &mut model[at];
                        finish(&mut slots, root, *id);
                        *open = false;
                    }
                    _ => model.push((add(&mut slots, root).unwrap(), true)),
                }
                prop_assert!(slots.iter().map(|record| record.id).eq(model.iter().map(|(id, _)| Some(*id))));
                for (slot, (id, _)) in (0..).zip(&model) {
                    let found = slots.find(root, *id).map(|(slot, record)| (slot, record.id));
                    prop_assert_eq!(found, Some((slot, Some(*id))));
                }
                prop_assert!(gone.iter().all(|id| slots.find(root, *id).is_none()));
            }
        }
    }
}
