//! The value of a tag as a span stores it.

use std::borrow::Cow;

use crate::text::Text;
use crate::trace::values::{Stack, TagValue, bool_text, is_exact};

/// A stored value: one type for string and numeric tags, so a key can never be both. It is read as [`TagRef`].
#[derive(Clone, Debug)]
pub(crate) enum StoredValue {
    /// The tag was removed; its place serves the next value of the same key.
    Absent,
    Text(Text),
    /// A part of the texts that the tags of a trace hold together, in bytes.
    Slice {
        at: u32,
        len: u32,
    },
    I64(i64),
    F64(f64),
    /// A stack. Its symbols are looked up on the worker, because that takes milliseconds.
    Stack(Box<Stack>),
}

impl StoredValue {
    /// The value, if there is one. `texts` are the texts that its trace holds together.
    #[inline]
    pub(crate) fn read<'a>(&'a self, texts: &'a str) -> Option<TagRef<'a>> {
        Some(match self {
            StoredValue::Absent => return None,
            StoredValue::Text(text) => TagRef::Text(text),
            StoredValue::Slice { at, len } => {
                let (at, len) = (*at as usize, *len as usize);
                TagRef::Text(texts.get(at..at + len).unwrap_or_default())
            }
            StoredValue::I64(number) => TagRef::I64(*number),
            StoredValue::F64(number) => TagRef::F64(*number),
            StoredValue::Stack(stack) => TagRef::Stack(stack),
        })
    }
}

/// The value of a tag that is set, to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TagRef<'a> {
    Text(&'a str),
    I64(i64),
    F64(f64),
    Stack(&'a Stack),
}

impl<'a> TagRef<'a> {
    /// The value of a numeric tag.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53, see `TagValue::into_single`")]
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            TagRef::I64(number) => Some(number as f64),
            TagRef::F64(number) => Some(number),
            TagRef::Text(_) | TagRef::Stack(_) => None,
        }
    }

    /// The value of a string tag. A stack is written out here.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            TagRef::Text(text) => Some(text.into()),
            TagRef::Stack(stack) => Some(stack.render().into()),
            TagRef::I64(_) | TagRef::F64(_) => None,
        }
    }

    /// A copy that does not refer to the texts of this trace, for the tags of another one.
    pub(crate) fn copy(self) -> StoredValue {
        match self {
            TagRef::Text(text) => StoredValue::Text(Text::copy(text)),
            TagRef::I64(number) => StoredValue::I64(number),
            TagRef::F64(number) => StoredValue::F64(number),
            TagRef::Stack(stack) => StoredValue::Stack(Box::new(stack.clone())),
        }
    }
}

impl TagValue<'_> {
    /// The value as one tag stores it; `None` for what no tag holds, NaN and infinities, and for lists and maps.
    #[inline]
    fn into_single(self) -> Option<StoredValue> {
        Some(match self {
            TagValue::Str(text) => StoredValue::Text(Text::copy(text)),
            TagValue::Text(text) => StoredValue::Text(text),
            TagValue::Bool(on) => StoredValue::Text(bool_text(on)),
            TagValue::I64(number) if is_exact(number) => StoredValue::I64(number),
            TagValue::I64(number) => decimal(number),
            TagValue::U64(number) => match i64::try_from(number) {
                Ok(exact) if is_exact(exact) => StoredValue::I64(exact),
                _ => decimal(number),
            },
            TagValue::F64(number) if number.is_finite() => StoredValue::F64(number),
            TagValue::None => StoredValue::Absent,
            TagValue::F64(_) | TagValue::List(_) | TagValue::Map(_) => return None,
        })
    }

    /// Calls `store` for each tag that this value makes under `key`.
    pub(crate) fn into_tags(self, key: Text, store: &mut impl FnMut(Text, StoredValue)) {
        self.flatten(key, &mut |key, value| {
            if let Some(value) = value.into_single() {
                store(key, value);
            }
        });
    }
}

#[cold]
fn decimal(number: impl std::fmt::Display) -> StoredValue {
    StoredValue::Text(number.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored<'a>(value: impl Into<TagValue<'a>>) -> Vec<(String, String)> {
        let mut tags = Vec::new();
        value.into().into_tags("k".into(), &mut |key, value| {
            let kind = match value.read("") {
                None => "-".to_owned(),
                Some(TagRef::Text(text)) => format!("meta {text}"),
                Some(other) => format!("metric {}", other.number().unwrap()),
            };
            tags.push((key.to_string(), kind));
        });
        tags
    }

    fn one<'a>(value: impl Into<TagValue<'a>>) -> String {
        let mut tags = stored(value);
        assert_eq!(tags.len(), 1);
        tags.remove(0).1
    }

    #[test]
    fn each_type_goes_where_the_agent_expects_it() {
        assert_eq!(one("text"), "meta text");
        assert_eq!(one(true), "meta true");
        assert_eq!(one(false), "meta false");
        assert_eq!(one(42), "metric 42");
        assert_eq!(one(-42i64), "metric -42");
        assert_eq!(one(1.5), "metric 1.5");
        assert_eq!(one(1i64 << 53), "metric 9007199254740992");
        assert_eq!(one((1i64 << 53) + 1), "meta 9007199254740993");
        assert_eq!(one(u64::MAX), "meta 18446744073709551615");
        assert_eq!(one(u128::MAX), format!("meta {}", u128::MAX));
        assert_eq!(one(None::<i32>), "-");
        assert_eq!(one(&b"a\xff"[..]), "meta a\u{fffd}");
    }

    #[test]
    fn nan_and_infinities_are_dropped() {
        assert!(stored(f64::NAN).is_empty());
        assert!(stored(f64::INFINITY).is_empty());
    }

    #[test]
    fn lists_and_maps_are_flattened() {
        let nested = TagValue::List(vec![
            "a".into(),
            TagValue::List(vec![1.into(), true.into()]),
            TagValue::Map(vec![("b".into(), 2.into())]),
        ]);
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            stored(nested),
            [
                tag("k.0", "meta a"),
                tag("k.1.0", "metric 1"),
                tag("k.1.1", "meta true"),
                tag("k.2.b", "metric 2"),
            ]
        );
        assert!(stored(Vec::<i32>::new()).is_empty());
    }

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<StoredValue>(), 24);
    }
}
