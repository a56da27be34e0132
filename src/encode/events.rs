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

/// The numbers are those of `AttributeAnyValueType`.
fn attribute(buffer: &mut Buffer, value: &EventValue) {
    buffer.map(2);
    buffer.raw(b"\xa4type");
    match value {
        EventValue::Text(value) => {
            buffer.uint(0);
            buffer.raw(b"\xacstring_value");
            buffer.text(value.as_bytes());
        }
        EventValue::Bool(value) => {
            buffer.uint(1);
            buffer.raw(b"\xaabool_value");
            buffer.bool(*value);
        }
        EventValue::I64(value) => {
            buffer.uint(2);
            buffer.raw(b"\xa9int_value");
            buffer.int(*value);
        }
        EventValue::F64(value) => {
            buffer.uint(3);
            buffer.raw(b"\xacdouble_value");
            buffer.f64(*value);
        }
        EventValue::Array(values) => {
            buffer.uint(4);
            buffer.raw(b"\xabarray_value");
            buffer.map(1);
            buffer.raw(b"\xa6values");
            buffer.array(values.len());
            for value in values {
                attribute(buffer, value);
            }
        }
    }
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
