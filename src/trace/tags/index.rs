//! Finds the tags of spans that have many.

/// A table for each list of tags that is too long to be walked, all of them in one vector.
///
/// A tag is in the first slot that was free from the one that its hash names, as its place and one more; a slot
/// that is free is 0. Of the slots of a table half are free at the least, and none becomes free again: a search
/// ends at the first. Boxed, because few traces have one.
#[derive(Debug, Default)]
pub(super) struct TagIndex(Option<Box<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    all: Vec<u32>,
}

/// The first slot of a table, and in the five lowest bits how many bits of a hash do not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table(u32);

const NOT_FIRST: u32 = 31;

/// Slots of the smallest table: one kilobyte. A list of a hundred tags never needs another.
const LEAST: usize = 256;

/// So many times larger than the table before is the next one.
const GROWTH: usize = 4;

/// An index with room for more slots is not kept for another trace.
const MAX_KEPT: usize = 32 * 1024;

impl Table {
    pub(crate) const NONE: Table = Table(0);

    #[inline]
    pub(crate) fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Tags that it takes.
    pub(crate) fn room(self) -> u32 {
        self.last() / 2
    }

    #[inline]
    fn start(self) -> u32 {
        self.0 & !NOT_FIRST
    }

    /// The last slot, counted from the first.
    #[inline]
    fn last(self) -> u32 {
        u32::MAX.wrapping_shr(self.0)
    }

    /// The slots where a tag may be, in this order, without an end.
    #[inline]
    fn slots(self, hash: u32) -> impl Iterator<Item = usize> {
        let mut next = hash;
        std::iter::repeat_with(move || {
            let at = self.start().wrapping_add(next & self.last());
            next = next.wrapping_add(1);
            at as usize
        })
    }
}

impl TagIndex {
    /// An empty table in place of one that is full, or of none.
    pub(crate) fn table(&mut self, old: Table) -> Table {
        let slots = &mut self.0.get_or_insert_default().all;
        let mut len = LEAST;
        if old.is_some() {
            let (start, old_len) = (old.start() as usize, (old.last() as usize).saturating_add(1));
            len = old_len.saturating_mul(GROWTH);
            if start.saturating_add(old_len) == slots.len() {
                slots.truncate(start);
            }
        }
        let start = slots.len();
        slots.resize(start.saturating_add(len), 0);
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer tags; see `MAX_TAGS`")]
        Table(start as u32 | (len as u32).leading_zeros().wrapping_add(1))
    }

    /// Enters a tag, unless one that `is_like_it` is in its way; says whether it did.
    #[inline(always)]
    pub(crate) fn enter(
        &mut self,
        table: Table,
        hash: u32,
        place: u32,
        is_like_it: impl Fn(u32) -> bool,
    ) -> bool {
        let Some(slots) = &mut self.0 else { return false };
        for at in table.slots(hash) {
            let Some(slot) = slots.all.get_mut(at) else { return false };
            let Some(other) = slot.checked_sub(1) else {
                *slot = place.wrapping_add(1);
                return true;
            };
            if is_like_it(other) {
                return false;
            }
        }
        false
    }

    /// The tags that may have this hash.
    #[inline]
    pub(crate) fn tags(&self, table: Table, hash: u32) -> impl Iterator<Item = u32> {
        let slots = self.0.as_ref().map_or(&[][..], |slots| &slots.all);
        table.slots(hash).map_while(|at| slots.get(at)?.checked_sub(1))
    }

    /// Bytes that it holds, unused room included.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity().saturating_mul(size_of::<u32>())
    }

    fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |slots| slots.all.capacity())
    }

    pub(crate) fn clear(&mut self) {
        match &mut self.0 {
            Some(slots) if slots.all.capacity() <= MAX_KEPT => slots.all.clear(),
            large => *large = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters tags whose places are their hashes, as many as there is room for.
    fn fill(index: &mut TagIndex, table: Table, hashes: std::ops::Range<u32>) {
        assert!(hashes.len() <= table.room() as usize);
        assert!(hashes.clone().all(|hash| index.enter(table, hash, hash, |other| other == hash)));
        assert!(!index.enter(table, hashes.start, 0, |other| other == hashes.start));
        assert!(hashes.clone().all(|hash| index.tags(table, hash).any(|tag| tag == hash)));
        assert!(!index.tags(table, hashes.end).any(|tag| tag == hashes.end));
    }

    #[test]
    fn tables_of_every_size_stand_side_by_side() {
        let mut index = TagIndex::default();
        let mut tables = [Table::NONE; 3];
        let mut room = 0;
        for _ in 0..3 {
            for table in &mut tables {
                *table = index.table(*table);
                room = table.room();
                fill(&mut index, *table, 0..room);
            }
        }
        assert_eq!(room as usize, LEAST * GROWTH * GROWTH / 2 - 1);
        for table in tables {
            assert_eq!(index.tags(table, 7).next(), Some(7));
        }
    }

    #[test]
    fn the_last_table_grows_where_it_is() {
        let mut index = TagIndex::default();
        let first = index.table(Table::NONE);
        let second = index.table(Table::NONE);
        let larger = index.table(second);
        assert_eq!(larger.start(), second.start());
        fill(&mut index, larger, 0..larger.room());
        let moved = index.table(first);
        assert_eq!(index.0.as_ref().unwrap().all.len(), LEAST + 2 * LEAST * GROWTH);
        assert_eq!(index.tags(moved, 0).next(), None);
    }

    #[test]
    fn tags_whose_hashes_are_the_same_are_all_found() {
        let mut index = TagIndex::default();
        let table = index.table(Table::NONE);
        for place in 0..table.room() {
            assert!(index.enter(table, u32::MAX, place, |_| false));
        }
        assert!(index.tags(table, u32::MAX).eq(0..table.room()));
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut index = TagIndex::default();
        let table = index.table(Table::NONE);
        fill(&mut index, table, 0..100);
        index.clear();
        assert!(index.bytes() > 0);
        let again = index.table(Table::NONE);
        assert_eq!(index.tags(again, 0).next(), None);
        let mut large = again;
        while index.capacity() <= MAX_KEPT {
            large = index.table(large);
        }
        index.clear();
        assert_eq!(index.bytes(), 0);
    }
}
