//! The spans of a segment, each in the slot that its id tells.

use std::collections::BTreeMap;

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

/// Free slots that may stand between open spans, beside as many as there are open spans before them.
const LEAST_GAP: usize = if cfg!(test) { 1 } else { 16 };

impl Slots {
    #[inline(always)]
    pub(crate) fn get(&self, slot: u32) -> Option<&Record> {
        match self.near.get(slot as usize) {
            Some(record) => Some(record),
            None => self.get_far(slot),
        }
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Record> {
        match self.near.get_mut(slot as usize) {
            Some(record) => Some(record),
            None => get_far_mut(&mut self.far, slot),
        }
    }

    #[cold]
    #[inline(never)]
    fn get_far(&self, slot: u32) -> Option<&Record> {
        self.far.get(&slot)
    }

    /// Makes the next slot a vacant one, if that takes no more than a place at hand.
    #[inline(always)]
    pub(super) fn add_at_hand(&mut self) -> Option<(u32, &mut Record)> {
        if self.near.len() == self.near.capacity() || !self.far.is_empty() {
            return None;
        }
        let slot = u32::try_from(self.near.len()).ok()?;
        // A constant, and then changed where it is: see "store forwarding" in docs/architecture.md.
        self.near.push(Record::VACANT);
        Some((slot, self.near.last_mut()?))
    }

    /// Makes the next slot that no span has a vacant one; `None` when the trace is full.
    pub(crate) fn add(&mut self) -> Option<u32> {
        let count = self.len();
        if count >= MAX_SPANS_PER_TRACE {
            return None;
        }
        loop {
            let slot = u32::try_from(self.near.len()).ok()?;
            if self.near.len() == self.near.capacity() {
                let most = MAX_SPANS_PER_TRACE.saturating_sub(count);
                self.near.reserve_exact(self.near.len().clamp(LEAST_ROOM, most.max(LEAST_ROOM)));
            }
            match self.far.remove(&slot) {
                Some(record) => self.near.push(record),
                None => {
                    self.near.push(Record::VACANT);
                    return Some(slot);
                }
            }
        }
    }

    /// Puts a span, which is not to be found by its slot, behind the others.
    pub(crate) fn push(&mut self, record: Record) {
        self.near.push(record);
    }

    /// Takes over the open spans of others, which keep their slots, where nothing is yet; slots that become free are
    /// added to `free`, the lowest last. `moved` is called for each span on its way.
    pub(super) fn take_open(
        &mut self,
        old: &mut Slots,
        free: &mut Vec<u32>,
        mut moved: impl FnMut(&mut Record),
    ) {
        let mut kept = 0usize;
        for (slot, record) in (0..).zip(&mut old.near) {
            if record.is_open() {
                let mut record = std::mem::replace(record, Record::VACANT);
                moved(&mut record);
                self.keep(slot, record, &mut kept, free);
            }
        }
        for (slot, mut record) in std::mem::take(&mut old.far) {
            if record.is_open() {
                moved(&mut record);
                self.keep(slot, record, &mut kept, free);
            } else {
                old.far.insert(slot, record);
            }
        }
        free.reverse();
    }

    /// Puts a span into its slot, which is behind those of all before it.
    fn keep(&mut self, slot: u32, record: Record, kept: &mut usize, free: &mut Vec<u32>) {
        *kept = kept.saturating_add(1);
        let is_near = slot as usize <= kept.saturating_mul(2).saturating_add(LEAST_GAP);
        if !is_near || !self.far.is_empty() {
            self.far.insert(slot, record);
            return;
        }
        while self.near.len() < slot as usize {
            free.extend(u32::try_from(self.near.len()));
            self.near.push(Record::VACANT);
        }
        self.near.push(record);
    }

    /// How many slots there are, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.near.len().saturating_add(self.far.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> + Clone {
        self.near.iter().chain(self.far.values())
    }

    /// In the order of the slots.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.near.iter_mut().chain(self.far.values_mut())
    }

    /// Each with its slot.
    #[cfg(test)]
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Record)> {
        (0..).zip(&self.near).chain(self.far.iter().map(|(slot, record)| (*slot, record)))
    }

    pub(crate) fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
    }

    /// Places in the vector, used or not.
    pub(crate) fn capacity(&self) -> usize {
        self.near.capacity()
    }

    /// What it holds in memory, unused room included; not what the spans hold on the heap.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        let places = self.near.capacity().saturating_add(self.far.len());
        places.saturating_mul(size_of::<Record>())
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

#[cold]
#[inline(never)]
fn get_far_mut(far: &mut BTreeMap<u32, Record>, slot: u32) -> Option<&mut Record> {
    far.get_mut(&slot)
}

#[cfg(test)]
mod tests {
    use super::super::layout::OPEN;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A record that tells its number by its start.
    fn open(number: i64) -> Record {
        let mut record = Record { id: SpanId::new(1), duration: OPEN, ..Record::VACANT };
        record.start.0 = number;
        record
    }

    #[test]
    fn one_span_that_stays_far_behind_holds_no_room_for_those_that_have_gone() {
        let mut slots = Slots::default();
        for number in 0..10_000 {
            let slot = slots.add().unwrap();
            *slots.get_mut(slot).unwrap() = open(number);
        }
        for slot in 1..9_999 {
            slots.get_mut(slot).unwrap().duration = 1;
        }
        let (mut fresh, mut free) = (Slots::default(), Vec::new());
        fresh.take_open(&mut slots, &mut free, |_| {});
        assert_eq!((fresh.len(), free.len()), (2, 0));
        assert!(fresh.bytes() < 10 * size_of::<Record>());
        assert_eq!(fresh.get(9_999).unwrap().start.0, 9_999);
        assert!(fresh.get(9_998).is_none());
        assert_eq!(slots.iter().filter(|record| record.id.is_some()).count(), 9_998);
    }

    #[test]
    fn a_trace_is_full_however_its_spans_are_kept() {
        let mut slots = Slots::default();
        slots.far.insert(99_999, open(1));
        let added = std::iter::from_fn(|| slots.add()).count();
        assert_eq!((added, slots.len()), (MAX_SPANS_PER_TRACE - 1, MAX_SPANS_PER_TRACE));
    }

    proptest! {
        /// Spans start, finish and are handed off in any order: each is found in its slot as long as it is here, and
        /// what is held follows what is there.
        #[test]
        fn every_span_is_found_in_its_slot(
            steps in prop::collection::vec((0..8u8, any::<prop::sample::Index>()), 1..300),
        ) {
            let (mut slots, mut free) = (Slots::default(), Vec::new());
            let mut model: BTreeMap<u32, (i64, bool)> = BTreeMap::new();
            for (number, (step, which)) in (0..).zip(steps) {
                match step {
                    0 => {
                        let (mut fresh, mut emptied) = (Slots::default(), Vec::new());
                        fresh.take_open(&mut slots, &mut emptied, |_| {});
                        let gone = slots.iter().filter(|record| record.id.is_some()).count();
                        prop_assert_eq!(gone, model.values().filter(|(_, open)| !open).count());
                        model.retain(|_, (_, open)| *open);
                        (slots, free) = (fresh, emptied);
                        prop_assert!(slots.len() <= 2 * model.len() + LEAST_GAP + 1);
                        prop_assert!(free.is_sorted_by(|one, next| one > next));
                    }
                    1..=3 => {
                        let open: Vec<_> =
                            model.iter_mut().filter(|(_, (_, open))| *open).collect();
                        if !open.is_empty() {
                            let at = which.index(open.len());
                            let (slot, state) = open.into_iter().nth(at).unwrap();
                            state.1 = false;
                            slots.get_mut(*slot).unwrap().duration = 1;
                        }
                    }
                    _ => {
                        let at_hand = if free.is_empty() {
                            slots.add_at_hand().map(|(slot, _)| slot)
                        } else {
                            free.pop()
                        };
                        let slot = at_hand.or_else(|| slots.add()).unwrap();
                        *slots.get_mut(slot).unwrap() = open(number);
                        prop_assert_eq!(model.insert(slot, (number, true)), None);
                    }
                }
                for (slot, (number, _)) in &model {
                    prop_assert_eq!(slots.get(*slot).map(|record| record.start.0), Some(*number));
                }
                prop_assert_eq!(
                    slots.iter().filter(|record| record.id.is_some()).count(),
                    model.len()
                );
            }
        }
    }
}
