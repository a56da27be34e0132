//! Span events: natively for agents that take them (`SpanEvent` of the agent's `span.proto`), else as one tag of
//! JSON text.

use serde_json::{Map, Number, Value as Json};

use super::msgpack::Buffer;
use crate::trace::{EventValue, SpanEvent};

/// `span_events` of v0.4: each attribute is a map of its type and its value.
pub(crate) fn native(buffer: &mut Buffer, events: &[SpanEvent]) {
    buffer.array(events.len());
    for event in events {
        buffer.map(if event.attributes.is_empty() { 2 } else { 3 });
        buffer.raw(b"\xaetime_unix_nano");
        buffer.uint(event.unix_ns);
        buffer.raw(b"\xa4name");
        buffer.text(event.name.as_bytes());
        if !event.attributes.is_empty() {
            buffer.raw(b"\xaaattributes");
            buffer.map(event.attributes.len());
            for (key, value) in &event.attributes {
                buffer.str(key.as_bytes());
                attribute(buffer, value);
            }
        }
    }
}

/// A map of the type, by the number of `AttributeAnyValueType`, and the value, whose key follows from the type.
fn attribute(buffer: &mut Buffer, value: &EventValue) {
    match value {
        EventValue::Text(value) => {
            begin_attribute(buffer, 0, b"\xacstring_value").text(value.as_bytes())
        }
        EventValue::Bool(value) => begin_attribute(buffer, 1, b"\xaabool_value").bool(*value),
        EventValue::I64(value) => begin_attribute(buffer, 2, b"\xa9int_value").int(*value),
        EventValue::F64(value) => begin_attribute(buffer, 3, b"\xacdouble_value").f64(*value),
        EventValue::Array(values) => {
            begin_attribute(buffer, 4, b"\xabarray_value");
            buffer.map(1);
            buffer.raw(b"\xa6values");
            buffer.array(values.len());
            values.iter().for_each(|value| attribute(buffer, value));
        }
    }
}

fn begin_attribute<'a>(buffer: &'a mut Buffer, number: u64, key: &[u8]) -> &'a mut Buffer {
    buffer.map(2);
    buffer.raw(b"\xa4type");
    buffer.uint(number);
    buffer.raw(key);
    buffer
}

/// The tag `events`, for agents whose `/info` does not say `span_events`.
pub(crate) fn json(events: &[SpanEvent]) -> String {
    let events = events.iter().map(|event| {
        let mut map = Map::new();
        map.insert("name".into(), event.name.as_str().into());
        map.insert("time_unix_nano".into(), event.unix_ns.into());
        if !event.attributes.is_empty() {
            let attributes = event
                .attributes
                .iter()
                .map(|(key, value)| (key.as_str().to_owned(), json_value(value)));
            map.insert("attributes".into(), Json::Object(attributes.collect()));
        }
        Json::Object(map)
    });
    Json::Array(events.collect()).to_string()
}

fn json_value(value: &EventValue) -> Json {
    match value {
        EventValue::Text(text) => text.as_str().into(),
        EventValue::Bool(value) => (*value).into(),
        EventValue::I64(value) => (*value).into(),
        EventValue::F64(value) => Number::from_f64(*value).map_or(Json::Null, Json::Number),
        EventValue::Array(values) => Json::Array(values.iter().map(json_value).collect()),
    }
}
