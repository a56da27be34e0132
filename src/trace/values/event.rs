//! An event of a span.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use super::entries::{ENTRY_BYTES, set_entry};
use crate::clock::unix_ns;
use crate::text::Text;

/// Something that happened at one moment of a span.
///
/// ```
/// use tracehound::SpanEvent;
///
/// let event = SpanEvent::new("cache.miss").attribute("key", "user:42").attribute("tries", 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    pub(crate) name: Text,
    pub(crate) unix_ns: u64,
    pub(crate) attributes: Vec<(Text, EventValue)>,
}

impl SpanEvent {
    /// An event that happens now.
    #[must_use]
    pub fn new(name: impl Into<Text>) -> Self {
        Self::at(name, SystemTime::now())
    }

    /// An event at a given time; times before 1970 count as 1970.
    #[must_use]
    pub fn at(name: impl Into<Text>, time: SystemTime) -> Self {
        let unix_ns = u64::try_from(unix_ns(time)).unwrap_or_default();
        SpanEvent { name: name.into(), unix_ns, attributes: Vec::new() }
    }

    /// With an attribute; the last value of a key counts. What the protocol cannot hold is dropped: NaN,
    /// infinities, mixed or nested arrays. An integer beyond 64 bits with a sign is text. An event has 1,024 of them at
    /// the most; further ones are left out.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<Text>, value: impl Into<EventValue>) -> Self {
        let value = value.into();
        if value.is_valid() {
            set_entry(&mut self.attributes, key.into(), value);
        }
        self
    }

    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let fixed = ENTRY_BYTES.saturating_add(self.name.heap_bytes());
        self.attributes.iter().fold(fixed, |sum, (key, value)| {
            sum.saturating_add(ENTRY_BYTES)
                .saturating_add(key.heap_bytes())
                .saturating_add(value.bytes())
        })
    }
}

/// The value of an attribute of a [`SpanEvent`], made from whatever converts into it: every kind of text, number,
/// and lists of one of them.
///
/// An integer beyond the 64 bits with a sign that the protocol has is the text of its digits, as for a tag.
///
/// ```
/// use tracehound::EventValue;
///
/// assert_eq!(EventValue::from(3_usize), EventValue::I64(3));
/// assert_eq!(EventValue::from(u64::MAX), EventValue::from("18446744073709551615"));
/// assert_eq!(EventValue::from([0.5_f32, 1.0]), EventValue::from(vec![0.5, 1.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventValue {
    /// Text.
    Text(Text),
    /// A truth value.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// A finite float.
    F64(f64),
    /// Values of one type, none of them an array.
    Array(Vec<EventValue>),
}

impl EventValue {
    fn is_valid(&self) -> bool {
        match self {
            EventValue::F64(number) => number.is_finite(),
            EventValue::Array(values) => {
                let same = |value: &EventValue| {
                    values.first().is_some_and(|first| {
                        std::mem::discriminant(first) == std::mem::discriminant(value)
                    })
                };
                values.iter().all(|value| {
                    same(value) && !matches!(value, EventValue::Array(_)) && value.is_valid()
                })
            }
            _ => true,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            EventValue::Text(text) => text.heap_bytes().saturating_add(32),
            EventValue::Array(values) => {
                values.iter().fold(32, |sum, value| sum.saturating_add(value.bytes()))
            }
            _ => 32,
        }
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl From<$source> for EventValue {
            fn from($value: $source) -> Self {
                $target
            }
        })*
    };
}

from! {
    Text => |value| EventValue::Text(value);
    &Text => |value| EventValue::Text(value.clone());
    &str => |value| EventValue::Text(value.into());
    String => |value| EventValue::Text(value.into());
    &String => |value| EventValue::Text(value.into());
    Box<str> => |value| EventValue::Text(value.into());
    Arc<str> => |value| EventValue::Text(value.into());
    Cow<'_, str> => |value| EventValue::Text(value.into());
    char => |value| EventValue::Text(Text::copy(value.encode_utf8(&mut [0; 4])));
    bool => |value| EventValue::Bool(value);
    f32 => |value| EventValue::F64(value.into());
    f64 => |value| EventValue::F64(value);
}

macro_rules! from_integers {
    ($($integer:ty)*) => {
        $(impl From<$integer> for EventValue {
            fn from(value: $integer) -> Self {
                match i64::try_from(value) {
                    Ok(value) => EventValue::I64(value),
                    Err(_) => EventValue::Text(value.to_string().into()),
                }
            }
        })*
    };
}

from_integers! { u64 usize u128 isize i128 }

from! {
    u8 => |value| EventValue::I64(value.into());
    u16 => |value| EventValue::I64(value.into());
    u32 => |value| EventValue::I64(value.into());
    i8 => |value| EventValue::I64(value.into());
    i16 => |value| EventValue::I64(value.into());
    i32 => |value| EventValue::I64(value.into());
    i64 => |value| EventValue::I64(value);
}

impl<T: Into<EventValue>> From<Vec<T>> for EventValue {
    fn from(values: Vec<T>) -> Self {
        EventValue::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<EventValue>, const N: usize> From<[T; N]> for EventValue {
    fn from(values: [T; N]) -> Self {
        EventValue::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<EventValue>> From<&[T]> for EventValue {
    fn from(values: &[T]) -> Self {
        EventValue::Array(values.iter().cloned().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_the_protocol_cannot_hold_are_dropped_one_by_one() {
        let mixed = EventValue::Array(vec![1i64.into(), "a".into()]);
        let nested = EventValue::Array(vec![EventValue::Array(vec![])]);
        let event = SpanEvent::new("e")
            .attribute("nan", f64::NAN)
            .attribute("mixed", mixed)
            .attribute("nested", nested)
            .attribute("good", vec![1i64, 2])
            .attribute("empty", Vec::<i64>::new());
        let keys: Vec<_> = event.attributes.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["good", "empty"]);
    }
}
