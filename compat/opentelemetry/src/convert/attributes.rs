//! Attributes of a span. Most are set as they are and become tags of the core later, as a rule on its background thread.

use opentelemetry::{KeyValue, Value};
use tracehound::bridge::SpanExt as _;
use tracehound::bridge::{DeferredTags, SpecialKeys};
use tracehound::{SpanRef, TagValue, Text};

use super::exception;
use super::value::{tag, tag_value};

/// The keys of attributes that are not the tags of the same names: the core's own, and these.
static SPECIAL: SpecialKeys = SpecialKeys::and(&[
    "operation.name",
    "http.response.status_code",
    exception::MESSAGE,
    exception::TYPE,
    exception::STACK,
]);

/// Whether a key means more than a tag of that name, and so cannot be [`Deferred`].
#[inline]
pub(crate) fn is_special(key: &str) -> bool {
    SPECIAL.contains(key)
}

/// Sets an attribute whose key may be special.
#[cold]
pub(crate) fn set(span: &SpanRef, attribute: KeyValue) {
    if !is_special(attribute.key.as_str()) {
        return set_plain(span, attribute);
    }
    if let Some((key, value)) = exception::of_attribute(&attribute) {
        span.set_tag(key, value);
    }
    if let Some((key, value)) = tag(attribute) {
        span.set_tag(key, value);
    }
}

/// Sets an attribute that is the tag of the same name.
#[inline]
pub(crate) fn set_plain(span: &SpanRef, attribute: KeyValue) {
    let heap_bytes = heap_bytes(&attribute);
    span.set_deferred_tags(Deferred::One(attribute), heap_bytes);
}

/// Sets the attributes that a span starts with.
pub(crate) fn set_all(span: &SpanRef, attributes: Vec<KeyValue>) {
    if attributes.iter().any(|attribute| is_special(attribute.key.as_str())) {
        return attributes.into_iter().for_each(|attribute| set(span, attribute));
    }
    // As they came: neither moved nor freed on this thread.
    let heap_bytes = size_of_val(&*attributes) + attributes.iter().map(heap_bytes).sum::<usize>();
    span.set_deferred_tags(Deferred::Many(attributes), heap_bytes);
}

/// Attributes that are the tags of the same names.
#[derive(Debug)]
enum Deferred {
    One(KeyValue),
    Many(Vec<KeyValue>),
}

impl DeferredTags for Deferred {
    #[inline]
    fn hand_over(&mut self, put: &mut impl FnMut(Text, TagValue<'_>)) {
        let attributes = match self {
            Deferred::One(attribute) => std::slice::from_mut(attribute),
            Deferred::Many(attributes) => attributes,
        };
        for KeyValue { key, value, .. } in attributes {
            let key = Text::from(key.as_str());
            let value = match value {
                Value::Bool(value) => TagValue::Bool(*value),
                Value::I64(value) => TagValue::I64(*value),
                Value::F64(value) => TagValue::F64(*value),
                Value::String(text) => TagValue::Str(text.as_str()),
                _ => tag_value(std::mem::replace(value, Value::Bool(false))),
            };
            put(key, value);
        }
    }
}

/// What an attribute holds on the heap, about.
#[inline]
fn heap_bytes(attribute: &KeyValue) -> usize {
    match &attribute.value {
        Value::String(text) => text.as_str().len(),
        Value::Array(_) => ARRAY_BYTES,
        _ => 0,
    }
}

/// What an array is taken to hold, for the memory bound of the queue.
const ARRAY_BYTES: usize = 256;
