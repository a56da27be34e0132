//! The two maps of a span's tags, `meta` and `metrics`, written in one pass.

use std::ops::Range;

use super::msgpack::{Buffer, split_key};
use crate::trace::{Digests, digest};

/// `meta` and `metrics` of the span that is being written.
///
/// String tags are written to the payload at once. Numeric tags, which are few, wait in a buffer until the string tags
/// are complete. The keys of the tracer's own tags are noted, so that a tag of the user with the same key is left out.
#[derive(Debug, Default)]
pub(super) struct TagMaps {
    pub(super) texts: usize,
    pub(super) numbers: usize,
    /// The entries of `metrics`.
    pub(super) waiting: Buffer,
    /// Where the tracer's own keys are: those of string tags in the payload, those of numeric tags in `waiting`.
    taken_texts: Vec<Range<usize>>,
    taken_numbers: Vec<Range<usize>>,
    /// The digests of those keys.
    pub(super) taken: Digests,
}

impl TagMaps {
    /// Begins the tags of another span.
    pub(super) fn clear(&mut self) {
        (self.texts, self.numbers) = (0, 0);
        self.waiting.clear();
        self.taken_texts.clear();
        self.taken_numbers.clear();
        self.taken = Digests::NONE;
    }

    // ===== tags of the tracer =====

    /// Writes a string tag that is MessagePack already. Its key has at most 31 bytes.
    #[inline(always)]
    pub(super) fn text_entry(&mut self, out: &mut Buffer, entry: &[u8]) {
        self.taken_texts.push(key_place(out.len(), entry));
        self.taken.add(digest(split_key(entry).0));
        self.add_texts(out, 1, entry);
    }

    /// As [`TagMaps::text_entry`], for a numeric tag.
    #[inline(always)]
    pub(super) fn number_entry(&mut self, entry: &[u8]) {
        self.numbers += 1;
        self.taken_numbers.push(key_place(self.waiting.len(), entry));
        self.taken.add(digest(split_key(entry).0));
        self.waiting.raw(entry);
    }

    pub(super) fn text(&mut self, out: &mut Buffer, key: &str, value: &str) {
        self.texts += 1;
        out.str(key.as_bytes());
        self.taken_texts.push(out.len() - key.len()..out.len());
        self.taken.add(digest(key.as_bytes()));
        out.text(value.as_bytes());
    }

    pub(super) fn number(&mut self, key: &str, value: f64) {
        self.numbers += 1;
        self.waiting.str(key.as_bytes());
        let end = self.waiting.len();
        self.taken_numbers.push(end - key.len()..end);
        self.taken.add(digest(key.as_bytes()));
        self.waiting.number(value);
    }

    /// Whether the tracer itself has written a tag with this key.
    #[inline]
    pub(super) fn is_taken(&self, out: &Buffer, digest: u32, key: &[u8]) -> bool {
        self.taken.may_have(digest) && self.finds(out, key)
    }

    #[inline(never)]
    fn finds(&self, out: &Buffer, key: &[u8]) -> bool {
        let is_it = |buffer: &Buffer, place: &Range<usize>| {
            place.len() == key.len() && buffer.as_bytes().get(place.clone()) == Some(key)
        };
        self.taken_texts.iter().any(|place| is_it(out, place))
            || self.taken_numbers.iter().any(|place| is_it(&self.waiting, place))
    }

    // ===== tags of the user, and those that all spans repeat =====

    /// Writes string tags that are MessagePack already.
    #[inline(always)]
    pub(super) fn add_texts(&mut self, out: &mut Buffer, entries: usize, bytes: &[u8]) {
        self.texts += entries;
        out.raw(bytes);
    }

    #[inline(always)]
    pub(super) fn add_text(&mut self, out: &mut Buffer, key: &[u8], value: &[u8]) {
        self.texts += 1;
        out.str(key);
        out.text(value);
    }

    /// Begins a numeric tag. The caller writes the value into the buffer that is returned.
    #[inline(always)]
    pub(super) fn add_number(&mut self, key: &[u8]) -> &mut Buffer {
        self.numbers += 1;
        self.waiting.str(key);
        &mut self.waiting
    }
}

#[inline(always)]
fn key_place(at: usize, entry: &[u8]) -> Range<usize> {
    // Its header is one byte.
    at + 1..at + 1 + split_key(entry).0.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(tags: &TagMaps, out: &Buffer, key: &str) -> bool {
        tags.is_taken(out, digest(key.as_bytes()), key.as_bytes())
    }

    #[test]
    fn what_the_tracer_has_said_is_taken_until_the_next_span() {
        let (mut out, mut tags) = (Buffer::default(), TagMaps::default());
        out.str(b"before");
        tags.text(&mut out, "text", "long");
        tags.text_entry(&mut out, b"\xa8language\xa4rust");
        tags.number("number", 1.0);
        tags.number_entry(b"\xaaprocess_id\x07");
        tags.number("_dd.tracer_kr", 0.5);
        tags.add_text(&mut out, b"own", b"long");
        tags.add_texts(&mut out, 2, b"\xa1a\xa1b\xa1c\xa1d");
        tags.add_number(b"count").integral(3);
        assert_eq!((tags.texts, tags.numbers), (5, 4));
        let ours = ["text", "language", "number", "process_id", "_dd.tracer_kr"];
        assert!(ours.iter().all(|key| is_taken(&tags, &out, key)));
        for other in ["", "own", "count", "a", "before", "long", "rust", "languagf", "texts"] {
            assert!(!is_taken(&tags, &out, other), "{other}");
        }
        tags.clear();
        assert!(!ours.iter().any(|key| is_taken(&tags, &out, key)));
        assert_eq!((tags.texts, tags.numbers, tags.waiting.len()), (0, 0, 0));
    }
}
