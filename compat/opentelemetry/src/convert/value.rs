//! Attributes as tags: key and value.

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use tracehound::{TagValue, Text};
use tracehound_machine::literal;

/// The tag that an attribute is to the core; `None` for a reserved key without a usable value.
pub(crate) fn tag(attribute: KeyValue) -> Option<(Text, TagValue<'static>)> {
    let KeyValue { key, value, .. } = attribute;
    match key.as_str() {
        // An empty one lets the name follow from the other attributes again.
        "operation.name" => match value {
            Value::String(name) => Some(("span.name".into(), name.as_str().to_lowercase().into())),
            _ => None,
        },
        // A span always has a resource: an empty attribute must not take away the one that it was given.
        "resource.name" | "span.type" if value.as_str().is_empty() => None,
        "http.response.status_code" => Some(("http.status_code".into(), tag_value(value))),
        _ => Some((key_text(key), tag_value(value))),
    }
}

pub(crate) fn tag_value(value: Value) -> TagValue<'static> {
    convert(value)
}

/// A value of OpenTelemetry as one of the core: of a tag, or of an attribute of an event.
pub(crate) fn convert<T>(value: Value) -> T
where
    T: From<bool> + From<i64> + From<f64> + From<Text>,
    T: From<Vec<bool>> + From<Vec<i64>> + From<Vec<f64>> + From<Vec<Text>>,
{
    match value {
        Value::Bool(value) => value.into(),
        Value::I64(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::String(value) => text(value).into(),
        Value::Array(Array::Bool(values)) => values.into(),
        Value::Array(Array::I64(values)) => values.into(),
        Value::Array(Array::F64(values)) => values.into(),
        Value::Array(Array::String(values)) => {
            values.into_iter().map(text).collect::<Vec<_>>().into()
        }
        // The type is non-exhaustive: whatever it grows, its text is better than nothing.
        other => Text::from(other.to_string()).into(),
    }
}

pub(crate) fn key_text(key: Key) -> Text {
    text_of(key, Key::as_str)
}

fn text(value: StringValue) -> Text {
    text_of(value, StringValue::as_str)
}

/// A literal stays where it is, which OpenTelemetry does not tell from other texts. A short text is copied in place, and
/// a long one taken over.
fn text_of<T: Into<String>>(text: T, as_str: fn(&T) -> &str) -> Text {
    match literal(as_str(&text)) {
        Some(literal) => Text::literal(literal),
        None if as_str(&text).len() <= Text::IN_PLACE => Text::copy(as_str(&text)),
        None => text.into().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_over_and_literals_not_copied() {
        // From then on literals are known.
        let _ = tracehound::testing::tracer();
        for text in ["ключ", "http.request.header.content-type"] {
            let key = key_text(Key::from_static_str(text));
            assert_eq!(key, text);
            let is_literal = key.as_str().as_ptr() == text.as_ptr();
            assert_eq!(is_literal, cfg!(target_os = "linux"));
            assert_eq!(key_text(Key::from(text.to_owned())), text);
        }
        for text in [String::new(), "k".repeat(1_000)] {
            assert_eq!(key_text(Key::from(text.clone())), text.as_str());
        }
    }
}
