//! The tags of all spans of a segment, in one vector.

use super::digest::digest;
use super::late::{Late, LateTags, Waiting};
use super::record::Record;
use super::tag_index::TagIndex;
use super::value::{TagValue, Value};
use crate::text::Text;

/// "No tag": the end of a list.
const END: u32 = u32::MAX;

/// The tags of one span: a list through the [`Tags`] of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagList {
    first: u32,
    last: u32,
    len: u32,
}

impl TagList {
    pub(crate) const EMPTY: TagList = TagList { first: END, last: END, len: 0 };

    /// Whether the list is too long to be walked for each tag that is set.
    #[inline]
    fn is_long(self) -> bool {
        self.len > MAX_WALK
    }
}

/// Tags of one span up to which a walk is faster than an index.
const MAX_WALK: u32 = 16;

/// One tag of one span, as the vector keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    key: Text,
    value: Value,
    /// Compared before the key itself: a walk over a span's tags touches no key's memory but the right one's.
    digest: u32,
    next: u32,
}

impl Tag {
    #[inline]
    pub(crate) fn new(key: Text, digest: u32, value: Value) -> Self {
        Tag { key, value, digest, next: END }
    }
}

/// One vector for the tags of every span of a segment, linked by index.
///
/// A vector per span would be an allocation per span, freed on another thread. The lists only grow: a
/// removed tag stays as [`Value::Absent`] and its place is used again when the key is set again.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    all: Vec<Tag>,
    heap_bytes: usize,
    /// Whoever looks at tags calls [`Tags::settle`] first.
    late: Option<Box<Waiting>>,
    /// Where the tags of long lists are.
    index: TagIndex,
}

impl Tags {
    /// Bytes that the tags hold, their texts included.
    pub(crate) fn bytes(&self) -> usize {
        self.all
            .len()
            .saturating_mul(size_of::<Tag>())
            .saturating_add(self.heap_bytes)
            .saturating_add(self.late.as_ref().map_or(0, |late| late.bytes()))
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.heap_bytes = 0;
        if let Some(late) = &mut self.late {
            late.clear();
        }
        self.index.clear();
    }

    pub(crate) fn capacity(&self) -> usize {
        self.all.capacity().max(self.late.as_ref().map_or(0, |late| late.capacity()))
    }

    /// Where others of this type are put off. One more counts from now on.
    #[inline]
    pub(super) fn late<T: LateTags>(&mut self, heap_bytes: usize) -> Option<&mut Vec<Late<T>>> {
        self.late.as_mut()?.others(heap_bytes)
    }

    /// Puts off tags of the span in a slot.
    pub(super) fn put_off<T: LateTags>(
        &mut self,
        spans: &mut [Record],
        slot: u32,
        tags: T,
        heap_bytes: usize,
    ) {
        if self.late.as_ref().is_some_and(|late| !late.takes::<T>()) {
            self.settle(spans);
        }
        if let Some(room) = Waiting::room(&mut self.late, heap_bytes) {
            room.push(Late { tags: Some(tags), slot });
        }
    }

    /// Converts what was put off.
    #[inline]
    pub(crate) fn settle(&mut self, spans: &mut [Record]) {
        if self.late.as_ref().is_some_and(|late| !late.is_empty()) {
            self.settle_all(spans);
        }
    }

    #[cold]
    fn settle_all(&mut self, spans: &mut [Record]) {
        let Some(mut late) = self.late.take() else { return };
        late.convert(&mut |slot, key, value| self.set_on(spans, slot, key, value));
        self.late = Some(late);
    }

    /// Converts what was put off on `old` for spans that are open and have moved here.
    pub(crate) fn settle_moved(&mut self, old: &mut Tags, spans: &mut [Record]) {
        let Some(late) = old.late.as_mut().filter(|late| !late.is_empty()) else { return };
        let open: Vec<bool> = spans.iter().map(Record::is_open).collect();
        let is_open = |slot: u32| open.get(slot as usize).copied().unwrap_or(false);
        late.convert_some(&is_open, &mut |slot, key, value| {
            self.set_on(spans, slot, key, value);
        });
    }

    fn set_on(&mut self, spans: &mut [Record], slot: u32, key: Text, value: TagValue) {
        let Some(record) = spans.get_mut(slot as usize) else { return };
        value.flatten(key, &mut |key, value| self.set(&mut record.tags, key, value));
    }

    pub(crate) fn get<'a>(&'a self, list: &TagList, key: &str) -> Option<&'a Value> {
        let index = self.find(list, digest(key.as_bytes()), |other| *other == *key)?;
        self.all.get(index).map(|tag| &tag.value).filter(|value| value.is_present())
    }

    /// Every tag that is set, in the order of the first setting of each key.
    pub(crate) fn iter<'a>(
        &'a self,
        list: &TagList,
    ) -> impl Iterator<Item = (&'a Text, &'a Value)> {
        let mut at = list.first;
        std::iter::from_fn(move || {
            let tag = self.all.get(at as usize)?;
            at = tag.next;
            Some((&tag.key, &tag.value))
        })
        .filter(|(_, value)| value.is_present())
    }

    /// Sets, replaces or (with [`Value::Absent`]) removes a tag.
    pub(crate) fn set(&mut self, list: &mut TagList, key: Text, value: Value) {
        let digest = digest(key.as_bytes());
        self.put(list, Tag::new(key, digest, value));
    }

    /// As [`Tags::set`]. The tag moves once, into the vector: whatever takes it by value on the way there
    /// would copy it.
    #[inline(always)]
    pub(crate) fn put(&mut self, list: &mut TagList, tag: Tag) {
        if let Some(index) = self.find(list, tag.digest, |key| same(key, &tag.key)) {
            self.replace(index, tag.value);
        } else if let Some(all) = self.link(list, &tag) {
            all.push(tag);
        }
    }

    #[cold]
    fn replace(&mut self, index: usize, value: Value) {
        let Some(tag) = self.all.get_mut(index) else { return };
        self.heap_bytes = self
            .heap_bytes
            .saturating_sub(tag.value.heap_bytes())
            .saturating_add(value.heap_bytes());
        tag.value = value;
    }

    /// Moves the tags of one list out of another arena into this one.
    pub(crate) fn adopt(&mut self, from: &mut Tags, list: TagList) -> TagList {
        let mut moved = TagList::EMPTY;
        let mut at = list.first;
        while let Some(tag) = from.all.get_mut(at as usize) {
            at = tag.next;
            let key = std::mem::take(&mut tag.key);
            let value = std::mem::replace(&mut tag.value, Value::Absent);
            from.heap_bytes =
                from.heap_bytes.saturating_sub(key.heap_bytes()).saturating_sub(value.heap_bytes());
            let tag = Tag::new(key, tag.digest, value);
            if let Some(all) = self.link(&mut moved, &tag) {
                all.push(tag);
            }
        }
        moved
    }

    /// Makes the next place of the vector the last of a list, and gives the vector for the tag to be put
    /// there; `None` for a tag that is not kept.
    #[inline(always)]
    fn link(&mut self, list: &mut TagList, tag: &Tag) -> Option<&mut Vec<Tag>> {
        // Four billion tags in one trace: beyond every other bound, and then simply not kept.
        let index = u32::try_from(self.all.len()).unwrap_or(END);
        if index == END || !tag.value.is_present() {
            return None;
        }
        self.heap_bytes = self
            .heap_bytes
            .saturating_add(tag.key.heap_bytes())
            .saturating_add(tag.value.heap_bytes());
        match self.all.get_mut(list.last as usize) {
            Some(last) => last.next = index,
            None => list.first = index,
        }
        list.last = index;
        list.len = list.len.saturating_add(1);
        if list.is_long() {
            self.enter(list, index, tag.digest);
        }
        Some(&mut self.all)
    }

    /// Puts a new tag of a long list into the index; the first time, those before it as well.
    #[cold]
    fn enter(&mut self, list: &TagList, index: u32, digest: u32) {
        if list.len == MAX_WALK.saturating_add(1) {
            let mut at = list.first;
            while let Some(tag) = self.all.get(at as usize) {
                self.index.enter(list.first, tag.digest, at);
                at = tag.next;
            }
        }
        self.index.enter(list.first, digest, index);
    }

    #[inline(always)]
    fn find(&self, list: &TagList, digest: u32, is_it: impl Fn(&Text) -> bool) -> Option<usize> {
        let mut at = list.first;
        if list.is_long() {
            // Nowhere, or there, or, where two keys share a digest, further on.
            at = self.index.first_with(list.first, digest)?;
        }
        while let Some(tag) = self.all.get(at as usize) {
            if tag.digest == digest && is_it(&tag.key) {
                return Some(at as usize);
            }
            at = tag.next;
        }
        None
    }
}

/// Not inlined: it would fill the registers of the walk that seldom calls it.
#[inline(never)]
fn same(one: &Text, other: &Text) -> bool {
    one == other
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn numbers(tags: &Tags, list: &TagList) -> Vec<(String, f64)> {
        tags.iter(list).map(|(key, value)| (key.to_string(), value.number().unwrap())).collect()
    }

    #[test]
    fn two_spans_share_the_vector_and_not_the_tags() {
        let mut tags = Tags::default();
        let (mut one, mut two) = (TagList::EMPTY, TagList::EMPTY);
        tags.set(&mut one, "a".into(), Value::I64(1));
        tags.set(&mut two, "a".into(), Value::I64(2));
        tags.set(&mut one, "b".into(), Value::I64(3));
        assert_eq!(numbers(&tags, &one), [("a".into(), 1.0), ("b".into(), 3.0)]);
        assert_eq!(numbers(&tags, &two), [("a".into(), 2.0)]);
    }

    #[test]
    fn a_removed_key_takes_its_old_place_again() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        for round in 0..100 {
            tags.set(&mut list, "a".into(), Value::I64(round));
            tags.set(&mut list, "a".into(), Value::Absent);
        }
        assert!(tags.get(&list, "a").is_none());
        assert_eq!(tags.all.len(), 1);
    }

    #[test]
    fn bytes_follow_the_texts() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        let empty = tags.bytes();
        tags.set(&mut list, "a".into(), Value::Text("x".repeat(1000).into()));
        assert!(tags.bytes() >= empty + 1000);
        tags.set(&mut list, "a".into(), Value::I64(1));
        assert!(tags.bytes() < empty + 1000);
    }

    proptest! {
        /// The list behaves as a map that keeps the order of the first setting.
        #[test]
        fn a_list_is_an_ordered_map(
            steps in prop::collection::vec(("[a-c]{1,12}", prop::option::of(any::<i32>())), 0..90),
        ) {
            let mut tags = Tags::default();
            let mut list = TagList::EMPTY;
            let mut model: HashMap<String, i32> = HashMap::new();
            for (key, value) in steps {
                let stored = value.map_or(Value::Absent, |value| Value::I64(value.into()));
                tags.set(&mut list, key.clone().into(), stored);
                match value {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
            let mut fresh = Tags::default();
            let moved = fresh.adopt(&mut tags, list);
            let kept: HashMap<_, _> = numbers(&fresh, &moved).into_iter().collect();
            prop_assert_eq!(kept.len(), model.len());
            for (key, value) in model {
                prop_assert_eq!(kept.get(&key).copied(), Some(f64::from(value)));
            }
        }
    }
}
