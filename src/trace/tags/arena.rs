//! The tags of all spans of a segment, in one vector.

use super::bounds::Bounds;
use super::deferred::{Deferred, DeferredList, DeferredTags, TagLists};
use super::digest::{Digests, digest, hash};
use super::index::TagIndex;
use super::new_tag::{Key, LiteralKey, NewValue, TagKey, TagTarget, put_value};
use super::stored::{StoredValue, TagRef};
use crate::text::Text;
use crate::trace::values::TagValue;

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

    #[inline]
    fn may_have(self, digest: u32) -> bool {
        self.keys.may_have(digest)
    }

    /// Whether it is too long to be walked: the index knows all of its tags.
    #[inline]
    fn is_long(self) -> bool {
        self.len >= LONG
    }
}

/// Tags of one span from which on the index is faster than a walk.
const LONG: u32 = 25;

/// Tags of one trace: beyond every other bound, and then simply not kept.
const MAX_TAGS: u32 = 1 << 28;

/// Tags that there is room for where there is any.
const LEAST_GROWTH: usize = 4;

/// One tag of one span, as the vector keeps it.
#[derive(Clone, Debug)]
struct Tag {
    key: Text,
    value: StoredValue,
    /// Compared before the key itself: a walk over a span's tags touches no key's memory but the right one's.
    digest: u32,
    next: u32,
}

/// One vector for the tags of every span of a segment, linked by index.
///
/// A vector per span would be an allocation per span, freed on another thread. The lists only grow: a
/// removed tag stays as [`StoredValue::Absent`] and its place is used again when the key is set again.
#[derive(Debug)]
pub(crate) struct Tags {
    all: Vec<Tag>,
    /// The texts that were copied when a key was first set, for the same reason. What comes in their place
    /// later holds its own: a tag that is set again and again must not grow anything.
    texts: String,
    /// Of keys, values and the index, and what the spans hold beside their tags: names, links, baggage.
    heap_bytes: usize,
    bounds: Bounds,
    /// What it held when it was emptied, in room for more.
    room: usize,
    /// A change was refused, which nobody has said yet.
    has_refused: bool,
    /// Whoever looks at tags calls [`Tags::settle`] first.
    late: Option<Box<DeferredList>>,
    /// Where the tags of long lists are.
    index: TagIndex,
}

impl Default for Tags {
    fn default() -> Self {
        Tags {
            all: Vec::new(),
            texts: String::new(),
            heap_bytes: 0,
            bounds: Bounds::NONE,
            room: 0,
            has_refused: false,
            late: None,
            index: TagIndex::default(),
        }
    }
}

/// Counts on a span the changes that were refused because its trace holds too much.
const REFUSED: &str = "tracehound.refused_changes";

// ===== what a trace may hold =====

impl Tags {
    /// Lets an empty one take up to so many bytes, beside the room that it has.
    #[inline]
    pub(crate) fn bound(&mut self, most: usize) {
        self.bounds = Bounds::new(self.room, self.heap_bytes, most);
    }

    /// Looks at the bounds again when there is a step more.
    fn mark(&mut self) {
        let late = self.late.as_ref().map_or(0, |late| late.heap_bytes());
        self.bounds.mark(self.heap_bytes, self.texts.len(), late);
    }

    /// What was admitted before is moved or converted without a bound.
    fn unbounded(&mut self, work: impl FnOnce(&mut Self)) {
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
            self.bounds.late = self.bounds.late.saturating_add(more);
        }
        admitted
    }

    /// Changes what a span holds beside its tags from one number of bytes to another; if that is refused, it is
    /// counted on the span.
    #[inline]
    pub(crate) fn exchange(&mut self, list: &mut TagList, before: usize, after: usize) -> bool {
        let more = after.saturating_sub(before);
        let held = self.heap_bytes.saturating_add(more);
        if more > 0 && held > self.bounds.values && !self.has_room(more) {
            self.refuse(list);
            return false;
        }
        self.heap_bytes = held.saturating_sub(before.saturating_sub(after));
        true
    }

    /// Counts what a span holds beside its tags, whatever the bounds say.
    #[inline]
    pub(crate) fn hold(&mut self, bytes: usize) {
        // Nothing overflows here: what exists is never more than there are addresses.
        self.heap_bytes = self.heap_bytes.wrapping_add(bytes);
    }

    #[inline]
    pub(crate) fn let_go(&mut self, bytes: usize) {
        self.heap_bytes = self.heap_bytes.saturating_sub(bytes);
    }

    /// Whether no further span should begin in the trace.
    #[inline]
    pub(crate) fn is_exceeded(&self) -> bool {
        self.heap_bytes > self.bounds.values && self.is_far_exceeded()
    }

    #[cold]
    #[inline(never)]
    fn is_far_exceeded(&self) -> bool {
        self.bounds.is_exceeded(self.bytes())
    }

    /// Has [`Tags::is_flush_due`] say so from now on.
    pub(crate) fn make_flush_due(&mut self) {
        self.bounds.is_flush_due = true;
    }

    /// Whether somebody should look what to do with what has finished: much is held, or the tracer has ended.
    #[inline]
    pub(crate) fn is_flush_due(&self) -> bool {
        self.bounds.is_flush_due
    }

    /// What stays after a part was sent has moved here.
    pub(crate) fn flushed(&mut self) {
        self.bounds.flushed(self.bytes());
        self.mark();
    }

    /// Whether a change was refused since this was last asked.
    #[inline]
    pub(crate) fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.has_refused)
    }

    /// Counts on a span a change that is refused.
    #[cold]
    pub(crate) fn refuse(&mut self, list: &mut TagList) {
        self.has_refused = true;
        self.count(list, REFUSED);
    }

    /// Adds one to a number on a span, whatever the bounds say.
    #[cold]
    pub(crate) fn count(&mut self, list: &mut TagList, key: &'static str) {
        let before = self.get(list, key).and_then(TagRef::number).unwrap_or_default();
        self.unbounded(|tags| {
            tags.put(list, LiteralKey::new(key), StoredValue::F64(before + 1.0));
        });
    }

    /// What spans hold beside their tags, where these have neither long keys nor texts of their own.
    #[cfg(test)]
    pub(crate) fn beside_tags(&self) -> usize {
        self.heap_bytes.saturating_sub(self.index.bytes())
    }
}

impl Tags {
    /// Bytes that the spans hold beside their records, unused room included.
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
        (self.bounds, self.has_refused) = (Bounds::NONE, false);
        self.room = self.bytes();
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
    pub(crate) fn late<T: DeferredTags>(
        &mut self,
        heap_bytes: usize,
    ) -> Option<&mut Vec<Deferred<T>>> {
        let late = self.late.as_mut()?;
        if late.heap_bytes().wrapping_add(heap_bytes) > self.bounds.late {
            return None;
        }
        late.others(heap_bytes)
    }

    /// Puts off tags of the span in a slot; says whether there was room.
    pub(crate) fn put_off<T: DeferredTags>(
        &mut self,
        lists: &mut dyn TagLists,
        slot: u32,
        tags: T,
        heap_bytes: usize,
    ) -> bool {
        if self.late.as_ref().is_some_and(|late| !late.takes::<T>()) {
            self.settle(lists);
        }
        let more = size_of::<Deferred<T>>().saturating_add(heap_bytes);
        if !self.has_room(more) {
            // As tags they may hold less: what was set again counts once.
            self.settle(lists);
            if !self.has_room(more) {
                if let Some(list) = lists.list(slot) {
                    self.refuse(list);
                }
                return false;
            }
        }
        if let Some(room) = DeferredList::room(&mut self.late, heap_bytes) {
            room.push(Deferred { tags, slot });
        }
        true
    }

    /// Converts what was put off.
    #[inline]
    pub(crate) fn settle(&mut self, lists: &mut dyn TagLists) {
        if self.late.as_ref().is_some_and(|late| !late.is_empty()) {
            self.settle_all(lists);
        }
    }

    #[cold]
    fn settle_all(&mut self, lists: &mut dyn TagLists) {
        let Some(mut late) = self.late.take() else { return };
        self.unbounded(|tags| late.convert(lists, tags));
        self.late = Some(late);
    }

    /// How often late tags have panicked since this was last asked.
    pub(crate) fn take_deferred_panics(&mut self) -> u64 {
        self.late.as_mut().map_or(0, |late| late.take_panics())
    }

    /// Converts what was put off for spans that are open.
    pub(crate) fn settle_open(&mut self, lists: &mut dyn TagLists) {
        let Some(mut late) = self.late.take() else { return };
        self.unbounded(|tags| late.convert_open(lists, tags));
        self.late = Some(late);
    }

    /// Where [`put_value`] puts the tags of a span.
    pub(super) fn of<'a>(&'a mut self, list: &'a mut TagList) -> impl TagTarget + 'a {
        Of { tags: self, list }
    }

    /// Sets several tags, whose values are left where they are.
    pub(crate) fn set_all(&mut self, list: &mut TagList, all: &[(Text, TagValue<'static>)]) {
        for (key, value) in all {
            match (key.as_literal(), value) {
                // What most are: nothing is cloned, which would be read back wider than it was written.
                (Some(key), TagValue::Text(text)) => {
                    self.put(list, LiteralKey::new(key), &**text);
                }
                _ => put_value(&mut self.of(list), Key::new(key.clone()), value.borrowed()),
            }
        }
    }

    pub(crate) fn get<'a>(&'a self, list: &TagList, key: &str) -> Option<TagRef<'a>> {
        let place = self.find(list, digest(key.as_bytes()), key.as_bytes())?;
        self.all.get(place as usize)?.value.read(&self.texts)
    }

    /// Every tag that is set, in the order of the first setting of each key.
    pub(crate) fn iter<'a>(
        &'a self,
        list: &TagList,
    ) -> impl Iterator<Item = (&'a Text, TagRef<'a>)> {
        self.with_digests(list).map(|(_, key, value)| (key, value))
    }

    /// As [`Tags::iter`], behind the digest of each key.
    pub(crate) fn with_digests<'a>(
        &'a self,
        list: &TagList,
    ) -> impl Iterator<Item = (u32, &'a Text, TagRef<'a>)> {
        let mut at = list.first;
        std::iter::from_fn(move || {
            let tag = self.all.get(at as usize)?;
            at = tag.next;
            Some((tag, tag.value.read(&self.texts)))
        })
        .filter_map(|(tag, value)| Some((tag.digest, &tag.key, value?)))
    }

    /// Sets, replaces or (with [`StoredValue::Absent`]) removes a tag; says whether there was room, or else counts on the span
    /// that there was none. Whatever sets a tag ends here.
    #[inline(always)]
    pub(crate) fn put(
        &mut self,
        list: &mut TagList,
        key: impl TagKey,
        value: impl NewValue,
    ) -> bool {
        let text_bytes = value.text_bytes();
        if text_bytes > 0
            && self.texts.len().saturating_add(text_bytes) > self.bounds.texts
            && !self.has_text_room(text_bytes)
        {
            return self.put(list, key, value.into_value());
        }
        let heap_bytes = key.heap_bytes().saturating_add(value.heap_bytes());
        let is_over = heap_bytes > 0
            && self.heap_bytes.saturating_add(heap_bytes) > self.bounds.values
            && !self.has_room(heap_bytes);
        if is_over {
            return self.put_over(list, key, value);
        }
        if self.all.len() == self.all.capacity() && value.is_present() {
            return self.put_growing(list, key, value);
        }
        if let Some(place) = self.place(list, &key) {
            self.replace(place, value);
        } else if value.is_present() {
            self.push(list, key, value);
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn put_growing(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) -> bool {
        if self.grow() { self.put(list, key, value) } else { self.put_over(list, key, value) }
    }

    /// Whether one more text fits among those that stand together.
    #[cold]
    #[inline(never)]
    fn has_text_room(&mut self, len: usize) -> bool {
        // A vector that grows has room for up to as much again.
        let has_room = self.has_room(len);
        has_room && self.texts.len().saturating_add(len) <= self.bounds.texts
    }

    /// Sets a tag where there is no room: one that is there can become smaller, or nothing.
    #[cold]
    #[inline(never)]
    fn put_over(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) -> bool {
        let (place, value) = (self.place(list, &key), value.into_value());
        let before = place.and_then(|place| self.all.get(place as usize)).map(|tag| &tag.value);
        match (place, before) {
            (Some(place), Some(before)) if value.heap_bytes() <= before.heap_bytes() => {
                self.replace(place, value);
                true
            }
            _ => {
                self.refuse(list);
                false
            }
        }
    }

    /// Makes room for one more tag, if there may be.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> bool {
        let most = (MAX_TAGS as usize).saturating_sub(self.all.len());
        let usual = self.all.len().max(LEAST_GROWTH).min(most);
        // Where there is no room for twice as much, an eighth: a few at a time, each might be a copy of all.
        for more in [usual, usual / 8, LEAST_GROWTH.min(most)] {
            if more > 0 && self.has_room(more.saturating_mul(size_of::<Tag>())) {
                self.all.reserve_exact(more);
                return true;
            }
        }
        false
    }

    /// Where the tag with this key is.
    #[inline(always)]
    fn place(&self, list: &TagList, key: &impl TagKey) -> Option<u32> {
        if !list.may_have(key.digest()) {
            return None;
        }
        self.find(list, key.digest(), key.as_bytes())
    }

    #[cold]
    #[inline(never)]
    fn replace(&mut self, place: u32, value: impl NewValue) {
        let value = value.into_value();
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
        self.unbounded(|tags| tags.move_in(from, list, &mut moved));
        moved
    }

    fn move_in(&mut self, from: &mut Tags, list: TagList, moved: &mut TagList) {
        let mut at = list.first;
        while let Some(tag) = from.all.get_mut(at as usize) {
            at = tag.next;
            let key = Key { text: std::mem::take(&mut tag.key), digest: tag.digest };
            let value = std::mem::replace(&mut tag.value, StoredValue::Absent);
            from.heap_bytes =
                from.heap_bytes.saturating_sub(key.heap_bytes()).saturating_sub(value.heap_bytes());
            match (&value, value.read(&from.texts)) {
                (StoredValue::Slice { .. }, Some(TagRef::Text(text))) => self.put(moved, key, text),
                _ => self.put(moved, key, value),
            };
        }
    }

    /// Puts a tag where there is room.
    #[inline(always)]
    fn push(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) {
        let (digest, heap_bytes) = (key.digest(), key.heap_bytes());
        let heap_bytes = heap_bytes.saturating_add(value.heap_bytes());
        // There is room for no more than `MAX_TAGS`.
        #[expect(clippy::cast_possible_truncation, reason = "see `grow`")]
        let index = self.all.len() as u32;
        let value = value.into_stored(&mut self.texts);
        // `put` has made room, which the compiler has to see here: then the tag is written where it stays, and not moved.
        if self.all.len() == self.all.capacity() {
            return;
        }
        self.all.push(Tag { key: key.into_text(), value, digest, next: END });
        self.heap_bytes = self.heap_bytes.saturating_add(heap_bytes);
        match self.all.get_mut(list.last as usize) {
            Some(last) => last.next = index,
            None => list.first = index,
        }
        list.last = index;
        list.keys.add(digest);
        list.len = list.len.wrapping_add(1);
        if list.is_long() {
            self.index_last(list);
        }
    }

    /// Enters the last tag of a long list, or all of a list that has just become one.
    #[cold]
    #[inline(never)]
    fn index_last(&mut self, list: &mut TagList) {
        list.keys = Digests::ALL;
        let before = self.index.bytes();
        let mut at = if list.len == LONG { list.first } else { list.last };
        while let Some(Tag { key, digest, next, .. }) = self.all.get(at as usize) {
            self.index.enter(list.first, hash(*digest, key.as_bytes()), at);
            at = *next;
        }
        self.heap_bytes += self.index.bytes() - before;
    }

    #[cold]
    #[inline(never)]
    fn find(&self, list: &TagList, digest: u32, key: &[u8]) -> Option<u32> {
        if !list.may_have(digest) {
            return None;
        }
        if list.is_long() {
            return self.index.find(list.first, hash(digest, key), |place| {
                self.all.get(place as usize).is_some_and(|tag| tag.key.as_bytes() == key)
            });
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

struct Of<'a> {
    tags: &'a mut Tags,
    list: &'a mut TagList,
}

impl TagTarget for Of<'_> {
    #[inline(always)]
    fn put(&mut self, key: impl TagKey, value: impl NewValue) {
        self.tags.put(self.list, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;

    fn set(tags: &mut Tags, list: &mut TagList, key: Text, value: StoredValue) {
        tags.put(list, Key::new(key), value);
    }

    fn numbers(tags: &Tags, list: &TagList) -> Vec<(String, f64)> {
        tags.iter(list).map(|(key, value)| (key.to_string(), value.number().unwrap())).collect()
    }

    #[test]
    fn two_spans_share_the_vector_and_not_the_tags() {
        let mut tags = Tags::default();
        let (mut one, mut two) = (TagList::EMPTY, TagList::EMPTY);
        set(&mut tags, &mut one, "a".into(), StoredValue::I64(1));
        set(&mut tags, &mut two, "a".into(), StoredValue::I64(2));
        set(&mut tags, &mut one, "b".into(), StoredValue::I64(3));
        assert_eq!(numbers(&tags, &one), [("a".into(), 1.0), ("b".into(), 3.0)]);
        assert_eq!(numbers(&tags, &two), [("a".into(), 2.0)]);
    }

    #[test]
    fn a_removed_key_takes_its_old_place_again() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        for round in 0..100 {
            set(&mut tags, &mut list, "a".into(), StoredValue::I64(round));
            set(&mut tags, &mut list, "a".into(), StoredValue::Absent);
        }
        assert!(tags.get(&list, "a").is_none());
        assert_eq!(tags.all.len(), 1);
    }

    #[test]
    fn bytes_follow_the_texts() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        let empty = tags.bytes();
        set(&mut tags, &mut list, "a".into(), StoredValue::Text("x".repeat(1000).into()));
        assert!(tags.bytes() >= empty + 1000);
        set(&mut tags, &mut list, "a".into(), StoredValue::I64(1));
        assert!(tags.bytes() < empty + 1000);
    }

    #[test]
    fn a_text_that_is_set_again_and_again_grows_nothing() {
        let mut tags = Tags::default();
        let mut list = TagList::EMPTY;
        for round in 0..100 {
            tags.put(&mut list, LiteralKey::new("state"), &*format!("round {round}"));
        }
        let text = |tags: &Tags, list: &TagList| {
            tags.get(list, "state").and_then(TagRef::text).map(Cow::into_owned)
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
        tags.put(&mut one, LiteralKey::new("a"), "first");
        tags.put(&mut two, Key::new("b".to_owned().into()), "sécond");
        tags.put(&mut two, LiteralKey::new("c"), "");
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
                tags.put(&mut list, Key::new(key.clone()), "a text that does not fit in place");
                if round % 2 == 1 {
                    set(&mut tags, &mut list, key, StoredValue::Absent);
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
            tags.put(&mut list, key, "a text that does not fit in place");
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
                set(&mut tags, &mut list, key(number), StoredValue::I64((number + round) as i64));
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
            let text = |value: TagRef<'_>| value.text().unwrap().into_owned();
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
                        set(&mut tags, list, key.clone().into(), StoredValue::Text(Text::copy(text)));
                    }
                    Some(text) if number % 3 == 1 => {
                        put_value(&mut tags.of(list), Key::new(key.clone().into()), text.as_str().into());
                    }
                    Some(text) => {
                        tags.put(list, Key::new(key.clone().into()), &**text);
                    }
                    None => set(&mut tags, list, key.clone().into(), StoredValue::Absent),
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
