//! The MessagePack that the payload formats need, over one growing buffer.

use std::borrow::Cow;

use rmp::Marker;
use rmp::encode::{self, ByteBuf};

/// A buffer of MessagePack.
///
/// Writing cannot fail, and the compiler knows that: the error type of a [`ByteBuf`] has no values. A text of more than
/// 4 GiB, for which MessagePack has no form, exceeds the bound of every payload, so the span that has it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Buffer(ByteBuf);

impl Buffer {
    /// An empty buffer in the memory of an earlier one.
    pub(crate) fn reusing(mut memory: Vec<u8>) -> Self {
        memory.clear();
        Buffer(memory.into())
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.0.into_vec()
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.as_bytes().len()
    }

    pub(crate) fn clear(&mut self) {
        self.0.as_mut_vec().clear();
    }

    pub(super) fn shrink(&mut self) {
        self.0.as_mut_vec().shrink_to_fit();
    }

    /// Takes back all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.as_mut_vec().truncate(len);
    }

    /// Writes bytes that are MessagePack already. Inlined, because a constant then takes only a few store instructions.
    #[inline(always)]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.as_mut_vec().extend_from_slice(bytes);
    }

    /// Writes a string. It takes bytes that are UTF-8, because making a `str` of them would check them again.
    #[inline(always)]
    pub(crate) fn str(&mut self, text: &[u8]) {
        // `write_str_len` does the same, but as a function call, and one for each string costs 9 % of encoding a span.
        match u8::try_from(text.len()) {
            Ok(short @ 0..=31) => self.marker(Marker::FixStr(short)),
            _ => self.long_str_header(text.len()),
        }
        self.raw(text);
    }

    #[inline(always)]
    fn marker(&mut self, marker: Marker) {
        self.0.as_mut_vec().push(marker.to_u8());
    }

    fn long_str_header(&mut self, len: usize) {
        let Ok(_) = encode::write_str_len(&mut self.0, length(len));
    }

    /// Writes a number that is small as a rule.
    #[inline(always)]
    pub(super) fn small(&mut self, number: u32) {
        let [_, _, high, low] = number.to_be_bytes();
        match number {
            0..=0x7f => self.raw(&[low]),
            0x80..=0xff => self.raw(&[Marker::U8.to_u8(), low]),
            0x100..=0xffff => self.raw(&[Marker::U16.to_u8(), high, low]),
            _ => self.uint(number.into()),
        }
    }

    /// Writes a key, which is a byte, and a number that is small as a rule.
    #[inline(always)]
    pub(super) fn key_small(&mut self, key: u8, number: u32) {
        let [.., low] = number.to_be_bytes();
        match number {
            0..=0x7f => self.raw(&[key, low]),
            0x80..=0xff => self.raw(&[key, Marker::U8.to_u8(), low]),
            _ => {
                self.raw(&[key]);
                self.small(number);
            }
        }
    }

    /// Writes a number that is small as a rule, and a byte.
    #[inline(always)]
    pub(super) fn small_and(&mut self, number: u32, byte: u8) {
        let [.., low] = number.to_be_bytes();
        match number {
            0..=0x7f => self.raw(&[low, byte]),
            0x80..=0xff => self.raw(&[Marker::U8.to_u8(), low, byte]),
            _ => {
                self.small(number);
                self.raw(&[byte]);
            }
        }
    }

    /// Writes two numbers that are small as a rule.
    #[inline(always)]
    pub(super) fn small_pair(&mut self, one: u32, two: u32) {
        if one <= 0x7f && two <= 0x7f {
            let ([.., one], [.., two]) = (one.to_be_bytes(), two.to_be_bytes());
            self.raw(&[one, two]);
        } else {
            self.small(one);
            self.small(two);
        }
    }

    /// Writes a key, which is a byte, and a number that fits into four bytes as a rule, and seldom into two.
    #[inline(always)]
    pub(super) fn key_uint(&mut self, key: u8, number: u64) {
        match number {
            0x1_0000..=0xffff_ffff => {
                let [.., a, b, c, d] = number.to_be_bytes();
                self.raw(&[key, Marker::U32.to_u8(), a, b, c, d]);
            }
            _ => {
                self.raw(&[key]);
                self.uint(number);
            }
        }
    }

    /// Writes a key, which is a byte, and a number in eight bytes.
    #[inline(always)]
    pub(super) fn key_u64(&mut self, key: u8, number: u64) {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        self.raw(&[key, Marker::U64.to_u8(), a, b, c, d, e, f, g, h]);
    }

    pub(crate) fn bin(&mut self, bytes: &[u8]) {
        let Ok(()) = encode::write_bin(&mut self.0, bytes);
    }

    #[inline]
    pub(crate) fn uint(&mut self, number: u64) {
        let [.., a, b, c, d] = number.to_be_bytes();
        match number {
            0..=0x7f => self.raw(&[d]),
            0x100..=0xffff => self.raw(&[Marker::U16.to_u8(), c, d]),
            0x1_0000..=0xffff_ffff => self.raw(&[Marker::U32.to_u8(), a, b, c, d]),
            _ => self.other_uint(number),
        }
    }

    fn other_uint(&mut self, number: u64) {
        let Ok(_) = encode::write_uint(&mut self.0, number);
    }

    #[inline]
    pub(crate) fn int(&mut self, number: i64) {
        match u64::try_from(number) {
            Ok(number) => self.uint(number),
            Err(_) => {
                let Ok(_) = encode::write_sint(&mut self.0, number);
            }
        }
    }

    /// Writes a number in eight bytes, whatever its size. For numbers that are rarely small, because that is faster.
    #[inline(always)]
    pub(crate) fn u64(&mut self, number: u64) {
        let Ok(()) = encode::write_u64(&mut self.0, number);
    }

    /// As [`Buffer::u64`].
    #[inline(always)]
    pub(crate) fn i64(&mut self, number: i64) {
        let Ok(()) = encode::write_i64(&mut self.0, number);
    }

    pub(crate) fn f64(&mut self, number: f64) {
        let Ok(()) = encode::write_f64(&mut self.0, number);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        let Ok(()) = encode::write_bool(&mut self.0, value);
    }

    pub(crate) fn map(&mut self, entries: usize) {
        match u8::try_from(entries) {
            Ok(few @ 0..=15) => self.marker(Marker::FixMap(few)),
            _ => self.large_map_header(entries),
        }
    }

    fn large_map_header(&mut self, entries: usize) {
        let Ok(_) = encode::write_map_len(&mut self.0, length(entries));
    }

    #[inline]
    pub(crate) fn array(&mut self, elements: usize) {
        match u8::try_from(elements) {
            Ok(few @ 0..=15) => self.marker(Marker::FixArray(few)),
            _ => self.large_array_header(elements),
        }
    }

    fn large_array_header(&mut self, elements: usize) {
        let Ok(_) = encode::write_array_len(&mut self.0, length(elements));
    }

    /// Writes the value of a numeric tag: as an integer where that is shorter and the same number, else as a float. The
    /// agent takes both, and makes floats of them.
    #[inline]
    pub(crate) fn number(&mut self, number: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates; compared right after")]
        let whole = number as i64;
        #[expect(clippy::cast_precision_loss, reason = "compared right after")]
        let back = whole as f64;
        // Compared by their bits, because minus zero has to stay a float.
        if back.to_bits() == number.to_bits() { self.integral(whole) } else { self.f64(number) }
    }

    /// As [`Buffer::number`], for an integer. Exact up to ±2^53.
    #[inline]
    pub(crate) fn integral(&mut self, number: i64) {
        match number {
            -0x8000_0000..=0xffff_ffff => self.int(number),
            // As an integer it would not be shorter, and other tracers send floats.
            #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
            _ => self.f64(number as f64),
        }
    }

    /// Begins a map whose number of entries is not known yet. Returns where it begins, for [`Buffer::end_map`].
    #[inline]
    pub(crate) fn begin_map(&mut self) -> usize {
        let start = self.len();
        self.map(0);
        start
    }

    /// Writes the number of entries into the header of the map that begins at `start`.
    #[inline]
    pub(crate) fn end_map(&mut self, start: usize, entries: usize) {
        match (u8::try_from(entries), self.0.as_mut_vec().get_mut(start)) {
            (Ok(few @ 0..=15), Some(header)) => *header = Marker::FixMap(few).to_u8(),
            _ => self.end_large_map(start, entries),
        }
    }

    /// As [`Buffer::begin_array`], behind a key, which is a byte.
    #[inline(always)]
    pub(super) fn key_begin_array(&mut self, key: u8, most: usize) -> usize {
        let start = self.len() + 1;
        if most <= 15 {
            self.raw(&[key, Marker::FixArray(0).to_u8()]);
        } else {
            self.raw(&[key]);
            self.array(most);
        }
        start
    }

    /// Begins an array whose number of elements is not known yet, but a bound of it. Returns where it begins, for
    /// [`Buffer::set_count`].
    pub(super) fn begin_array(&mut self, most: usize) -> usize {
        let start = self.len();
        self.array(most);
        start
    }

    /// Changes the header of the array, or map, that begins at `start`: it has fewer elements than was said. The header
    /// stays as large as it is, so nothing behind it moves.
    #[inline]
    pub(super) fn set_count(&mut self, start: usize, elements: usize) {
        let Some(header) = self.0.as_mut_vec().get_mut(start..) else { return };
        let [first, second, third, fourth] = length(elements).to_be_bytes();
        match header {
            [ARRAY16 | MAP16, a, b, ..] => [*a, *b] = [third, fourth],
            [ARRAY32 | MAP32, a, b, c, d, ..] => [*a, *b, *c, *d] = [first, second, third, fourth],
            // The lower half of the byte is the count.
            [short, ..] => *short = (*short & 0xf0) | (fourth & 0x0f),
            [] => {}
        }
    }

    #[cold]
    fn end_large_map(&mut self, start: usize, entries: usize) {
        let mut header = Buffer::default();
        header.map(entries);
        // The header had one byte: all that is behind it moves.
        self.0.as_mut_vec().splice(start..start + 1, header.into_vec());
    }

    /// Writes a text of the user. One of more than 25,000 characters is cut to 2,500, as by every Datadog tracer.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) {
        if text.len() <= MAX_CHARS { self.str(text) } else { self.long_text(text) }
    }

    #[cold]
    fn long_text(&mut self, text: &[u8]) {
        self.str(&cut(text));
    }
}

/// A text of the user as it is written.
#[inline(always)]
pub(super) fn cut(text: &[u8]) -> Cow<'_, [u8]> {
    if text.len() <= MAX_CHARS { text.into() } else { cut_long(text) }
}

#[cold]
fn cut_long(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if text.chars().nth(MAX_CHARS).is_none() {
        return bytes.into();
    }
    let end = text.char_indices().nth(KEPT_CHARS).map_or(text.len(), |(end, _)| end);
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}{CUT_MARK}").into_bytes().into()
}

const ARRAY16: u8 = Marker::Array16.to_u8();
const ARRAY32: u8 = Marker::Array32.to_u8();
const MAP16: u8 = Marker::Map16.to_u8();
const MAP32: u8 = Marker::Map32.to_u8();

/// The key and the value of a string tag that is MessagePack already; its key has at most 31 bytes.
#[inline(always)]
pub(super) fn text_pair(entry: &[u8]) -> (&[u8], &[u8]) {
    let (key, value) = split_key(entry);
    let header = match value.first().map(|header| Marker::from_u8(*header)) {
        Some(Marker::Str8) => 2,
        Some(Marker::Str16) => 3,
        Some(Marker::Str32) => 5,
        _ => 1,
    };
    (key, value.get(header..).unwrap_or_default())
}

/// The key of a tag that is MessagePack already, of at most 31 bytes, and its value as it is written.
#[inline(always)]
pub(super) fn split_key(entry: &[u8]) -> (&[u8], &[u8]) {
    let Some((header, rest)) = entry.split_first() else { return (&[], &[]) };
    match Marker::from_u8(*header) {
        Marker::FixStr(len) => rest.split_at_checked(len.into()).unwrap_or_default(),
        _ => (&[], &[]),
    }
}

/// How many characters a text may have before it is cut: `MAX_SPAN_META_VALUE_LEN` of dd-trace-py.
const MAX_CHARS: usize = 25_000;
/// How many characters of such a text are kept. With the mark these are 2,500, `TRUNCATED_SPAN_ATTRIBUTE_LEN` of
/// dd-trace-py.
const KEPT_CHARS: usize = 2_486;
const CUT_MARK: &str = "<truncated>...";

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rmpv::Value;

    fn written(write: impl FnOnce(&mut Buffer)) -> Value {
        let mut buffer = Buffer::default();
        write(&mut buffer);
        let mut rest = buffer.as_bytes();
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
            assert_eq!(counted.as_bytes(), known.as_bytes());
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
            prop_assert_eq!(written(|out| out.u64(unsigned)).as_u64(), Some(unsigned));
            prop_assert_eq!(written(|out| out.i64(number)).as_i64(), Some(number));
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
