//! A tag on its way into the vector of its trace, in the form that takes the fewest instructions.

use super::digest::digest;
use super::stored::Value;
use crate::text::Text;
use crate::trace::values::bool_text;

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

    fn into_value(self) -> Value;
}

impl NewValue for Value {
    #[inline]
    fn is_present(&self) -> bool {
        Value::is_present(self)
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        Value::heap_bytes(self)
    }

    #[inline]
    fn into_value(self) -> Value {
        self
    }
}

/// So many bytes of the texts that a trace holds together.
pub(super) struct Slice {
    pub(crate) at: u32,
    pub(crate) len: u32,
}

impl NewValue for Slice {
    #[inline]
    fn into_value(self) -> Value {
        Value::Slice { at: self.at, len: self.len }
    }
}

/// A number that a float holds exactly.
impl NewValue for i64 {
    #[inline]
    fn into_value(self) -> Value {
        Value::I64(self)
    }
}

/// A finite number.
impl NewValue for f64 {
    #[inline]
    fn into_value(self) -> Value {
        Value::F64(self)
    }
}

impl NewValue for bool {
    #[inline]
    fn into_value(self) -> Value {
        Value::Text(bool_text(self))
    }
}
