//! The tags of all spans of a segment, in one vector.

use std::mem::ManuallyDrop;

use super::digest::{Digests, digest};
use super::late::{Late, LateTags, Waiting};
use super::new_tag::{Key, LiteralKey, NewValue, Slice, TagKey};
use super::record::Record;
use super::tag_index::TagIndex;
use super::value::{Kept, TagValue, Value, is_exact};
use crate::text::Text;

/// "No tag": the end of a list.
const END: u32 = u32::MAX;

/// The tags of one span: a list through the [`Tags`] of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagList {
    /// A key that is not among these need not be looked for.
    keys: Digests,
    first: u32,
    last: u32,
    len: u32,
}

impl TagList {
    pub(crate) const EMPTY: TagList =
        TagList { keys: Digests::NONE, first: END, last: END, len: 0 };

    /// Whether the list is too long to be walked for each tag that is set.
    #[inline]
    fn is_long(self) -> bool {
        self.len > MAX_WALK
    }

    #[inline]
    fn may_have(self, digest: u32) -> bool {
        self.keys.may_have(digest)
    }
}

/// Tags of one span up to which a walk is faster than an index.
const MAX_WALK: u32 = 16;

/// Bytes of text that the tags of one trace hold together; further texts are held one by one.
const MAX_TEXTS: usize = 1 << 30;

/// One tag of one span, as the vector keeps it.
#[derive(Clone, Debug)]
struct Tag {
    key: Text,
    value: Value,
    /// Compared before the key itself: a walk over a span's tags touches no key's memory but the right one's.
    digest: u32,
    next: u32,
}

/// One vector for the tags of every span of a segment, linked by index.
///
/// A vector per span would be an allocation per span, freed on another thread. The lists only grow: a
/// removed tag stays as [`Value::Absent`] and its place is used again when the key is set again.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    all: Vec<Tag>,
    /// The texts that were copied when a key was first set, for the same reason. What comes in their place
    /// later holds its own: a tag that is set again and again must not grow anything.
    texts: String,
    heap_bytes: usize,
    /// Whoever looks at tags calls [`Tags::settle`] first.
    late: Option<Box<Waiting>>,
    /// Where the tags of long lists are.
    index: TagIndex,
}

impl Tags {
    /// Bytes that the tags hold, their texts and unused room included.
    pub(crate) fn bytes(&self) -> usize {
        self.all
            .capacity()
            .saturating_mul(size_of::<Tag>())
            .saturating_add(self.texts.capacity())
            .saturating_add(self.heap_bytes)
            .saturating_add(self.late.as_ref().map_or(0, |late| late.bytes()))
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.texts.clear();
        self.heap_bytes = 0;
        if let Some(late) = &mut self.late {
            late.clear();
        }
        self.index.clear();
    }

    /// Bytes of text that there is room for.
    pub(crate) fn text_capacity(&self) -> usize {
        self.texts.capacity()
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
            room.push(Late { tags, slot });
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
        late.convert(spans, self);
        self.late = Some(late);
    }

    /// Converts what was put off on `old` for spans that are open and have moved here.
    pub(crate) fn settle_moved(&mut self, old: &mut Tags, spans: &mut [Record]) {
        let Some(late) = old.late.as_mut().filter(|late| !late.is_empty()) else { return };
        let open: Vec<bool> = spans.iter().map(Record::is_open).collect();
        let is_open = |slot: u32| open.get(slot as usize).copied().unwrap_or(false);
        late.convert_some(&is_open, spans, self);
    }

    /// As [`Tags::set`], a value as another API has it, which may make several tags.
    #[inline(always)]
    pub(super) fn set_any(&mut self, list: &mut TagList, key: Text, value: TagValue<'_>) {
        // What is dropped here otherwise is mostly nothing, which would have to be found out at run time.
        let value = ManuallyDrop::new(value);
        match &*value {
            TagValue::Str(text) => self.put_str(list, Key::new(key), text),
            TagValue::Bool(on) => self.put(list, Key::new(key), *on),
            TagValue::I64(number) if is_exact(*number) => self.put(list, Key::new(key), *number),
            _ => self.set_other(list, key, ManuallyDrop::into_inner(value)),
        }
    }

    /// Sets several tags, whose values are left where they are.
    pub(super) fn set_all(&mut self, list: &mut TagList, all: &[(Text, TagValue<'static>)]) {
        for (key, value) in all {
            match (key.as_literal(), value) {
                // What most are: nothing is cloned, which would be read back wider than it was written.
                (Some(key), TagValue::Text(text)) => {
                    self.put_str(list, LiteralKey::new(key), text);
                }
                _ => self.set_any(list, key.clone(), value.borrowed()),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn set_other(&mut self, list: &mut TagList, key: Text, value: TagValue<'_>) {
        value.flatten(key, &mut |key, value| self.set(list, key, value));
    }

    pub(crate) fn get<'a>(&'a self, list: &TagList, key: &str) -> Option<Kept<'a>> {
        let index = self.find(list, digest(key.as_bytes()), |other| *other == *key)?;
        self.all.get(index)?.value.read(&self.texts)
    }

    /// Every tag that is set, in the order of the first setting of each key.
    pub(crate) fn iter<'a>(&'a self, list: &TagList) -> impl Iterator<Item = (&'a Text, Kept<'a>)> {
        self.with_digests(list).map(|(_, key, value)| (key, value))
    }

    /// As [`Tags::iter`], behind the digest of each key.
    pub(crate) fn with_digests<'a>(
        &'a self,
        list: &TagList,
    ) -> impl Iterator<Item = (u32, &'a Text, Kept<'a>)> {
        let mut at = list.first;
        std::iter::from_fn(move || {
            let tag = self.all.get(at as usize)?;
            at = tag.next;
            Some((tag, tag.value.read(&self.texts)))
        })
        .filter_map(|(tag, value)| Some((tag.digest, &tag.key, value?)))
    }

    /// Sets, replaces or (with [`Value::Absent`]) removes a tag.
    pub(crate) fn set(&mut self, list: &mut TagList, key: Text, value: Value) {
        self.put(list, Key::new(key), value);
    }

    /// As [`Tags::set`].
    #[inline(always)]
    pub(crate) fn put(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) {
        if list.may_have(key.digest()) {
            self.put_again(list, key.digest(), key.into_text(), value.into_value());
        } else {
            self.append(list, key, value);
        }
    }

    /// Sets a tag to a text that is copied.
    #[inline(always)]
    pub(crate) fn put_str(&mut self, list: &mut TagList, key: impl TagKey, text: &str) {
        let (at, len) = (self.texts.len(), text.len());
        if list.may_have(key.digest()) || at.saturating_add(len) > MAX_TEXTS {
            return self.put_copy(list, key.digest(), key.into_text(), text);
        }
        self.texts.push_str(text);
        #[expect(clippy::cast_possible_truncation, reason = "neither is over `MAX_TEXTS`")]
        self.append(list, key, Slice { at: at as u32, len: len as u32 });
    }

    #[cold]
    #[inline(never)]
    fn put_copy(&mut self, list: &mut TagList, digest: u32, key: Text, text: &str) {
        self.put_again(list, digest, key, Value::Text(Text::copy(text)));
    }

    /// For a key that may be in the list.
    #[cold]
    #[inline(never)]
    fn put_again(&mut self, list: &mut TagList, digest: u32, key: Text, value: Value) {
        match self.find(list, digest, |other| *other == key) {
            Some(index) => self.replace(index, value),
            None => self.append(list, Key { text: key, digest }, value),
        }
    }

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
            let key = Key { text: std::mem::take(&mut tag.key), digest: tag.digest };
            let value = std::mem::replace(&mut tag.value, Value::Absent);
            from.heap_bytes =
                from.heap_bytes.saturating_sub(key.heap_bytes()).saturating_sub(value.heap_bytes());
            match (&value, value.read(&from.texts)) {
                (Value::Slice { .. }, Some(Kept::Text(text))) => {
                    self.put_str(&mut moved, key, text);
                }
                _ => self.put(&mut moved, key, value),
            }
        }
        moved
    }

    /// Adds a tag whose key is not in the list.
    #[inline(always)]
    fn append(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) {
        // With room at hand the tag is written where it stays, and not moved there.
        if self.all.len() == self.all.capacity() || !value.is_present() {
            let digest = key.digest();
            return self.append_slowly(list, digest, key.into_text(), value.into_value());
        }
        self.push(list, key, value);
    }

    #[cold]
    #[inline(never)]
    fn append_slowly(&mut self, list: &mut TagList, digest: u32, key: Text, value: Value) {
        // Four billion tags in one trace: beyond every other bound, and then simply not kept.
        if value.is_present() && self.all.len() < END as usize {
            self.all.reserve(1);
            self.push(list, Key { text: key, digest }, value);
        }
    }

    /// Puts a tag where there is room.
    #[inline(always)]
    fn push(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) {
        let (digest, heap_bytes) = (key.digest(), key.heap_bytes());
        let heap_bytes = heap_bytes.saturating_add(value.heap_bytes());
        // There is room for no more than `END`.
        #[expect(clippy::cast_possible_truncation, reason = "see `append_slowly`")]
        let index = self.all.len() as u32;
        self.all.push(Tag { key: key.into_text(), value: value.into_value(), digest, next: END });
        self.heap_bytes = self.heap_bytes.saturating_add(heap_bytes);
        match self.all.get_mut(list.last as usize) {
            Some(last) => last.next = index,
            None => list.first = index,
        }
        list.last = index;
        list.len = list.len.saturating_add(1);
        list.keys.add(digest);
        if list.is_long() {
            self.enter(list, index, digest);
        }
    }

    /// Puts a new tag of a long list into the index; the first time, those before it as well.
    #[cold]
    fn enter(&mut self, list: &TagList, index: u32, digest: u32) {
        if list.len == MAX_WALK.saturating_add(1) {
            let mut at = list.first;
            while let Some(tag) = self.all.get(at as usize).filter(|_| at != index) {
                self.index.enter(list.first, tag.digest, at);
                at = tag.next;
            }
        }
        self.index.enter(list.first, digest, index);
    }

    fn find(&self, list: &TagList, digest: u32, is_it: impl Fn(&Text) -> bool) -> Option<usize> {
        if !list.may_have(digest) {
            return None;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;
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

    #[test]
    fn a_text_that_is_set_again_and_again_grows_nothing() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        for round in 0..100 {
            tags.put_str(&mut list, LiteralKey::new("state"), &format!("round {round}"));
        }
        let text = |tags: &Tags, list: &TagList| {
            tags.get(list, "state").and_then(Kept::text).map(Cow::into_owned)
        };
        assert_eq!(text(&tags, &list).as_deref(), Some("round 99"));
        assert_eq!((tags.all.len(), tags.texts.len()), (1, "round 0".len()));
        // Its room is that of the first text, wherever it moves.
        let mut fresh = Tags::default();
        let moved = fresh.adopt(&mut tags, list);
        assert_eq!(text(&fresh, &moved).as_deref(), Some("round 99"));
        fresh.clear();
        assert_eq!((fresh.all.len(), fresh.texts.len(), fresh.heap_bytes), (0, 0, 0));
    }

    #[test]
    fn texts_move_with_their_tags() {
        let mut tags = Tags::default();
        let (mut one, mut two) = (TagList::EMPTY, TagList::EMPTY);
        tags.put_str(&mut one, LiteralKey::new("a"), "first");
        tags.put_str(&mut two, Key::new("b".to_owned().into()), "sécond");
        tags.put_str(&mut two, LiteralKey::new("c"), "");
        let mut fresh = Tags::default();
        let moved = fresh.adopt(&mut tags, two);
        let texts: Vec<_> = fresh
            .iter(&moved)
            .map(|(key, value)| (key.to_string(), value.text().unwrap()))
            .collect();
        assert_eq!(texts, [("b".into(), "sécond".into()), ("c".into(), "".into())]);
        assert_eq!(fresh.texts, "sécond");
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
