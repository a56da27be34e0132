//! How a tag is set: whatever sets one ends in [`Tags::put`].

use super::arena::{END, LONG, Tag, TagList, Tags};
use super::digest::{Digests, hash};
use super::new_tag::{Key, LiteralKey, NewValue, TagKey, TagTarget, put_value};
use super::stored::{StoredValue, TagRef};
use crate::text::Text;
use crate::trace::values::TagValue;

/// Tags that one trace has at the most. Every bound on memory is reached before.
const MAX_TAGS: usize = 1 << 28;

/// The least number of tags to make room for.
const LEAST_GROWTH: usize = 4;

impl Tags {
    /// Sets several tags, without taking their values.
    pub(crate) fn set_all(&mut self, list: &mut TagList, all: &[(Text, TagValue<'static>)]) {
        for (key, value) in all {
            // Texts, which most are, are not cloned: a clone would be read back wider than it was written, which is slow
            // ("store forwarding" in docs/architecture.md).
            match (key.as_literal(), value.as_text()) {
                (Some(key), Some(text)) => _ = self.put(list, LiteralKey::new(key), text),
                (None, Some(text)) => _ = self.put(list, Key::new(key.clone()), text),
                _ => put_value(&mut (&mut *self, &mut *list), Key::new(key.clone()), value.clone()),
            }
        }
    }

    /// Sets, replaces or (with [`StoredValue::Absent`]) removes a tag. Says whether there was room; where there was none,
    /// it is counted on the span.
    #[inline(always)]
    pub(crate) fn put(
        &mut self,
        list: &mut TagList,
        key: impl TagKey,
        value: impl NewValue,
    ) -> bool {
        let text_bytes = value.text_bytes();
        if text_bytes > 0
            && self.texts.len() + text_bytes > self.bounds.texts
            && !self.has_text_room(text_bytes)
        {
            return self.put(list, key, value.into_value());
        }
        let heap_bytes = key.heap_bytes() + value.heap_bytes();
        let is_over = heap_bytes > 0
            && self.heap_bytes + heap_bytes > self.bounds.values
            && !self.has_room(heap_bytes);
        if is_over {
            return self.put_over(list, key, value);
        }
        if self.all.len() == self.all.capacity() && value.is_present() {
            return self.put_growing(list, key, value);
        }
        if let Some(place) = self.place(list, key.digest(), key.as_bytes()) {
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

    /// Whether one more text fits into [`Tags::texts`].
    #[cold]
    #[inline(never)]
    fn has_text_room(&mut self, len: usize) -> bool {
        // In this order: `has_room` moves the bound on texts by a step.
        self.has_room(len) && self.texts.len() + len <= self.bounds.texts
    }

    /// Sets a tag where there is no room: only in place of a value that holds as much or more.
    #[cold]
    #[inline(never)]
    fn put_over(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) -> bool {
        let value = value.into_value();
        let place = self.place(list, key.digest(), key.as_bytes()).filter(|place| {
            let before = self.all.get(*place as usize);
            before.is_some_and(|tag| value.heap_bytes() <= tag.value.heap_bytes())
        });
        match place {
            Some(place) => self.replace(place, value),
            None => self.refuse(list),
        }
        place.is_some()
    }

    /// Makes room for at least one more tag, if there may be.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> bool {
        let most = MAX_TAGS.saturating_sub(self.all.len());
        let usual = self.all.len().max(LEAST_GROWTH).min(most);
        // Twice as many, or, where that is too much, an eighth more: growing by a few at a time would copy all of them
        // each time.
        for more in [usual, usual / 8, LEAST_GROWTH.min(most)] {
            if more > 0 && self.has_room(more * size_of::<Tag>()) {
                self.all.reserve_exact(more);
                return true;
            }
        }
        false
    }

    #[cold]
    #[inline(never)]
    fn replace(&mut self, place: u32, value: impl NewValue) {
        let value = value.into_value();
        let Some(tag) = self.all.get_mut(place as usize) else { return };
        self.heap_bytes =
            (self.heap_bytes + value.heap_bytes()).saturating_sub(tag.value.heap_bytes());
        tag.value = value;
    }

    /// Moves the tags of one span out of another arena into this one.
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
            from.heap_bytes = from.heap_bytes.saturating_sub(key.heap_bytes() + value.heap_bytes());
            match (&value, value.read(&from.texts)) {
                (StoredValue::Slice { .. }, Some(TagRef::Text(text))) => self.put(moved, key, text),
                _ => self.put(moved, key, value),
            };
        }
    }

    /// Adds a tag to a list, where there is room.
    #[inline(always)]
    fn push(&mut self, list: &mut TagList, key: impl TagKey, value: impl NewValue) {
        let (digest, heap_bytes) = (key.digest(), key.heap_bytes() + value.heap_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "there are at most `MAX_TAGS`")]
        let index = self.all.len() as u32;
        let value = value.into_stored(&mut self.texts);
        // Never true: `put` has made room. But it shows the compiler that nothing is allocated here, and then it writes
        // the tag where it stays instead of moving it there.
        if self.all.len() == self.all.capacity() {
            return;
        }
        self.all.push(Tag { key: key.into_text(), value, digest, next: END });
        self.heap_bytes += heap_bytes;
        match self.all.get_mut(list.last as usize) {
            Some(last) => last.next = index,
            None => list.first = index,
        }
        list.last = index;
        list.keys.add(digest);
        list.len += 1;
        if list.is_long() {
            self.index_last(list);
        }
    }

    /// Enters the last tag of a long list into the index, or all tags of a list that has just become long.
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
}

/// The tags of one span.
impl TagTarget for (&mut Tags, &mut TagList) {
    #[inline(always)]
    fn put(&mut self, key: impl TagKey, value: impl NewValue) {
        self.0.put(self.1, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::digest;
    use super::*;
    use proptest::prelude::*;

    fn set(tags: &mut Tags, list: &mut TagList, key: Text, value: StoredValue) {
        tags.put(list, Key::new(key), value);
    }

    fn empty() -> (Tags, TagList) {
        (Tags::default(), TagList::EMPTY)
    }

    /// Moves a list into an arena of its own.
    fn moved(mut tags: Tags, list: TagList) -> (Tags, TagList) {
        let mut fresh = Tags::default();
        let list = fresh.adopt(&mut tags, list);
        (fresh, list)
    }

    fn texts(tags: &Tags, list: &TagList) -> Vec<(String, String)> {
        let text = |value: TagRef<'_>| value.text().unwrap().into_owned();
        tags.iter(list).map(|(key, value)| (key.to_string(), text(value))).collect()
    }

    fn numbers(tags: &Tags, list: &TagList) -> Vec<(String, f64)> {
        tags.iter(list).map(|(key, value)| (key.to_string(), value.number().unwrap())).collect()
    }

    #[test]
    fn two_spans_share_the_vector_and_not_the_tags() {
        let ((mut tags, mut one), mut two) = (empty(), TagList::EMPTY);
        set(&mut tags, &mut one, "a".into(), StoredValue::I64(1));
        set(&mut tags, &mut two, "a".into(), StoredValue::I64(2));
        set(&mut tags, &mut one, "b".into(), StoredValue::I64(3));
        assert_eq!(numbers(&tags, &one), [("a".into(), 1.0), ("b".into(), 3.0)]);
        assert_eq!(numbers(&tags, &two), [("a".into(), 2.0)]);
    }

    #[test]
    fn a_removed_key_takes_its_old_place_again() {
        let (mut tags, mut list) = empty();
        for round in 0..100 {
            set(&mut tags, &mut list, "a".into(), StoredValue::I64(round));
            set(&mut tags, &mut list, "a".into(), StoredValue::Absent);
        }
        assert!(tags.get(&list, "a").is_none());
        assert_eq!(tags.all.len(), 1);
    }

    #[test]
    fn bytes_follow_the_texts() {
        let (mut tags, mut list) = empty();
        let empty = tags.bytes();
        set(&mut tags, &mut list, "a".into(), StoredValue::Text("x".repeat(1000).into()));
        assert!(tags.bytes() >= empty + 1000);
        set(&mut tags, &mut list, "a".into(), StoredValue::I64(1));
        assert!(tags.bytes() < empty + 1000);
    }

    #[test]
    fn a_text_that_is_set_again_and_again_grows_nothing() {
        let (mut tags, mut list) = empty();
        for round in 0..100 {
            tags.put(&mut list, LiteralKey::new("state"), &*format!("round {round}"));
        }
        let expected = [("state".to_owned(), "round 99".to_owned())];
        assert_eq!(texts(&tags, &list), expected);
        assert_eq!((tags.all.len(), tags.texts.len()), (1, "round 0".len()));
        let (mut fresh, list) = moved(tags, list);
        assert_eq!(texts(&fresh, &list), expected);
        fresh.clear();
        assert_eq!((fresh.all.len(), fresh.texts.len(), fresh.heap_bytes), (0, 0, 0));
    }

    #[test]
    fn texts_move_with_their_tags() {
        let ((mut tags, mut one), mut two) = (empty(), TagList::EMPTY);
        tags.put(&mut one, LiteralKey::new("a"), "first");
        tags.put(&mut two, Key::new("b".to_owned().into()), "sécond");
        tags.put(&mut two, LiteralKey::new("c"), "");
        let (fresh, list) = moved(tags, two);
        assert_eq!(texts(&fresh, &list), [("b".into(), "sécond".into()), ("c".into(), "".into())]);
        assert_eq!(fresh.texts, "sécond");
    }

    #[test]
    fn a_loop_over_many_keys_grows_nothing() {
        let (mut tags, mut list) = empty();
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
        let (mut tags, mut list) = empty();
        for key in 0..200 {
            let key = Key::new(Text::copy(&key.to_string()));
            tags.put(&mut list, key, "a text that does not fit in place");
        }
        assert_eq!(tags.heap_bytes, tags.index.bytes());
        assert_eq!(tags.texts.len(), 200 * "a text that does not fit in place".len());
    }

    /// It would take a minute if keys were told apart by their digests alone.
    #[test]
    fn ten_thousand_keys_with_one_digest_are_told_apart() {
        let key = |number: usize| -> Text { format!("items.{number:05}.quantity").into() };
        assert_eq!(digest(key(1).as_bytes()), digest(key(2).as_bytes()));
        let (mut tags, mut list) = empty();
        for round in 0..2 {
            for number in 0..10_000 {
                set(&mut tags, &mut list, key(number), StoredValue::I64((number + round) as i64));
            }
        }
        assert_eq!(tags.all.len(), 10_000);
        for (number, (place, value)) in numbers(&tags, &list).into_iter().enumerate() {
            assert_eq!((place.as_str(), value), (key(number).as_str(), (number + 1) as f64));
            assert_eq!(tags.get(&list, &place).and_then(TagRef::number), Some(value));
        }
        assert!(tags.get(&list, "items.10000.quantity").is_none());
    }

    /// A map in the order in which its keys were first set, also of those that were removed.
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
            let set = self.0.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
            texts(tags, list) == set.collect::<Vec<_>>()
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
        /// Two spans of one trace, each with tags in an order of its own, before and after they move to another arena.
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
                        put_value(&mut (&mut tags, list), Key::new(key.clone().into()), text.as_str().into());
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
