//! A cursor over MessagePack that knows where it is.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rmp::Marker;

use super::error::{Error, Result, Within};
use super::head::Head;
use crate::model::{Finding, Findings, Quoted, Rule, Text};

/// Reads one body from front to back.
pub(super) struct Reader<'a> {
    body: &'a [u8],
    offset: usize,
    /// Bytes that decoded values may still take.
    budget: usize,
    /// Short texts seen before; most keys and values of a payload repeat.
    texts: HashSet<Text>,
    pub(super) findings: Findings,
}

/// What one body may unfold to in memory. Bodies refer to one text many times, so that a small body
/// can describe a huge payload. Those of tracers, which stop at some 20 MB, stay below.
const BUDGET: usize = 512 << 20;

/// Roughly what a map or vector entry costs besides its content.
const ENTRY: usize = 48;

/// Longer texts rarely repeat.
const SHARED_TEXT: usize = 64;

/// A function that takes some heads, and gives what is in them.
macro_rules! when {
    ($($head:pat => $value:expr),+) => {
        |head| match head {
            $($head => Some($value),)+
            _ => None,
        }
    };
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            offset: 0,
            budget: BUDGET,
            texts: HashSet::new(),
            findings: Findings::default(),
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.offset..).unwrap_or_default()
    }

    /// Ends the reading.
    pub(super) fn finish(&self) -> Result<()> {
        match self.rest().len() {
            0 => Ok(()),
            more => Err(Error::new(self.offset, "the end", format!("{more} more bytes"))),
        }
    }

    /// Accounts for memory a decoded value is about to take.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        match self.budget.checked_sub(bytes.saturating_add(ENTRY)) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Error::new(
                self.offset,
                format!("a payload that unfolds to less than {} MB", BUDGET >> 20),
                "more",
            )),
        }
    }

    // ===== primitives =====

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = self.rest();
        let Some(taken) = rest.get(..len) else {
            let found = match rest.len() {
                0 => "the end of the body".to_owned(),
                left => format!("only {left} before the end of the body"),
            };
            let plural = if len == 1 { "" } else { "s" };
            return Err(Error::new(self.offset, format!("{len} more byte{plural}"), found));
        };
        self.offset = self.offset.saturating_add(len);
        Ok(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn length<const N: usize>(&mut self) -> Result<usize> {
        let bytes: [u8; N] = self.bytes()?;
        let length = bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Reads the head of the next value. After a text, bytes or extension head, the content is next.
    pub(super) fn head(&mut self) -> Result<Head> {
        let start = self.offset;
        let [first] = self.bytes()?;
        let head = match Marker::from_u8(first) {
            Marker::Null => Head::Nil,
            Marker::True => Head::Bool(true),
            Marker::False => Head::Bool(false),
            Marker::FixPos(value) => Head::UInt(value.into()),
            Marker::FixNeg(value) => Head::Int(value.into()),
            Marker::U8 => Head::UInt(u8::from_be_bytes(self.bytes()?).into()),
            Marker::U16 => Head::UInt(u16::from_be_bytes(self.bytes()?).into()),
            Marker::U32 => Head::UInt(u32::from_be_bytes(self.bytes()?).into()),
            Marker::U64 => Head::UInt(u64::from_be_bytes(self.bytes()?)),
            Marker::I8 => Head::signed(i8::from_be_bytes(self.bytes()?).into()),
            Marker::I16 => Head::signed(i16::from_be_bytes(self.bytes()?).into()),
            Marker::I32 => Head::signed(i32::from_be_bytes(self.bytes()?).into()),
            Marker::I64 => Head::signed(i64::from_be_bytes(self.bytes()?)),
            Marker::F32 => Head::Float(f32::from_be_bytes(self.bytes()?).into()),
            Marker::F64 => Head::Float(f64::from_be_bytes(self.bytes()?)),
            Marker::FixStr(len) => Head::Str(len.into()),
            Marker::Str8 => Head::Str(self.length::<1>()?),
            Marker::Str16 => Head::Str(self.length::<2>()?),
            Marker::Str32 => Head::Str(self.length::<4>()?),
            Marker::Bin8 => Head::Bin(self.length::<1>()?),
            Marker::Bin16 => Head::Bin(self.length::<2>()?),
            Marker::Bin32 => Head::Bin(self.length::<4>()?),
            Marker::FixArray(len) => Head::Array(len.into()),
            Marker::Array16 => Head::Array(self.length::<2>()?),
            Marker::Array32 => Head::Array(self.length::<4>()?),
            Marker::FixMap(len) => Head::Map(len.into()),
            Marker::Map16 => Head::Map(self.length::<2>()?),
            Marker::Map32 => Head::Map(self.length::<4>()?),
            // The type byte counts as content, so that skipping an extension needs no special case.
            Marker::FixExt1 => Head::Ext(2),
            Marker::FixExt2 => Head::Ext(3),
            Marker::FixExt4 => Head::Ext(5),
            Marker::FixExt8 => Head::Ext(9),
            Marker::FixExt16 => Head::Ext(17),
            Marker::Ext8 => Head::Ext(self.length::<1>()?.saturating_add(1)),
            Marker::Ext16 => Head::Ext(self.length::<2>()?.saturating_add(1)),
            Marker::Ext32 => Head::Ext(self.length::<4>()?.saturating_add(1)),
            Marker::Reserved => {
                return Err(Error::new(start, "a MessagePack value", "the unused marker 0xc1"));
            }
        };
        // Elements take a byte or more each: a length beyond that is wrong, and found out at once.
        let (least, unit) = match head {
            Head::Array(len) => (len, "elements"),
            Head::Map(len) => (len.saturating_mul(2), "keys and values"),
            _ => (0, ""),
        };
        let left = self.rest().len();
        if least > left {
            let found = format!("{left} bytes before the end of the body");
            return Err(Error::new(start, format!("{least} {unit}"), found));
        }
        Ok(head)
    }

    /// Steps over a nil, if one is next.
    pub(super) fn nil(&mut self) -> bool {
        let is_nil = self.rest().first() == Some(&Marker::Null.to_u8());
        if is_nil {
            self.offset = self.offset.saturating_add(1);
        }
        is_nil
    }

    /// What `read` reads, or the zero value where there is a nil in its place.
    pub(super) fn optional<T: Default>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.nil() { Ok(T::default()) } else { read(self) }
    }

    /// Steps over one value of any kind. Not recursive: nesting is a count of what is still to come.
    pub(super) fn skip(&mut self) -> Result<()> {
        let mut left: usize = 1;
        while let Some(rest) = left.checked_sub(1) {
            left = rest;
            match self.head()? {
                Head::Str(len) | Head::Bin(len) | Head::Ext(len) => {
                    self.take(len)?;
                }
                Head::Array(len) => left = left.saturating_add(len),
                Head::Map(len) => left = left.saturating_add(len.saturating_mul(2)),
                Head::Nil | Head::Bool(_) | Head::UInt(_) | Head::Int(_) | Head::Float(_) => {}
            }
        }
        Ok(())
    }

    // ===== typed values =====

    /// The next value, where `take` takes its head.
    fn typed<T>(
        &mut self,
        expected: &'static str,
        take: impl FnOnce(Head) -> Option<T>,
    ) -> Result<T> {
        let start = self.offset;
        let head = self.head()?;
        take(head).ok_or_else(|| head.instead_of(expected, start))
    }

    pub(super) fn array(&mut self, expected: &'static str) -> Result<usize> {
        self.typed(expected, when!(Head::Array(len) => len))
    }

    pub(super) fn map(&mut self, expected: &'static str) -> Result<usize> {
        self.typed(expected, when!(Head::Map(len) => len))
    }

    /// A text, written as string or bytes; agents take both.
    pub(super) fn str(&mut self, expected: &'static str) -> Result<&'a str> {
        let len = self.typed(expected, when!(Head::Str(len) | Head::Bin(len) => len))?;
        self.utf8(len)
    }

    pub(super) fn utf8(&mut self, len: usize) -> Result<&'a str> {
        let start = self.offset;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|error| {
            let at = start.saturating_add(error.valid_up_to());
            Error::new(at, "UTF-8", "other bytes")
        })
    }

    pub(super) fn text(&mut self, expected: &'static str) -> Result<Text> {
        let text = self.str(expected)?;
        self.share(text)
    }

    /// An owned copy, the same one for equal short texts.
    pub(super) fn share(&mut self, text: &str) -> Result<Text> {
        if let Some(shared) = self.texts.get(text) {
            return Ok(Arc::clone(shared));
        }
        self.charge(text.len())?;
        let shared: Text = text.into();
        if text.len() <= SHARED_TEXT {
            self.texts.insert(Arc::clone(&shared));
        }
        Ok(shared)
    }

    pub(super) fn bin(&mut self, expected: &'static str) -> Result<&'a [u8]> {
        let len = self.typed(expected, when!(Head::Bin(len) => len))?;
        self.take(len)
    }

    /// Binary data that is kept.
    pub(super) fn bytes_value(&mut self) -> Result<Arc<[u8]>> {
        let bytes = self.bin("binary data")?;
        self.charge(bytes.len())?;
        Ok(bytes.into())
    }

    pub(super) fn bool(&mut self) -> Result<bool> {
        self.typed("a boolean", when!(Head::Bool(value) => value))
    }

    pub(super) fn integer<T: TryFrom<i128>>(&mut self, expected: &'static str) -> Result<T> {
        self.typed(expected, |head| T::try_from(head.integer()?).ok())
    }

    /// An id. Tracers of languages without unsigned integers write its bits as a signed one.
    pub(super) fn id(&mut self) -> Result<u64> {
        let kinds = when!(Head::UInt(value) => value, Head::Int(value) => value as u64);
        self.typed("a 64-bit id", kinds)
    }

    pub(super) fn float(&mut self) -> Result<f64> {
        self.typed("a float", when!(Head::Float(value) => value))
    }

    /// A float or an integer.
    #[expect(clippy::cast_precision_loss, reason = "as the agent does: numeric tags are floats")]
    pub(super) fn number(&mut self) -> Result<f64> {
        self.typed("a number", |head| match head {
            Head::Float(value) => Some(value),
            other => other.integer().map(|value| value as f64),
        })
    }

    // ===== lists =====

    /// An array; an error in an element names it as `one` with its number.
    pub(super) fn list<T>(
        &mut self,
        expected: &'static str,
        one: &str,
        mut element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let len = self.array(expected)?;
        let mut list = Vec::new();
        for nth in 0..len {
            self.charge(size_of::<T>())?;
            list.push(element(self).within(|| format!("{one} {nth}"))?);
        }
        Ok(list)
    }

    // ===== maps =====

    /// A map with text keys.
    pub(super) fn text_map<V>(
        &mut self,
        value: impl FnMut(&mut Self) -> Result<V>,
    ) -> Result<BTreeMap<Text, V>> {
        self.map_of("a map with text keys", |reader| reader.text("a text key"), value)
    }

    /// A map with keys of any form. A key that comes twice is reported; its last value stays.
    pub(super) fn map_of<V>(
        &mut self,
        expected: &'static str,
        mut key: impl FnMut(&mut Self) -> Result<Text>,
        mut value: impl FnMut(&mut Self) -> Result<V>,
    ) -> Result<BTreeMap<Text, V>> {
        let len = self.map(expected)?;
        let mut map = BTreeMap::new();
        for _ in 0..len {
            let key = key(self)?;
            let value = value(self).within(|| format!("key {}", Quoted(&key)))?;
            self.charge_entry::<V>(&key)?;
            if map.insert(Arc::clone(&key), value).is_some() {
                let (key, offset) = (Quoted(&key), self.offset);
                let text = format!("the key {key} is twice in one map, before byte {offset}");
                self.findings.push(Finding::new(Rule::DuplicateKey, text));
            }
        }
        Ok(map)
    }

    /// A map of named fields. `field` reads the value of one that it knows, and says whether it does; any other is
    /// reported, as unknown in `what`, and stepped over.
    pub(super) fn fields(
        &mut self,
        what: &str,
        expected: &'static str,
        mut field: impl FnMut(&mut Self, &str) -> Result<bool>,
    ) -> Result<()> {
        for _ in 0..self.map(expected)? {
            let name = self.str("a field name")?;
            if !field(self, name).within(|| format!("`{name}`"))? {
                self.unknown(what, name)?;
            }
        }
        Ok(())
    }

    /// Accounts for a map entry, and for the time it takes to compare its key, shared or not.
    pub(super) fn charge_entry<V>(&mut self, key: &str) -> Result<()> {
        self.charge(size_of::<V>().saturating_add(key.len()))
    }

    /// Reports a field that has no meaning and steps over its value.
    pub(super) fn unknown(&mut self, what: &str, name: &str) -> Result<()> {
        let text = format!("{what} has a field {}, unknown to agents", Quoted(name));
        self.findings.push(Finding::new(Rule::UnknownField, text));
        self.skip()
    }
}

/// Whether the bytes are one MessagePack value, of any kind, and nothing else.
pub(crate) fn is_one_value(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.skip().and_then(|()| reader.finish()).is_ok()
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_of_any_width_are_read() {
        let body = b"\x07\xcc\x07\xcd\0\x07\xce\0\0\0\x07\xcf\0\0\0\0\0\0\0\x07\xd0\x07\xd1\0\x07\xd2\0\0\0\x07\xd3\0\0\0\0\0\0\0\x07";
        let mut reader = Reader::new(body);
        for _ in 0..9 {
            assert_eq!(reader.integer("seven"), Ok(7));
        }
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_negative_id_is_its_bits() {
        assert_eq!(Reader::new(b"\xff").id(), Ok(u64::MAX));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_with_its_place() {
        let length = Reader::new(b"\xdd\xff\xff\xff\xff\x01").array("chunks").unwrap_err();
        let cut = Reader::new(b"\xa5abc").text("a text").unwrap_err();
        let not_utf8 = Reader::new(b"\xa3ab\xff").text("a text").unwrap_err();
        for (error, expected) in [
            (
                length,
                "byte 0: expected 4294967295 elements, found 1 bytes before the end of the body",
            ),
            (cut, "byte 1: expected 5 more bytes, found only 3 before the end of the body"),
            (not_utf8, "byte 3: expected UTF-8, found other bytes"),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn deep_nesting_is_skipped_without_recursion() {
        let mut body = vec![0x91; 1_000_000];
        body.push(0xc0);
        let mut reader = Reader::new(&body);
        assert_eq!(reader.skip(), Ok(()));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn equal_short_texts_are_one_text() {
        let mut reader = Reader::new(b"\xa2ab\xa2ab");
        let first = reader.text("a text").unwrap();
        assert!(Arc::ptr_eq(&first, &reader.text("a text").unwrap()));
    }

    #[test]
    fn the_budget_ends() {
        let mut reader = Reader::new(b"");
        assert!(reader.charge(BUDGET / 2).is_ok());
        assert!(reader.charge(BUDGET / 2).is_err());
    }

    proptest! {
        #[test]
        fn skipping_agrees_with_a_full_decoder(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&body);
            let skipped = reader.skip().is_ok().then(|| reader.offset());
            let mut rest = body.as_slice();
            let decoded = rmpv::decode::read_value(&mut rest).is_ok().then(|| body.len() - rest.len());
            // The other decoder reads the unused marker as nil.
            if !body.contains(&0xc1) {
                prop_assert_eq!(skipped, decoded);
            }
        }
    }
}
