//! The value of a tag: as the user gives it, and as a span keeps it.

use std::sync::Arc;

use super::stack::Stack;
use crate::text::Text;

/// A value for [`SpanRef::set_tag`](crate::SpanRef::set_tag), made from whatever converts into it.
///
/// Text and booleans become string tags (`meta`), numbers become numeric tags (`metrics`), lists and maps
/// are flattened into `key.0`, `key.name`; `None` removes the tag.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TagValue {
    /// A string tag.
    Text(Text),
    /// The string tag `true` or `false`.
    Bool(bool),
    /// A numeric tag; beyond ±2^53, where a float would lose digits, a string tag with the decimal text.
    I64(i64),
    /// As [`TagValue::I64`].
    U64(u64),
    /// A numeric tag; NaN and infinities are dropped.
    F64(f64),
    /// One tag for each element: `key.0`, `key.1`; an empty list leaves no tag.
    List(Vec<TagValue>),
    /// One tag for each entry: `key.name`.
    Map(Vec<(Text, TagValue)>),
    /// Removes the tag.
    None,
}

/// The largest integer that a float, as the agent keeps numeric tags, holds exactly: 2^53.
const MAX_EXACT: u64 = 1 << 53;

impl TagValue {
    /// Whether a switch such as `manual.keep` or `error` is on: all but `false`, `0`, `f`, zero, nothing.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            TagValue::Text(text) => {
                !["", "0", "f", "false"].iter().any(|off| text.eq_ignore_ascii_case(off))
            }
            TagValue::Bool(on) => *on,
            TagValue::I64(number) => *number != 0,
            TagValue::U64(number) => *number != 0,
            TagValue::F64(number) => *number != 0.0,
            TagValue::List(_) | TagValue::Map(_) => true,
            TagValue::None => false,
        }
    }

    /// The value as a number, for tags that must be one.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            TagValue::Text(text) => {
                text.trim().parse().ok().filter(|number: &f64| number.is_finite())
            }
            TagValue::Bool(on) => Some(f64::from(u8::from(*on))),
            #[expect(clippy::cast_precision_loss, reason = "the wire has floats only")]
            TagValue::I64(number) => Some(*number as f64),
            #[expect(clippy::cast_precision_loss, reason = "the wire has floats only")]
            TagValue::U64(number) => Some(*number as f64),
            TagValue::F64(number) => Some(*number).filter(|number| number.is_finite()),
            TagValue::List(_) | TagValue::Map(_) | TagValue::None => None,
        }
    }

    /// The value as text, for tags that must be text: `http.status_code`, the service.
    pub(crate) fn into_text(self) -> Option<Text> {
        match self {
            TagValue::Text(text) => Some(text),
            TagValue::Bool(on) => Some(bool_text(on)),
            TagValue::I64(number) => Some(number.to_string().into()),
            TagValue::U64(number) => Some(number.to_string().into()),
            TagValue::F64(number) => Some(number.to_string().into()),
            TagValue::List(_) | TagValue::Map(_) | TagValue::None => None,
        }
    }

    /// The value as one tag keeps it: `None` where nothing is kept (NaN), itself where it makes several tags.
    #[inline(always)]
    pub(crate) fn into_single(self) -> Result<Option<Value>, TagValue> {
        Ok(Some(match self {
            TagValue::Text(text) => Value::Text(text),
            TagValue::Bool(on) => Value::Text(bool_text(on)),
            TagValue::I64(number) if number.unsigned_abs() <= MAX_EXACT => Value::I64(number),
            TagValue::I64(number) => decimal(number),
            TagValue::U64(number) => match i64::try_from(number) {
                Ok(exact) if number <= MAX_EXACT => Value::I64(exact),
                _ => decimal(number),
            },
            TagValue::F64(number) if number.is_finite() => Value::F64(number),
            TagValue::F64(_) => return Ok(None),
            TagValue::None => Value::Absent,
            several @ (TagValue::List(_) | TagValue::Map(_)) => return Err(several),
        }))
    }

    /// Calls `store` for each tag this value makes under `key`.
    pub(crate) fn flatten(self, key: Text, store: &mut impl FnMut(Text, Value)) {
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
fn decimal(number: impl std::fmt::Display) -> Value {
    Value::Text(number.to_string().into())
}

#[inline]
fn bool_text(on: bool) -> Text {
    Text::literal(if on { "true" } else { "false" })
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl From<$source> for TagValue {
            #[inline]
            fn from($value: $source) -> Self {
                $target
            }
        })*
    };
}

from! {
    Text => |value| TagValue::Text(value);
    &str => |value| TagValue::Text(Text::copy(value));
    &String => |value| TagValue::Text(Text::copy(value));
    String => |value| TagValue::Text(value.into());
    Box<str> => |value| TagValue::Text(value.into());
    Arc<str> => |value| TagValue::Text(value.into());
    std::borrow::Cow<'_, str> => |value| match value {
        std::borrow::Cow::Borrowed(text) => TagValue::Text(Text::copy(text)),
        std::borrow::Cow::Owned(text) => TagValue::Text(text.into()),
    };
    &[u8] => |value| String::from_utf8_lossy(value).into();
    char => |value| TagValue::Text(Text::copy(value.encode_utf8(&mut [0; 4])));
    bool => |value| TagValue::Bool(value);
    i8 => |value| TagValue::I64(value.into());
    i16 => |value| TagValue::I64(value.into());
    i32 => |value| TagValue::I64(value.into());
    i64 => |value| TagValue::I64(value);
    isize => |value| i64::try_from(value).map_or(TagValue::None, TagValue::I64);
    u8 => |value| TagValue::U64(value.into());
    u16 => |value| TagValue::U64(value.into());
    u32 => |value| TagValue::U64(value.into());
    u64 => |value| TagValue::U64(value);
    usize => |value| u64::try_from(value).map_or(TagValue::None, TagValue::U64);
    i128 => |value| i64::try_from(value).map_or_else(|_| value.to_string().into(), TagValue::I64);
    u128 => |value| u64::try_from(value).map_or_else(|_| value.to_string().into(), TagValue::U64);
    f32 => |value| TagValue::F64(value.into());
    f64 => |value| TagValue::F64(value);
}

impl<T: Into<TagValue>> From<Option<T>> for TagValue {
    #[inline]
    fn from(value: Option<T>) -> Self {
        value.map_or(TagValue::None, Into::into)
    }
}

impl<T: Into<TagValue>> From<Vec<T>> for TagValue {
    fn from(values: Vec<T>) -> Self {
        TagValue::List(values.into_iter().map(Into::into).collect())
    }
}

/// What a span keeps: one type for string and numeric tags, so a key can never be both.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Removed; its place is kept for the next value of the same key.
    Absent,
    Text(Text),
    I64(i64),
    F64(f64),
    /// A stack whose symbols are looked up on the worker, where it may take its milliseconds.
    Stack(Box<Stack>),
}

impl Value {
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Value::Absent)
    }

    /// The numeric tag's value.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53, see TagValue::flatten")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Value::I64(number) => Some(*number as f64),
            Value::F64(number) => Some(*number),
            Value::Absent | Value::Text(_) | Value::Stack(_) => None,
        }
    }

    /// The string tag's value; a stack is written out here.
    pub(crate) fn text(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Value::Text(text) => Some(text.as_str().into()),
            Value::Stack(stack) => Some(stack.render().into()),
            Value::Absent | Value::I64(_) | Value::F64(_) => None,
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.heap_bytes(),
            Value::Stack(_) => STACK_BYTES,
            Value::Absent | Value::I64(_) | Value::F64(_) => 0,
        }
    }
}

/// What one unresolved stack is taken to hold, for the memory bound of the queue.
const STACK_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(value: impl Into<TagValue>) -> Vec<(String, String)> {
        let mut tags = Vec::new();
        value.into().flatten("k".into(), &mut |key, value| {
            let kind = match &value {
                Value::Absent => "-".to_owned(),
                Value::Text(text) => format!("meta {text}"),
                other => format!("metric {}", other.number().unwrap()),
            };
            tags.push((key.to_string(), kind));
        });
        tags
    }

    fn one(value: impl Into<TagValue>) -> String {
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
        assert_eq!(size_of::<Value>(), 24);
    }
}
