//! A tag on its way into the arena. Its key and value keep their types for as long as possible, so that the compiler
//! can leave out what a type does not need.

use std::mem::ManuallyDrop;

use super::digest::digest;
use super::stored::StoredValue;
use crate::text::Text;
use crate::trace::values::{TagValue, bool_text, is_exact};

/// The key of a tag that is to be set.
pub(crate) trait TagKey {
    fn digest(&self) -> u32;
    fn as_bytes(&self) -> &[u8];
    #[inline]
    fn heap_bytes(&self) -> usize {
        0
    }
    fn into_text(self) -> Text;
}

/// A key that is a literal, as most are. It takes the fewest instructions to move.
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

/// What tags are set on: the location of a span, or a list in the arena.
pub(crate) trait TagTarget {
    fn put(&mut self, key: impl TagKey, value: impl NewValue);
}

/// Sets the tags that a value makes under a key, which must not be special.
#[inline(always)]
pub(crate) fn put_value(into: &mut impl TagTarget, key: impl TagKey, value: TagValue<'_>) {
    // Most values have nothing to drop. Without this, the type would be checked for that at run time.
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
    value.into_tags(key, &mut |key, value| into.put(Key::new(key), value));
}

/// The value of a tag that is to be set.
pub(crate) trait NewValue {
    #[inline]
    fn is_present(&self) -> bool {
        true
    }

    /// Bytes on the heap that belong to this value alone.
    #[inline]
    fn heap_bytes(&self) -> usize {
        0
    }

    /// Bytes that it adds to the shared texts of its trace.
    #[inline]
    fn text_bytes(&self) -> usize {
        0
    }

    /// The value without the shared texts.
    fn into_value(self) -> StoredValue;

    /// The value for a new place in the arena, with its characters in the shared texts.
    #[inline]
    fn into_stored(self, _texts: &mut String) -> StoredValue
    where
        Self: Sized,
    {
        self.into_value()
    }
}

/// What one stack without symbols is taken to hold, for the bounds on memory.
const STACK_BYTES: usize = 4096;

impl NewValue for StoredValue {
    #[inline]
    fn is_present(&self) -> bool {
        !matches!(self, StoredValue::Absent)
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        match self {
            StoredValue::Text(text) => text.heap_bytes(),
            StoredValue::Stack(_) => STACK_BYTES,
            _ => 0,
        }
    }

    #[inline]
    fn into_value(self) -> StoredValue {
        self
    }
}

/// A text, which is copied.
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
