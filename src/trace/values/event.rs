//! An event of a span.

use std::borrow::Cow;
use std::mem::discriminant;
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
    /// How many attributes were left out because there were too many.
    pub(crate) refused_attributes: u32,
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
        SpanEvent { name: name.into(), unix_ns, attributes: Vec::new(), refused_attributes: 0 }
    }

    /// With an attribute; the last value of a key counts. What the protocol cannot hold is dropped: NaN,
    /// infinities, mixed or nested arrays. An integer that does not fit into an `i64` is text. An event has 1,024
    /// attributes at the most. Further ones are left out, and counted in the metric `tracehound.refused_changes` of the
    /// span that the event is added to.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<Text>, value: impl Into<EventValue>) -> Self {
        let value = value.into();
        if value.is_valid() {
            let is_set = set_entry(&mut self.attributes, key.into(), value);
            self.refused_attributes += u32::from(!is_set);
        }
        self
    }

    /// About how many bytes it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes =
            attributes.map(|(key, value)| ENTRY_BYTES + key.heap_bytes() + value.bytes());
        ENTRY_BYTES + self.name.heap_bytes() + attributes.sum::<usize>()
    }
}

/// The value of an attribute of a [`SpanEvent`], made from whatever converts into it: every kind of text, number,
/// and lists of one of them.
///
/// The protocol has `i64` only: an integer that does not fit is the text of its digits, as for a tag.
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

/// What a value is taken to hold by itself, in bytes.
const VALUE_BYTES: usize = 32;

impl EventValue {
    /// Whether the protocol can hold it.
    fn is_valid(&self) -> bool {
        match self {
            EventValue::F64(number) => number.is_finite(),
            EventValue::Array(values) => {
                let first = values.first().map(discriminant);
                values.iter().all(|value| {
                    let is_single = !matches!(value, EventValue::Array(_));
                    is_single && Some(discriminant(value)) == first && value.is_valid()
                })
            }
            _ => true,
        }
    }

    fn bytes(&self) -> usize {
        let beside = match self {
            EventValue::Text(text) => text.heap_bytes(),
            EventValue::Array(values) => values.iter().map(EventValue::bytes).sum(),
            _ => 0,
        };
        VALUE_BYTES + beside
    }
}

conversions! { EventValue, lists: EventValue::Array;
    Text => |value| EventValue::Text(value);
    &'a Text => |value| EventValue::Text(value.clone());
    &'a str, String, &'a String, Box<str>, Arc<str>, Cow<'a, str> => |value| EventValue::Text(value.into());
    char => |value| EventValue::Text(Text::copy(value.encode_utf8(&mut [0; 4])));
    bool => |value| EventValue::Bool(value);
    i64 => |value| EventValue::I64(value);
    f64 => |value| EventValue::F64(value);
    i8, i16, i32, u8, u16, u32 => |value| EventValue::I64(value.into());
    f32 => |value| EventValue::F64(value.into());
    u64, usize, u128, isize, i128 => |value| {
        i64::try_from(value).map_or_else(|_| value.to_string().into(), EventValue::I64)
    };
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
        let event = SpanEvent::new("e")
            .attribute("nan", f64::NAN)
            .attribute("mixed", [EventValue::from(1), "a".into()])
            .attribute("nested", [Vec::<i64>::new()])
            .attribute("good", vec![1i64, 2])
            .attribute("empty", Vec::<i64>::new());
        let keys: Vec<_> = event.attributes.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["good", "empty"]);
    }
}
