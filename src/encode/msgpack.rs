//! The MessagePack writers that the payload formats need, over one growing buffer.
//!
//! By hand: most of what is written has a length that is known, and is a few stores then, and nothing can fail.

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

    /// Bytes that are MessagePack already, of any length.
    #[inline(always)]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// As [`Buffer::raw`], of a length that is known: stores instead of a call.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.0.extend_from_slice(bytes);
    }

    #[inline(always)]
    pub(crate) fn str(&mut self, text: &[u8]) {
        match u8::try_from(text.len()) {
            Ok(len @ 0..=31) => self.put(&[0xa0 | len]),
            _ => self.str_header(text.len()),
        }
        self.raw(text);
    }

    fn str_header(&mut self, length: usize) {
        let [.., c, d] = len(length);
        match length {
            0..=0xff => self.put(&[0xd9, d]),
            0x100..=0xffff => self.put(&[0xda, c, d]),
            _ => self.put(&with(0xdb, len(length))),
        }
    }

    pub(crate) fn bin(&mut self, bytes: &[u8]) {
        let [.., c, d] = len(bytes.len());
        match bytes.len() {
            0..=0xff => self.put(&[0xc4, d]),
            0x100..=0xffff => self.put(&[0xc5, c, d]),
            _ => self.put(&with(0xc6, len(bytes.len()))),
        }
        self.raw(bytes);
    }

    #[inline]
    pub(crate) fn uint(&mut self, number: u64) {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        match number {
            0x1_0000_0000.. => self.put(&[0xcf, a, b, c, d, e, f, g, h]),
            0x1_0000.. => self.put(&[0xce, e, f, g, h]),
            0x100.. => self.put(&[0xcd, g, h]),
            0x80.. => self.put(&[0xcc, h]),
            _ => self.put(&[h]),
        }
    }

    #[inline]
    pub(crate) fn int(&mut self, number: i64) {
        if let Ok(number) = u64::try_from(number) {
            return self.uint(number);
        }
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        match number {
            -0x20.. => self.put(&[h]),
            -0x80.. => self.put(&[0xd0, h]),
            -0x8000.. => self.put(&[0xd1, g, h]),
            -0x8000_0000.. => self.put(&[0xd2, e, f, g, h]),
            _ => self.put(&[0xd3, a, b, c, d, e, f, g, h]),
        }
    }

    #[inline]
    pub(crate) fn f64(&mut self, number: f64) {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        self.put(&[0xcb, a, b, c, d, e, f, g, h]);
    }

    /// A numeric tag: as an integer where that is shorter and the same number. The agent takes both, and
    /// keeps a float.
    #[inline]
    pub(crate) fn number(&mut self, number: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates; compared right after")]
        let whole = number as i64;
        #[expect(clippy::cast_precision_loss, reason = "compared right after")]
        let back = whole as f64;
        // By the bits: minus zero is a float.
        if back.to_bits() == number.to_bits() { self.integral(whole) } else { self.f64(number) }
    }

    /// As [`Buffer::number`]; exact up to ±2^53.
    #[inline]
    pub(crate) fn integral(&mut self, number: i64) {
        match number {
            -0x8000_0000..=0xffff_ffff => self.int(number),
            // No form of it is shorter than a float, which is what every other tracer sends.
            #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
            _ => self.f64(number as f64),
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.put(&[if value { 0xc3 } else { 0xc2 }]);
    }

    /// The header of a map; beyond 2^32 entries there is no form for it, and no memory either.
    pub(crate) fn map(&mut self, entries: usize) {
        let [.., c, d] = len(entries);
        match entries {
            0..=15 => self.put(&[0x80 | d]),
            16..=0xffff => self.put(&[0xde, c, d]),
            _ => self.put(&with(0xdf, len(entries))),
        }
    }

    #[inline]
    pub(crate) fn array(&mut self, elements: usize) {
        let [.., c, d] = len(elements);
        match elements {
            0..=15 => self.put(&[0x90 | d]),
            16..=0xffff => self.put(&[0xdc, c, d]),
            _ => self.put(&with(0xdd, len(elements))),
        }
    }

    /// Begins a map whose entries are counted as they are written; to be ended with what this returns.
    #[inline]
    pub(crate) fn begin_map(&mut self) -> usize {
        let start = self.len();
        self.put(&[0x80]);
        start
    }

    /// Writes the number of entries where the map began.
    #[inline]
    pub(crate) fn end_map(&mut self, start: usize, entries: usize) {
        match (u8::try_from(entries), self.0.get_mut(start)) {
            (Ok(few @ 0..=15), Some(header)) => *header = 0x80 | few,
            _ => self.end_large_map(start, entries),
        }
    }

    /// The header is larger than the place that was left for it: what is behind it moves.
    #[cold]
    fn end_large_map(&mut self, start: usize, entries: usize) {
        let mut header = Buffer::default();
        header.map(entries);
        let end = start.saturating_add(1);
        if end <= self.len() {
            self.0.splice(start..end, header.0);
        }
    }

    /// A text of the user, cut as every Datadog tracer cuts it: over 25,000 characters, to 2,500.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) {
        if text.len() <= MAX_CHARS { self.str(text) } else { self.long_text(text) }
    }

    #[cold]
    fn long_text(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if text.chars().nth(MAX_CHARS).is_none() {
            return self.str(bytes);
        }
        let end = text.char_indices().nth(KEPT_CHARS).map_or(text.len(), |(end, _)| end);
        let kept = text.get(..end).unwrap_or_default();
        self.str(format!("{kept}{CUT_MARK}").as_bytes());
    }
}

/// Characters that a text may have before it is cut.
const MAX_CHARS: usize = 25_000;
/// What is left of a text that was cut, without the mark.
const KEPT_CHARS: usize = 2_486;
const CUT_MARK: &str = "<truncated>...";

/// A length as the four bytes that are the most there is a form for.
#[inline(always)]
fn len(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

fn with(marker: u8, [a, b, c, d]: [u8; 4]) -> [u8; 5] {
    [marker, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rmpv::Value;

    fn written(write: impl FnOnce(&mut Buffer)) -> Value {
        let mut buffer = Buffer::default();
        write(&mut buffer);
        let mut rest = buffer.0.as_slice();
        let value = rmpv::decode::read_value(&mut rest).unwrap();
        assert!(rest.is_empty());
        value
    }

    fn size(write: impl FnOnce(&mut Buffer)) -> usize {
        let mut buffer = Buffer::default();
        write(&mut buffer);
        buffer.len()
    }

    #[test]
    fn a_text_is_cut_only_beyond_the_limit() {
        let written = |text: &str| written(|out| out.text(text.as_bytes()));
        for fits in [String::new(), "x".repeat(25_000), "é".repeat(25_000)] {
            assert_eq!(written(&fits).as_str(), Some(fits.as_str()));
        }
        for long in ["x".repeat(25_001), "é".repeat(25_001)] {
            let cut = written(&long);
            let cut = cut.as_str().unwrap();
            assert_eq!(cut.chars().count(), 2_500);
            assert!(cut.ends_with("<truncated>..."));
            assert_eq!(cut.chars().next(), long.chars().next());
        }
    }

    #[test]
    fn each_length_has_its_shortest_form() {
        for (len, header) in
            [(0, 1), (31, 1), (32, 2), (255, 2), (256, 3), (65_535, 3), (65_536, 5)]
        {
            let text = "x".repeat(len);
            assert_eq!(written(|out| out.str(text.as_bytes())).as_str(), Some(text.as_str()));
            assert_eq!(size(|out| out.str(text.as_bytes())), len + header);
        }
        for (len, header) in [(0, 2), (255, 2), (256, 3), (65_535, 3), (65_536, 5)] {
            let bytes = vec![7; len];
            assert_eq!(written(|out| out.bin(&bytes)), Value::Binary(bytes.clone()));
            assert_eq!(size(|out| out.bin(&bytes)), len + header);
        }
        for (len, header) in [(0, 1), (15, 1), (16, 3), (65_535, 3), (65_536, 5)] {
            let list = written(|out| {
                out.array(len);
                (0..len).for_each(|_| out.bool(true));
            });
            assert_eq!(list, Value::Array(vec![Value::Boolean(true); len]));
            assert_eq!((size(|out| out.array(len)), size(|out| out.map(len))), (header, header));
        }
    }

    #[test]
    fn a_map_that_is_counted_is_one_that_was_known() {
        for entries in [0, 1, 15, 16, 17, 65_535, 65_536] {
            let fill = |out: &mut Buffer| (0..2 * entries).for_each(|at| out.uint(at as u64));
            let (mut counted, mut known) = (Buffer::default(), Buffer::default());
            counted.uint(9);
            let start = counted.begin_map();
            fill(&mut counted);
            counted.end_map(start, entries);
            known.uint(9);
            known.map(entries);
            fill(&mut known);
            assert_eq!(counted.0, known.0);
        }
    }

    #[test]
    fn a_numeric_tag_has_its_shortest_form() {
        let edges = [(0.0, 1), (127.0, 1), (128.0, 2), (255.0, 2), (256.0, 3), (65_536.0, 5)];
        let negative = [(-32.0, 1), (-33.0, 2), (-129.0, 3), (-32_769.0, 5)];
        let floats = [(-0.0, 9), (0.5, 9), (4_294_967_296.0, 9), (-2_147_483_649.0, 9), (1e300, 9)];
        for (number, bytes) in [&edges[..], &negative, &floats, &[(4_294_967_295.0, 5)]].concat() {
            assert_eq!(size(|out| out.number(number)), bytes, "{number}");
        }
    }

    proptest! {
        #[test]
        fn integers_arrive_as_they_are(number: i64, unsigned: u64, shift in 0..64u32) {
            let (number, unsigned) = (number >> shift, unsigned >> shift);
            prop_assert_eq!(written(|out| out.int(number)).as_i64(), Some(number));
            prop_assert_eq!(written(|out| out.uint(unsigned)).as_u64(), Some(unsigned));
            if number.unsigned_abs() <= 1 << 53 {
                prop_assert_eq!(written(|out| out.integral(number)).as_f64(), Some(number as f64));
            }
        }

        #[test]
        fn numeric_tags_arrive_as_they_are(number: f64, shift in 0..64u32, whole: i64) {
            for number in [number, (whole >> shift) as f64, ((whole >> shift) as f64) / 8.0] {
                let back = written(|out| out.number(number)).as_f64().unwrap();
                prop_assert!(back.to_bits() == number.to_bits() || number.is_nan());
                let back = written(|out| out.f64(number)).as_f64().unwrap();
                prop_assert!(back.to_bits() == number.to_bits() || number.is_nan());
            }
        }
    }
}
