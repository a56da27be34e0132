//! The value of a tag as a span keeps it.

use std::borrow::Cow;

use crate::text::Text;
use crate::trace::values::{MAX_EXACT, Stack, TagValue, bool_text, is_exact};

/// What a span keeps: one type for string and numeric tags, so a key can never be both.
///
/// Read as [`TagRef`].
#[derive(Clone, Debug)]
pub(crate) enum StoredValue {
    /// Removed; its place is kept for the next value of the same key.
    Absent,
    Text(Text),
    /// So many bytes of the texts that the tags of a trace hold together.
    Slice {
        at: u32,
        len: u32,
    },
    I64(i64),
    F64(f64),
    /// A stack whose symbols are looked up on the worker, where it may take its milliseconds.
    Stack(Box<Stack>),
}

impl StoredValue {
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, StoredValue::Absent)
    }

    /// What the value holds by itself.
    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            StoredValue::Text(text) => text.heap_bytes(),
            StoredValue::Stack(_) => STACK_BYTES,
            StoredValue::Absent
            | StoredValue::Slice { .. }
            | StoredValue::I64(_)
            | StoredValue::F64(_) => 0,
        }
    }

    /// The value, if there is one, where `texts` is what its slice is of.
    #[inline]
    pub(crate) fn read<'a>(&'a self, texts: &'a str) -> Option<TagRef<'a>> {
        Some(match self {
            StoredValue::Absent => return None,
            StoredValue::Text(text) => TagRef::Text(text),
            StoredValue::Slice { at, len } => {
                let (at, len) = (*at as usize, *len as usize);
                TagRef::Text(texts.get(at..at.saturating_add(len)).unwrap_or_default())
            }
            StoredValue::I64(number) => TagRef::I64(*number),
            StoredValue::F64(number) => TagRef::F64(*number),
            StoredValue::Stack(stack) => TagRef::Stack(stack),
        })
    }
}

/// The value of a tag that is set, to be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TagRef<'a> {
    Text(&'a str),
    I64(i64),
    F64(f64),
    Stack(&'a Stack),
}

impl<'a> TagRef<'a> {
    /// The numeric tag's value.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53, see TagValue::into_single")]
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            TagRef::I64(number) => Some(number as f64),
            TagRef::F64(number) => Some(number),
            TagRef::Text(_) | TagRef::Stack(_) => None,
        }
    }

    /// The string tag's value; a stack is written out here.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            TagRef::Text(text) => Some(text.into()),
            TagRef::Stack(stack) => Some(stack.render().into()),
            TagRef::I64(_) | TagRef::F64(_) => None,
        }
    }

    /// The value by itself, for the tags of another trace.
    pub(crate) fn copy(self) -> StoredValue {
        match self {
            TagRef::Text(text) => StoredValue::Text(Text::copy(text)),
            TagRef::I64(number) => StoredValue::I64(number),
            TagRef::F64(number) => StoredValue::F64(number),
            TagRef::Stack(stack) => StoredValue::Stack(Box::new(stack.clone())),
        }
    }
}

/// What one unresolved stack is taken to hold, for the memory bound of the queue.
const STACK_BYTES: usize = 4096;

impl TagValue<'_> {
    /// The value as one tag keeps it: `None` where nothing is kept (NaN), itself where it makes several tags.
    #[inline]
    pub(crate) fn into_single(self) -> Result<Option<StoredValue>, Self> {
        Ok(Some(match self {
            TagValue::Str(text) => StoredValue::Text(Text::copy(text)),
            TagValue::Text(text) => StoredValue::Text(text),
            TagValue::Bool(on) => StoredValue::Text(bool_text(on)),
            TagValue::I64(number) if is_exact(number) => StoredValue::I64(number),
            TagValue::I64(number) => decimal(number),
            TagValue::U64(number) => match i64::try_from(number) {
                Ok(exact) if number <= MAX_EXACT => StoredValue::I64(exact),
                _ => decimal(number),
            },
            TagValue::F64(number) if number.is_finite() => StoredValue::F64(number),
            TagValue::F64(_) => return Ok(None),
            TagValue::None => StoredValue::Absent,
            several @ (TagValue::List(_) | TagValue::Map(_)) => return Err(several),
        }))
    }

    /// Calls `store` for each tag this value makes under `key`.
    pub(crate) fn flatten(self, key: Text, store: &mut impl FnMut(Text, StoredValue)) {
        match self.into_single() {
            Ok(Some(value)) => store(key, value),
            Err(TagValue::List(values)) => {
                for (index, value) in values.into_iter().enumerate() {
                    value.flatten(format!("{key}.{index}").into(), store);
                }
            }
            Err(TagValue::Map(entries)) => {
                for (name, value) in entries {
                    value.flatten(format!("{key}.{name}").into(), store);
                }
            }
            Ok(None) | Err(_) => {}
        }
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
        value.into().flatten("k".into(), &mut |key, value| {
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
    fn numbers_that_are_none_are_dropped() {
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
