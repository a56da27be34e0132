//! OpenTelemetry's keys and values in the core's terms.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use tracehound::bridge::SpanExt as _;
use tracehound::bridge::{LateTags, SpecialKeys};
use tracehound::{EventValue, SpanEvent, SpanLink, SpanRef, TagValue, Text};

use crate::exception;
use crate::keys::key_text;

/// The keys of attributes that are not the tags of the same names: the core's own, and these.
static SPECIAL: SpecialKeys = SpecialKeys::and(&[
    "operation.name",
    "http.response.status_code",
    exception::MESSAGE,
    exception::TYPE,
    exception::STACK,
]);

/// Whether an attribute is the tag of the same name, and so can be set as [`Late`].
#[inline]
pub(crate) fn is_plain(attribute: &KeyValue) -> bool {
    !is_special(attribute.key.as_str())
}

/// Whether a key means more than a tag of that name.
#[inline]
pub(crate) fn is_special(key: &str) -> bool {
    SPECIAL.contains(key)
}

/// Sets an attribute.
#[cold]
pub(crate) fn set(span: &SpanRef, attribute: KeyValue) {
    if is_plain(&attribute) {
        let heap_bytes = heap_bytes(&attribute);
        return span.set_late_tags(Late::One(attribute), heap_bytes);
    }
    if let Some((key, value)) = exception::of_attribute(&attribute) {
        span.set_tag(key, value);
    }
    if let Some((key, value)) = tag(attribute) {
        span.set_tag(key, value);
    }
}

/// Sets the attributes that a span starts with.
pub(crate) fn set_all(span: &SpanRef, attributes: Vec<KeyValue>) {
    if !attributes.iter().all(is_plain) {
        return attributes.into_iter().for_each(|attribute| set(span, attribute));
    }
    // As they came: neither moved nor freed on this thread.
    let own = attributes.len().saturating_mul(size_of::<KeyValue>());
    let heap_bytes = attributes.iter().map(heap_bytes).fold(own, usize::saturating_add);
    span.set_late_tags(Late::Many(attributes), heap_bytes);
}

/// Attributes that are the tags of the same names, converted by whoever needs them first.
#[derive(Debug)]
pub(crate) enum Late {
    One(KeyValue),
    Many(Vec<KeyValue>),
}

impl LateTags for Late {
    #[inline]
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
        let attributes = match self {
            Late::One(attribute) => std::slice::from_mut(attribute),
            Late::Many(attributes) => attributes,
        };
        for KeyValue { key, value, .. } in attributes {
            let key = short(key.as_str()).unwrap_or_else(|| long_key(key));
            let value = match value {
                Value::Bool(value) => TagValue::Bool(*value),
                Value::I64(value) => TagValue::I64(*value),
                Value::F64(value) => TagValue::F64(*value),
                Value::String(text) => TagValue::Str(text.as_str()),
                _ => other_value(value),
            };
            put(key, value);
        }
    }
}

/// A text that is copied in place.
#[inline(always)]
fn short(text: &str) -> Option<Text> {
    (text.len() <= Text::IN_PLACE).then(|| Text::copy(text))
}

fn long_key(key: &mut Key) -> Text {
    key_text(std::mem::replace(key, Key::from_static_str("")))
}

fn other_value(value: &mut Value) -> TagValue<'static> {
    tag_value(std::mem::replace(value, Value::Bool(false)))
}

/// What an attribute holds beside itself, about.
#[inline]
pub(crate) fn heap_bytes(attribute: &KeyValue) -> usize {
    match &attribute.value {
        Value::String(text) => text.as_str().len(),
        Value::Array(_) => ARRAY_BYTES,
        _ => 0,
    }
}

/// What an array is taken to hold, for the memory bound of the queue.
const ARRAY_BYTES: usize = 256;

/// The tag that an attribute is to the core; `None` for a reserved one without a usable value.
pub(crate) fn tag(attribute: KeyValue) -> Option<(Text, TagValue<'static>)> {
    let KeyValue { key, value, .. } = attribute;
    match key.as_str() {
        // An empty one lets the name follow from the rest again.
        "operation.name" => match value {
            Value::String(name) => Some(("span.name".into(), name.as_str().to_lowercase().into())),
            _ => None,
        },
        // A span has a resource; to have none said is no reason to lose the name it was given.
        "resource.name" | "span.type" if value.as_str().is_empty() => None,
        "http.response.status_code" => Some(("http.status_code".into(), tag_value(value))),
        _ => Some((key_text(key), tag_value(value))),
    }
}

pub(crate) fn tag_value(value: Value) -> TagValue<'static> {
    match value {
        Value::Bool(value) => value.into(),
        Value::I64(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::String(value) => TagValue::Text(text(value)),
        Value::Array(Array::Bool(values)) => values.into(),
        Value::Array(Array::I64(values)) => values.into(),
        Value::Array(Array::F64(values)) => values.into(),
        Value::Array(Array::String(values)) => {
            TagValue::List(values.into_iter().map(|value| TagValue::Text(text(value))).collect())
        }
        // The type is open: whatever it grows, its text is better than nothing.
        other => TagValue::Text(other.to_string().into()),
    }
}

/// An event with its attributes.
pub(crate) fn event(
    name: Cow<'static, str>,
    time: SystemTime,
    attributes: Vec<KeyValue>,
) -> SpanEvent {
    attributes.into_iter().fold(SpanEvent::at(name, time), |event, attribute| {
        event.attribute(key_text(attribute.key), event_value(attribute.value))
    })
}

fn event_value(value: Value) -> EventValue {
    match value {
        Value::Bool(value) => value.into(),
        Value::I64(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::String(value) => EventValue::Text(text(value)),
        Value::Array(Array::Bool(values)) => values.into(),
        Value::Array(Array::I64(values)) => values.into(),
        Value::Array(Array::F64(values)) => values.into(),
        Value::Array(Array::String(values)) => EventValue::Array(
            values.into_iter().map(|value| EventValue::Text(text(value))).collect(),
        ),
        other => EventValue::Text(other.to_string().into()),
    }
}

/// The attributes of a link are text; arrays are flattened.
pub(crate) fn with_link_attribute(link: SpanLink, attribute: KeyValue) -> SpanLink {
    link.attribute(key_text(attribute.key), tag_value(attribute.value))
}

/// A short text is copied in place; a long one is taken over, which allocates only if it was a literal.
fn text(value: StringValue) -> Text {
    if value.as_str().len() <= Text::IN_PLACE {
        return Text::copy(value.as_str());
    }
    String::from(value).into()
}
