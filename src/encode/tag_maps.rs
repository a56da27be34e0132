//! The two maps of a span's tags, written in one pass.

use std::ops::Range;

use super::hints::Hints;
use super::msgpack::Buffer;

/// `meta` and `metrics` of the span that is being written.
///
/// The strings go where the payload ends; the numbers, which are few, wait until the strings are complete.
/// The keys that the tracer writes are remembered, so that no tag of the user takes one of them again.
#[derive(Debug, Default)]
pub(super) struct TagMaps {
    pub(super) texts: usize,
    pub(super) numbers: usize,
    /// The entries of `metrics`.
    pub(super) waiting: Buffer,
    /// The keys that are taken: where they are in the payload, and in `waiting`.
    taken_texts: Vec<Range<usize>>,
    taken_numbers: Vec<Range<usize>>,
    taken: Hints,
}

impl TagMaps {
    /// Begins the tags of another span.
    pub(super) fn clear(&mut self) {
        (self.texts, self.numbers) = (0, 0);
        self.waiting.clear();
        self.taken_texts.clear();
        self.taken_numbers.clear();
        self.taken = Hints::default();
    }

    // ===== the tracer's own =====

    /// A string tag that is an entry already. Its key has at most 31 bytes.
    #[inline(always)]
    pub(super) fn text_entry(&mut self, out: &mut Buffer, entry: &[u8]) {
        self.taken_texts.push(key_place(out.len(), entry));
        self.taken.add(key_of(entry));
        self.add_texts(out, 1, entry);
    }

    /// As [`TagMaps::text_entry`], a numeric one.
    #[inline(always)]
    pub(super) fn number_entry(&mut self, entry: &[u8]) {
        self.take_number(entry);
        self.waiting.raw(entry);
    }

    /// A numeric tag whose key is written already, in at most 31 bytes.
    pub(super) fn number_of(&mut self, key: &[u8], value: f64) {
        self.take_number(key);
        self.waiting.raw(key);
        self.waiting.number(value);
    }

    pub(super) fn text(&mut self, out: &mut Buffer, key: &str, value: &str) {
        self.texts = self.texts.saturating_add(1);
        out.str(key.as_bytes());
        self.taken_texts.push(out.len().saturating_sub(key.len())..out.len());
        self.taken.add(key.as_bytes());
        out.text(value.as_bytes());
    }

    pub(super) fn number(&mut self, key: &str, value: f64) {
        self.numbers = self.numbers.saturating_add(1);
        self.waiting.str(key.as_bytes());
        let end = self.waiting.len();
        self.taken_numbers.push(end.saturating_sub(key.len())..end);
        self.taken.add(key.as_bytes());
        self.waiting.number(value);
    }

    #[inline(always)]
    fn take_number(&mut self, entry: &[u8]) {
        self.numbers = self.numbers.saturating_add(1);
        self.taken_numbers.push(key_place(self.waiting.len(), entry));
        self.taken.add(key_of(entry));
    }

    /// Whether the tracer has given this tag its own value.
    #[inline]
    pub(super) fn is_taken(&self, out: &Buffer, key: &[u8]) -> bool {
        self.taken.may_have(key) && self.finds(out, key)
    }

    #[inline(never)]
    fn finds(&self, out: &Buffer, key: &[u8]) -> bool {
        let is_it = |buffer: &Buffer, place: &Range<usize>| {
            place.len() == key.len() && buffer.as_bytes().get(place.clone()) == Some(key)
        };
        self.taken_texts.iter().any(|place| is_it(out, place))
            || self.taken_numbers.iter().any(|place| is_it(&self.waiting, place))
    }

    /// The keys that are taken.
    pub(super) fn taken(&self) -> Hints {
        self.taken
    }

    // ===== what the user may have set =====

    /// Some string tags that are entries already.
    #[inline(always)]
    pub(super) fn add_texts(&mut self, out: &mut Buffer, entries: usize, bytes: &[u8]) {
        self.texts = self.texts.saturating_add(entries);
        out.raw(bytes);
    }

    #[inline(always)]
    pub(super) fn add_text(&mut self, out: &mut Buffer, key: &[u8], value: &[u8]) {
        self.texts = self.texts.saturating_add(1);
        out.str(key);
        out.text(value);
    }

    /// A numeric tag; the value is for the caller to write.
    #[inline(always)]
    pub(super) fn add_number(&mut self, key: &[u8]) -> &mut Buffer {
        self.numbers = self.numbers.saturating_add(1);
        self.waiting.str(key);
        &mut self.waiting
    }
}

/// The key of an entry, of at most 31 bytes: behind a header of one.
#[inline(always)]
fn key_of(entry: &[u8]) -> &[u8] {
    match entry.split_first() {
        Some((header, rest)) => rest.get(..usize::from(header & 0x1f)).unwrap_or_default(),
        None => &[],
    }
}

#[inline(always)]
fn key_place(at: usize, entry: &[u8]) -> Range<usize> {
    let start = at.saturating_add(1);
    start..start.saturating_add(key_of(entry).len())
}
