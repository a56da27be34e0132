//! The tags of all spans of a segment, in one vector, and how one of them is found.
//!
//! `put.rs` changes them, `held.rs` bounds them, `deferring.rs` adds tags that are converted later.

use super::bounds::Bounds;
use super::deferred::DeferredList;
use super::digest::{Digests, digest, hash};
use super::index::TagIndex;
use super::stored::{StoredValue, TagRef};
use crate::text::Text;

/// The index that stands for "no tag", behind the last tag of a list.
pub(super) const END: u32 = u32::MAX;

/// From this many tags of one span on, the index finds a tag faster than a walk over all of them.
pub(super) const LONG: u32 = 25;

/// The tags of one span: a list that is linked through the [`Tags`] of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagList {
    /// The digests of the keys in the list: most keys that are not in it are known by this alone.
    pub(super) keys: Digests,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) len: u32,
}

impl TagList {
    pub(crate) const EMPTY: TagList =
        TagList { keys: Digests::NONE, first: END, last: END, len: 0 };

    /// How many tags there are, those that were removed included.
    #[cfg(feature = "agent")]
    pub(crate) fn most(self) -> usize {
        self.len as usize
    }

    /// Whether a tag with one of these keys may be there; `false` is certain.
    #[cfg(feature = "agent")]
    pub(crate) fn may_have(self, keys: Digests) -> bool {
        self.keys.may_share(keys)
    }

    /// Whether it is too long for a walk: the index has all of its tags.
    #[inline]
    pub(super) fn is_long(self) -> bool {
        self.len >= LONG
    }
}

/// One tag of one span.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) key: Text,
    pub(super) value: StoredValue,
    /// The digest of the key. It is compared first, so that a walk reads no key's memory but that of the right one.
    pub(super) digest: u32,
    pub(super) next: u32,
}

/// The tags of every span of a segment in one vector, because a vector per span would be an allocation per span that
/// another thread frees.
///
/// Lists only grow: a tag that is removed stays as [`StoredValue::Absent`], and its place is used again when its key is
/// set again. So setting and removing tags in a loop does not grow anything.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    pub(super) all: Vec<Tag>,
    /// The texts of tags, in one string instead of an allocation each. A text that replaces another value has an
    /// allocation of its own: nothing here is ever freed, and setting a tag again and again must not grow it.
    pub(super) texts: String,
    /// About how many bytes keys, values and the index hold on the heap, and the spans beside their tags: names, links,
    /// baggage.
    pub(super) heap_bytes: usize,
    pub(super) bounds: Bounds,
    /// How many bytes were allocated, all unused, when this was last emptied.
    pub(super) unused_bytes: usize,
    /// A change was refused, and no line has said so yet.
    pub(super) has_refused: bool,
    /// Tags that are not converted yet. Whoever reads tags calls [`Tags::settle`] first.
    pub(super) deferred: Option<Box<DeferredList>>,
    /// Finds the tags of long lists.
    pub(super) index: TagIndex,
}

impl Tags {
    /// Bytes that the spans hold beside their records, unused room included.
    pub(crate) fn bytes(&self) -> usize {
        let own = self.all.capacity() * size_of::<Tag>() + self.texts.capacity() + self.heap_bytes;
        // A bridge says what deferred tags hold: that may be any number.
        own.saturating_add(self.deferred.as_ref().map_or(0, |deferred| deferred.bytes()))
    }

    /// Removes everything, and keeps the allocations.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.texts.clear();
        if let Some(deferred) = &mut self.deferred {
            deferred.clear();
        }
        self.index.clear();
        self.heap_bytes = self.index.bytes();
        (self.bounds, self.has_refused) = (Bounds::NONE, false);
        self.unused_bytes = self.bytes();
    }

    /// Bytes of text that are allocated.
    pub(crate) fn text_capacity(&self) -> usize {
        self.texts.capacity()
    }

    /// How many tags, or deferred tags, are allocated.
    pub(crate) fn capacity(&self) -> usize {
        self.all.capacity().max(self.deferred.as_ref().map_or(0, |deferred| deferred.capacity))
    }

    pub(crate) fn get<'a>(&'a self, list: &TagList, key: &str) -> Option<TagRef<'a>> {
        let place = self.place(list, digest(key.as_bytes()), key.as_bytes())?;
        self.all.get(place as usize)?.value.read(&self.texts)
    }

    /// Every tag that is set, in the order in which their keys were first set.
    pub(crate) fn iter<'a>(
        &'a self,
        list: &TagList,
    ) -> impl Iterator<Item = (&'a Text, TagRef<'a>)> {
        self.with_digests(list).map(|(_, key, value)| (key, value))
    }

    /// As [`Tags::iter`], with the digest of each key.
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

    /// Where the tag with a key is, also one that was removed.
    #[inline(always)]
    pub(super) fn place(&self, list: &TagList, digest: u32, key: &[u8]) -> Option<u32> {
        if list.keys.may_have(digest) { self.find(list, digest, key) } else { None }
    }

    #[cold]
    #[inline(never)]
    fn find(&self, list: &TagList, digest: u32, key: &[u8]) -> Option<u32> {
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
