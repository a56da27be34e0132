//! Tags in the core's terms.

use opentracing_rs::{Value, tags};
use tracehound::{EventValue, TagValue, Text};

/// What Datadog calls a tag. The other names that do more than tags do are the same in the core.
pub(crate) fn native_key(key: &str) -> Text {
    match key {
        tags::DB_STATEMENT => Text::literal("resource.name"),
        tags::PEER_HOSTNAME => Text::literal("out.host"),
        tags::PEER_PORT => Text::literal("network.destination.port"),
        other => Text::copy(other),
    }
}

/// What the core makes of it: text and booleans become string tags, numbers numeric ones.
pub(crate) fn native_value(value: &Value<'_>) -> TagValue<'static> {
    match value {
        Value::Bool(value) => TagValue::Bool(*value),
        Value::I64(value) => TagValue::I64(*value),
        Value::U64(value) => TagValue::U64(*value),
        Value::F64(value) => TagValue::F64(*value),
        other => TagValue::Text(text(other)),
    }
}

/// The same for an attribute of an event, which has no integers beyond [`i64::MAX`].
pub(crate) fn event_value(value: &Value<'_>) -> EventValue {
    match value {
        Value::Bool(value) => EventValue::Bool(*value),
        Value::I64(value) => EventValue::I64(*value),
        Value::F64(value) => EventValue::F64(*value),
        other => EventValue::Text(text(other)),
    }
}

/// The value as text.
pub(crate) fn text(value: &Value<'_>) -> Text {
    match value.as_str() {
        Some(text) => Text::copy(text),
        None => value.to_string().into(),
    }
}
