//! The tags of all spans of a segment, in one vector.

use std::mem::ManuallyDrop;

use super::digest::{Digests, digest, hash};
use super::late::{Late, LateTags, Waiting};
use super::new_tag::{Key, LiteralKey, NewValue, Slice, TagKey};
use super::record::Record;
use super::tag_index::{Table, TagIndex};
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
    /// With so many more tags it has to have a table, or a larger one.
    room: u32,
    /// Knows where all the tags of a list are that is too long to be walked.
    table: Table,
}

impl TagList {
    pub(crate) const EMPTY: TagList =
        TagList { keys: Digests::NONE, first: END, last: END, room: LONG, table: Table::NONE };

    #[inline]
    fn may_have(self, digest: u32) -> bool {
        self.keys.may_have(digest)
    }
}

/// Tags of one span from which on a table is faster than a walk.
const LONG: u32 = 25;

/// Tags of one trace: beyond every other bound, and then simply not kept. Each has less than 16 slots in an index,
/// which fit into 32 bits.
const MAX_TAGS: u32 = 1 << 28;

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
    /// Of keys, values and the index.
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
        if let Some(late) = &mut self.late {
            late.clear();
        }
        self.index.clear();
        self.heap_bytes = self.index.bytes();
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

    /// How often late tags have panicked since this was last asked.
    pub(super) fn take_late_panics(&mut self) -> u64 {
        self.late.as_mut().map_or(0, |late| late.take_panics())
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
        let place = self.find(list, digest(key.as_bytes()), key.as_bytes())?;
        self.all.get(place as usize)?.value.read(&self.texts)
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
        if let Some(place) = self.place(list, &key, value.is_present()) {
            return self.replace(place, value.into_value());
        }
        self.append(list, key, value);
    }

    /// Sets a tag to a text that is copied.
    #[inline(always)]
    pub(crate) fn put_str(&mut self, list: &mut TagList, key: impl TagKey, text: &str) {
        let (at, len) = (self.texts.len(), text.len());
        if at.saturating_add(len) > MAX_TEXTS {
            return self.put(list, key, Value::Text(Text::copy(text)));
        }
        if let Some(place) = self.place(list, &key, true) {
            return self.replace_text(place, text);
        }
        self.texts.push_str(text);
        #[expect(clippy::cast_possible_truncation, reason = "neither is over `MAX_TEXTS`")]
        self.append(list, key, Slice { at: at as u32, len: len as u32 });
    }

    /// Where the tag with this key is. If it is nowhere, and is appended next, a table knows it from now on.
    #[inline(always)]
    fn place(&mut self, list: &TagList, key: &impl TagKey, is_appended: bool) -> Option<u32> {
        let digest = key.digest();
        if !list.may_have(digest) {
            return None;
        }
        if is_appended && list.table.is_some() {
            if let Some(next) = self.next() {
                let is_like_it = |place| has_digest(&self.all, place, digest);
                if self.index.enter(list.table, digest, next, is_like_it) {
                    return None;
                }
            }
        }
        self.find_or_enter(list, digest, key.as_bytes(), is_appended)
    }

    /// The place of a tag that is appended.
    #[inline(always)]
    fn next(&self) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "compared")]
        (self.all.len() < MAX_TAGS as usize).then_some(self.all.len() as u32)
    }

    #[cold]
    #[inline(never)]
    fn find_or_enter(
        &mut self,
        list: &TagList,
        digest: u32,
        key: &[u8],
        is_appended: bool,
    ) -> Option<u32> {
        let found = self.find(list, digest, key);
        if found.is_none() && is_appended && list.table.is_some() {
            self.index.enter(list.table, hash(digest, key), self.next()?, |_| false);
        }
        found
    }

    #[cold]
    #[inline(never)]
    fn replace_text(&mut self, place: u32, text: &str) {
        self.replace(place, Value::Text(Text::copy(text)));
    }

    #[cold]
    #[inline(never)]
    fn replace(&mut self, place: u32, value: Value) {
        let Some(tag) = self.all.get_mut(place as usize) else { return };
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
        if value.is_present() && self.next().is_some() {
            self.all.reserve(1);
            self.push(list, Key { text: key, digest }, value);
        }
    }

    /// Puts a tag where there is room.
    #[inline(always)]
    fn push(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) {
        let (digest, heap_bytes) = (key.digest(), key.heap_bytes());
        let heap_bytes = heap_bytes.saturating_add(value.heap_bytes());
        // There is room for no more than `MAX_TAGS`.
        #[expect(clippy::cast_possible_truncation, reason = "see `append_slowly`")]
        let index = self.all.len() as u32;
        self.all.push(Tag { key: key.into_text(), value: value.into_value(), digest, next: END });
        self.heap_bytes = self.heap_bytes.saturating_add(heap_bytes);
        match self.all.get_mut(list.last as usize) {
            Some(last) => last.next = index,
            None => list.first = index,
        }
        list.last = index;
        list.keys.add(digest);
        list.room = list.room.wrapping_sub(1);
        if list.room == 0 {
            self.index_list(list);
        }
    }

    /// Gives a list that is long a table, or a larger one, with all of its tags.
    #[cold]
    #[inline(never)]
    fn index_list(&mut self, list: &mut TagList) {
        list.keys = Digests::ALL;
        let before = self.index.bytes();
        list.table = self.index.table(list.table);
        let more = self.index.bytes().saturating_sub(before);
        self.heap_bytes = self.heap_bytes.saturating_add(more);
        list.room = list.table.room();
        let mut at = list.first;
        while let Some(Tag { key, digest, next, .. }) = self.all.get(at as usize) {
            let is_like_it = |place| has_digest(&self.all, place, *digest);
            if !self.index.enter(list.table, *digest, at, is_like_it) {
                self.index.enter(list.table, hash(*digest, key.as_bytes()), at, |_| false);
            }
            list.room = list.room.saturating_sub(1);
            at = *next;
        }
    }

    fn find(&self, list: &TagList, digest: u32, key: &[u8]) -> Option<u32> {
        if !list.may_have(digest) {
            return None;
        }
        if list.table.is_some() {
            // By its digest a table finds the first key that has it; the others by what tells them apart.
            let has_digest = |place: &u32| has_digest(&self.all, *place, digest);
            let first = self.index.tags(list.table, digest).find(has_digest)?;
            if has_key(&self.all, first, key) {
                return Some(first);
            }
            let mut others = self.index.tags(list.table, hash(digest, key)).filter(has_digest);
            return others.find(|place| has_key(&self.all, *place, key));
        }
        let mut at = list.first;
        while let Some(tag) = self.all.get(at as usize) {
            if tag.digest == digest && tag.key.as_bytes() == key {
                return Some(at);
            }
            at = tag.next;
        }
        None
    }
}

#[inline]
fn has_digest(tags: &[Tag], place: u32, digest: u32) -> bool {
    tags.get(place as usize).is_some_and(|tag| tag.digest == digest)
}

fn has_key(tags: &[Tag], place: u32, key: &[u8]) -> bool {
    tags.get(place as usize).is_some_and(|tag| tag.key.as_bytes() == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;

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

    #[test]
    fn a_loop_over_many_keys_grows_nothing() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        let mut held = 0;
        for round in 0..20 {
            for number in 0..100 {
                let key: Text = format!("tag.{number}").into();
                tags.put_str(&mut list, Key::new(key.clone()), "a text that does not fit in place");
                if round % 2 == 1 {
                    tags.set(&mut list, key, Value::Absent);
                }
            }
            if round == 1 {
                held = tags.bytes();
            }
        }
        assert_eq!(tags.all.len(), 100);
        assert_eq!((tags.bytes(), tags.iter(&list).count()), (held, 0));
    }

    #[test]
    fn texts_of_long_lists_stand_together() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        for key in 0..200 {
            let key = Key::new(Text::copy(&key.to_string()));
            tags.put_str(&mut list, key, "a text that does not fit in place");
        }
        assert_eq!(tags.heap_bytes, tags.index.bytes());
        assert_eq!(tags.texts.len(), 200 * "a text that does not fit in place".len());
    }

    /// Were they told apart by their digests alone, it would take a minute.
    #[test]
    fn ten_thousand_keys_with_one_digest_are_told_apart() {
        let key = |number: usize| -> Text { format!("items.{number:05}.quantity").into() };
        assert_eq!(digest(key(1).as_bytes()), digest(key(2).as_bytes()));
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        for round in 0..2 {
            for number in 0..10_000 {
                tags.set(&mut list, key(number), Value::I64((number + round) as i64));
            }
        }
        assert_eq!(tags.all.len(), 10_000);
        for (number, (place, value)) in numbers(&tags, &list).into_iter().enumerate() {
            assert_eq!((place.as_str(), value), (key(number).as_str(), (number + 1) as f64));
            assert_eq!(tags.get(&list, &place).and_then(|kept| kept.number()), Some(value));
        }
        assert!(tags.get(&list, "items.10000.quantity").is_none());
    }

    /// A map that keeps the order of the first setting, also of what was removed.
    #[derive(Default)]
    struct Model(Vec<(String, Option<String>)>);

    impl Model {
        fn set(&mut self, key: String, value: Option<String>) {
            match self.0.iter_mut().find(|(other, _)| *other == key) {
                Some((_, place)) => *place = value,
                None if value.is_some() => self.0.push((key, value)),
                None => {}
            }
        }

        fn is(&self, tags: &Tags, list: &TagList) -> bool {
            let text = |value: Kept<'_>| value.text().unwrap().into_owned();
            let kept = tags.iter(list).map(|(key, value)| (key.to_string(), text(value)));
            let expected = self.0.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
            kept.eq(expected.map(|(key, value)| (key.clone(), value.clone())))
                && self.0.iter().all(|(key, value)| tags.get(list, key).map(text) == *value)
        }
    }

    /// One of 200 keys: short ones, and such as have their digest in common with others.
    fn key(number: usize) -> String {
        match number % 4 {
            0 => format!("{number}"),
            1 => format!("{number:03}.http.request.header"),
            2 => format!("attribute.{number}"),
            _ => format!("{}.{number}", "long.".repeat(number % 7)),
        }
    }

    proptest! {
        /// Two spans of one trace, each with tags in an order of its own, here and after they have moved.
        #[test]
        fn a_list_is_an_ordered_map(
            steps in prop::collection::vec(
                (any::<bool>(), 0..200usize, prop::option::weighted(0.8, ".{0,30}")),
                0..700,
            ),
            keys in 1..200usize,
        ) {
            let mut tags = Tags::default();
            let mut lists = [TagList::EMPTY; 2];
            let mut models = [Model::default(), Model::default()];
            for (number, (is_second, at, value)) in steps.into_iter().enumerate() {
                let (list, key) = (&mut lists[usize::from(is_second)], key(at % keys));
                match &value {
                    Some(text) if number % 3 == 0 => {
                        tags.set(list, key.clone().into(), Value::Text(Text::copy(text)));
                    }
                    Some(text) if number % 3 == 1 => {
                        tags.set_any(list, key.clone().into(), text.as_str().into());
                    }
                    Some(text) => tags.put_str(list, Key::new(key.clone().into()), text),
                    None => tags.set(list, key.clone().into(), Value::Absent),
                }
                models[usize::from(is_second)].set(key, value);
            }
            prop_assert_eq!(tags.all.len(), models[0].0.len() + models[1].0.len());
            prop_assert!(models[0].is(&tags, &lists[0]) && models[1].is(&tags, &lists[1]));
            let mut fresh = Tags::default();
            let moved = fresh.adopt(&mut tags, lists[0]);
            prop_assert!(models[0].is(&fresh, &moved) && models[1].is(&tags, &lists[1]));
            tags.clear();
            let again = tags.adopt(&mut fresh, moved);
            prop_assert!(models[0].is(&tags, &again));
        }
    }
}
