//! A tag on its way into the vector of its trace, in the form that takes the fewest instructions.

use std::mem::ManuallyDrop;

use super::digest::digest;
use super::stored::StoredValue;
use crate::text::Text;
use crate::trace::values::{TagValue, bool_text, is_exact};

/// The key of a tag that is to be set.
pub(crate) trait TagKey {
    fn digest(&self) -> u32;
    fn as_bytes(&self) -> &[u8];
    fn heap_bytes(&self) -> usize;
    fn into_text(self) -> Text;
}

/// A key that stands in the program: what most are, and what takes the fewest instructions to move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiteralKey {
    text: &'static str,
    digest: u32,
}

/// Any key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: Text,
    pub(crate) digest: u32,
}

impl LiteralKey {
    #[inline]
    pub(crate) const fn new(text: &'static str) -> Self {
        LiteralKey { digest: digest(text.as_bytes()), text }
    }
}

impl Key {
    pub(crate) fn new(text: Text) -> Self {
        Key { digest: digest(text.as_bytes()), text }
    }
}

impl TagKey for LiteralKey {
    #[inline]
    fn digest(&self) -> u32 {
        self.digest
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        0
    }

    #[inline]
    fn into_text(self) -> Text {
        Text::literal(self.text)
    }
}

impl TagKey for Key {
    #[inline]
    fn digest(&self) -> u32 {
        self.digest
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.text.heap_bytes()
    }

    #[inline]
    fn into_text(self) -> Text {
        self.text
    }
}

/// Where tags are put: a span, or a list that is at hand.
pub(crate) trait TagTarget {
    fn put(&mut self, key: impl TagKey, value: impl NewValue);
}

/// Puts the tags that a value makes under a key which means nothing to the tracer.
#[inline(always)]
pub(crate) fn put_value(into: &mut impl TagTarget, key: impl TagKey, value: TagValue<'_>) {
    // What is dropped here otherwise is mostly nothing, which would have to be found out at run time.
    let value = ManuallyDrop::new(value);
    match &*value {
        TagValue::Str(text) => into.put(key, *text),
        TagValue::Bool(on) => into.put(key, *on),
        TagValue::I64(number) if is_exact(*number) => into.put(key, *number),
        TagValue::F64(number) if number.is_finite() => into.put(key, *number),
        _ => store_other(into, key.into_text(), ManuallyDrop::into_inner(value)),
    }
}

#[cold]
#[inline(never)]
fn store_other(into: &mut impl TagTarget, key: Text, value: TagValue<'_>) {
    value.flatten(key, &mut |key, value| into.put(Key::new(key), value));
}

/// The value of a tag that is to be set: where its type is known, so is what has to be done about it.
pub(crate) trait NewValue {
    #[inline]
    fn is_present(&self) -> bool {
        true
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        0
    }

    /// How much it adds to the texts of its trace.
    #[inline]
    fn text_bytes(&self) -> usize {
        0
    }

    /// The value by itself.
    fn into_value(self) -> StoredValue;

    /// The value in a new place, with its characters among the texts.
    #[inline]
    fn into_stored(self, _texts: &mut String) -> StoredValue
    where
        Self: Sized,
    {
        self.into_value()
    }
}

impl NewValue for StoredValue {
    #[inline]
    fn is_present(&self) -> bool {
        StoredValue::is_present(self)
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        StoredValue::heap_bytes(self)
    }

    #[inline]
    fn into_value(self) -> StoredValue {
        self
    }
}

/// A text that is copied.
impl NewValue for &str {
    #[inline]
    fn text_bytes(&self) -> usize {
        self.len()
    }

    #[inline]
    fn into_value(self) -> StoredValue {
        StoredValue::Text(Text::copy(self))
    }

    #[inline]
    fn into_stored(self, texts: &mut String) -> StoredValue {
        let at = texts.len();
        texts.push_str(self);
        #[expect(clippy::cast_possible_truncation, reason = "neither is over `MAX_TEXTS`")]
        StoredValue::Slice { at: at as u32, len: self.len() as u32 }
    }
}

/// A number that a float holds exactly.
impl NewValue for i64 {
    #[inline]
    fn into_value(self) -> StoredValue {
        StoredValue::I64(self)
    }
}

/// A finite number.
impl NewValue for f64 {
    #[inline]
    fn into_value(self) -> StoredValue {
        StoredValue::F64(self)
    }
}

impl NewValue for bool {
    #[inline]
    fn into_value(self) -> StoredValue {
        StoredValue::Text(bool_text(self))
    }
}
