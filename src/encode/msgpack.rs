//! The MessagePack writers that the payload formats need, over one growing buffer.

use std::ops::Range;

use rmp::encode as rmp;

/// Bytes of a payload. Writing cannot fail: the buffer grows.
#[derive(Debug, Default)]
pub(crate) struct Buffer(pub(crate) Vec<u8>);

impl Buffer {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes that are MessagePack already: a constant key, another buffer.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn str(&mut self, text: &str) {
        let _ = rmp::write_str(&mut self.0, text);
    }

    pub(crate) fn bin(&mut self, bytes: &[u8]) {
        let _ = rmp::write_bin(&mut self.0, bytes);
    }

    pub(crate) fn uint(&mut self, number: u64) {
        let _ = rmp::write_uint(&mut self.0, number);
    }

    pub(crate) fn int(&mut self, number: i64) {
        let _ = rmp::write_sint(&mut self.0, number);
    }

    pub(crate) fn f64(&mut self, number: f64) {
        let _ = rmp::write_f64(&mut self.0, number);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        let _ = rmp::write_bool(&mut self.0, value);
    }

    /// The header of a map; beyond 2^32 entries there is no form for it, and no memory either.
    pub(crate) fn map(&mut self, entries: usize) {
        let _ = rmp::write_map_len(&mut self.0, u32::try_from(entries).unwrap_or(u32::MAX));
    }

    pub(crate) fn array(&mut self, elements: usize) {
        let _ = rmp::write_array_len(&mut self.0, u32::try_from(elements).unwrap_or(u32::MAX));
    }
}

/// A map whose entries are counted as they are written, so that its header can be the shortest.
///
/// The keys written first are remembered, so that no other entry takes one of them again.
#[derive(Debug, Default)]
pub(crate) struct CountedMap {
    pub(crate) entries: usize,
    pub(crate) buffer: Buffer,
    /// Where in the buffer the reserved keys are.
    reserved: Vec<Range<usize>>,
    is_open: bool,
}

impl CountedMap {
    /// Empties the map; the keys from here to [`CountedMap::open`] are reserved.
    pub(crate) fn clear(&mut self) {
        self.entries = 0;
        self.buffer.clear();
        self.reserved.clear();
        self.is_open = false;
    }

    /// The keys from here on are not reserved.
    pub(crate) fn open(&mut self) {
        self.is_open = true;
    }

    pub(crate) fn is_reserved(&self, key: &str) -> bool {
        self.reserved.iter().any(|place| {
            place.len() == key.len() && self.buffer.0.get(place.clone()) == Some(key.as_bytes())
        })
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        text(&mut self.buffer, value);
    }

    pub(crate) fn number(&mut self, key: &str, value: f64) {
        self.key(key);
        self.buffer.f64(value);
    }

    fn key(&mut self, key: &str) {
        self.entries = self.entries.saturating_add(1);
        self.buffer.str(key);
        if !self.is_open {
            let end = self.buffer.len();
            self.reserved.push(end.saturating_sub(key.len())..end);
        }
    }
}

/// Characters that a text may have before it is cut.
const MAX_CHARS: usize = 25_000;
/// What is left of a text that was cut, without the mark.
const KEPT_CHARS: usize = 2_486;
const CUT_MARK: &str = "<truncated>...";

/// Writes a text of the user, cut as every Datadog tracer cuts it: over 25,000 characters, to 2,500.
pub(crate) fn text(buffer: &mut Buffer, text: &str) {
    if text.len() <= MAX_CHARS || text.chars().nth(MAX_CHARS).is_none() {
        return buffer.str(text);
    }
    let end = text.char_indices().nth(KEPT_CHARS).map_or(text.len(), |(end, _)| end);
    let kept = text.get(..end).unwrap_or_default();
    buffer.str(&format!("{kept}{CUT_MARK}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut buffer = Buffer::default();
        text(&mut buffer, value);
        rmp_serde::from_slice(&buffer.0).unwrap()
    }

    #[test]
    fn a_text_is_cut_only_beyond_the_limit() {
        for fits in [String::new(), "x".repeat(25_000), "é".repeat(25_000)] {
            assert_eq!(written(&fits), fits);
        }
        for long in ["x".repeat(25_001), "é".repeat(25_001)] {
            let cut = written(&long);
            assert_eq!(cut.chars().count(), 2_500);
            assert!(cut.ends_with("<truncated>..."));
            assert_eq!(cut.chars().next(), long.chars().next());
        }
    }
}
