//! OpenTelemetry's keys and values in the core's terms.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use tracehound::{EventValue, TagValue, Text};

/// What one attribute is to a span.
pub(crate) enum Attribute {
    /// Set this tag.
    Tag(Text, TagValue),
    /// Nothing: a reserved attribute without a usable value.
    Ignored,
}

/// Translates the attributes that have another name here; the core knows the rest of the reserved ones.
pub(crate) fn attribute(attribute: KeyValue) -> Attribute {
    let KeyValue { key, value, .. } = attribute;
    match key.as_str() {
        "operation.name" => match value {
            Value::String(name) if !name.as_str().is_empty() => {
                Attribute::Tag("span.name".into(), name.as_str().to_lowercase().into())
            }
            _ => Attribute::Ignored,
        },
        "http.response.status_code" => Attribute::Tag("http.status_code".into(), tag_value(value)),
        _ => Attribute::Tag(key_text(key), tag_value(value)),
    }
}

pub(crate) fn tag_value(value: Value) -> TagValue {
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

pub(crate) fn event_value(value: Value) -> EventValue {
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
pub(crate) fn link_attributes(attribute: KeyValue, add: &mut impl FnMut(Text, Text)) {
    let KeyValue { key, value, .. } = attribute;
    let mut element =
        |index: usize, value: String| add(format!("{key}.{index}").into(), value.into());
    match value {
        Value::Array(Array::Bool(values)) => {
            values.iter().enumerate().for_each(|(index, value)| element(index, value.to_string()));
        }
        Value::Array(Array::I64(values)) => {
            values.iter().enumerate().for_each(|(index, value)| element(index, value.to_string()));
        }
        Value::Array(Array::F64(values)) => {
            values.iter().enumerate().for_each(|(index, value)| element(index, value.to_string()));
        }
        Value::Array(Array::String(values)) => {
            values.into_iter().enumerate().for_each(|(index, value)| element(index, value.into()));
        }
        Value::String(value) => add(key_text(key), text(value)),
        other => add(key_text(key), other.to_string().into()),
    }
}

/// Texts up to this length are copied in place by [`Text::copy`].
const IN_PLACE: usize = 22;

/// A short text is copied in place; a long one is taken over, which allocates only if it was a literal.
fn text(value: StringValue) -> Text {
    if value.as_str().len() <= IN_PLACE {
        return Text::copy(value.as_str());
    }
    String::from(value).into()
}

/// Long keys are few and come again and again: each thread keeps this many of them.
const MAX_KEYS: usize = 256;

thread_local! {
    static KEYS: RefCell<HashSet<Arc<str>>> = RefCell::new(HashSet::new());
}

/// A key as a text, without an allocation once the key is known. OpenTelemetry does not say whether a key is
/// a literal, so a long one could only be copied.
pub(crate) fn key_text(key: Key) -> Text {
    if key.as_str().len() <= IN_PLACE {
        return Text::copy(key.as_str());
    }
    let known = KEYS.try_with(|keys| {
        let mut keys = keys.try_borrow_mut().ok()?;
        if let Some(known) = keys.get(key.as_str()) {
            return Some(Arc::clone(known));
        }
        if keys.len() >= MAX_KEYS {
            return None;
        }
        let fresh: Arc<str> = key.as_str().into();
        keys.insert(Arc::clone(&fresh));
        Some(fresh)
    });
    match known {
        Ok(Some(known)) => known.into(),
        _ => String::from(key).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_kept_once() {
        let key = || Key::from_static_str("http.request.header.content-type");
        let (first, second) = (key_text(key()), key_text(key()));
        assert_eq!(first.as_str().as_ptr(), second.as_str().as_ptr());
        assert_eq!(first.as_str(), key().as_str());
    }

    #[test]
    fn link_attributes_are_flat_text() {
        let mut seen = Vec::new();
        let list = Value::Array(Array::I64(vec![1, 2]));
        for attribute in [KeyValue::new("a", true), KeyValue::new("b", list)] {
            link_attributes(attribute, &mut |key, value| seen.push(format!("{key}={value}")));
        }
        assert_eq!(seen, ["a=true", "b.0=1", "b.1=2"]);
    }
}
