//! About what a span of the SDK holds in memory, for the bound on what waits.

use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// A walk over the attributes: some nanoseconds for each. Never 0.
pub(super) fn span(span: &SpanData) -> usize {
    let event_sizes =
        span.events.iter().map(|event| event.name.len() + attributes(&event.attributes));
    let link_sizes = span.links.iter().map(|link| attributes(&link.attributes));
    size_of::<SpanData>()
        + span.name.len()
        + attributes(&span.attributes)
        + size_of_val(&*span.events.events)
        + event_sizes.sum::<usize>()
        + size_of_val(&*span.links.links)
        + link_sizes.sum::<usize>()
}

fn attributes(attributes: &[KeyValue]) -> usize {
    let texts = attributes.iter().map(|given| given.key.as_str().len() + value(&given.value));
    size_of_val(attributes) + texts.sum::<usize>()
}

fn value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => values.len(),
        Value::Array(Array::I64(values)) => size_of_val(&**values),
        Value::Array(Array::F64(values)) => size_of_val(&**values),
        Value::Array(Array::String(values)) => {
            values.iter().map(|text| size_of_val(text) + text.as_str().len()).sum()
        }
        _ => 0,
    }
}
