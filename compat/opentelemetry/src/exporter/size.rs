//! About what a span of the SDK holds in memory, for the bound on what waits.

use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The sum over a batch. A walk over the attributes: some nanoseconds for each.
pub(super) fn batch(spans: &[SpanData]) -> usize {
    sum(spans.iter().map(span))
}

pub(super) fn span(span: &SpanData) -> usize {
    let events = span.events.iter().map(|event| {
        size_of_val(event)
            .saturating_add(event.name.len())
            .saturating_add(attributes(&event.attributes))
    });
    let links = span
        .links
        .iter()
        .map(|link| size_of_val(link).saturating_add(attributes(&link.attributes)));
    size_of::<SpanData>()
        .saturating_add(span.name.len())
        .saturating_add(attributes(&span.attributes))
        .saturating_add(sum(events))
        .saturating_add(sum(links))
}

fn attributes(attributes: &[KeyValue]) -> usize {
    sum(attributes.iter().map(|attribute| {
        size_of::<KeyValue>()
            .saturating_add(attribute.key.as_str().len())
            .saturating_add(value(&attribute.value))
    }))
}

fn value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => values.len(),
        Value::Array(Array::I64(values)) => size_of_val(&**values),
        Value::Array(Array::F64(values)) => size_of_val(&**values),
        Value::Array(Array::String(values)) => {
            sum(values.iter().map(|text| size_of_val(text).saturating_add(text.as_str().len())))
        }
        _ => 0,
    }
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}
