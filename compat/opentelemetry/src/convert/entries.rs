//! Events and links, with as many attributes as they may have.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::SpanContext;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use tracehound::{EventValue, SpanEvent, SpanLink};

use super::span_context::ids;
use super::value::{convert, key_text, tag_value};

/// How many attributes of an event, a link or a span were dropped: the name that OpenTelemetry's specification gives
/// the count outside of its own protocol.
pub(crate) const DROPPED_ATTRIBUTES: &str = "otel.dropped_attributes_count";

/// Attributes that each event and link has at the most, one below the core's bound: the last place is for the count of those
/// that were dropped. So the core drops none, and none is counted twice.
const MAX_ATTRIBUTES: usize = 1_023;

/// How many attributes of how many characters each an event or a link may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeLimits {
    pub(crate) count: usize,
    pub(crate) chars: usize,
}

impl AttributeLimits {
    /// For what the SDK has limited already.
    #[cfg(feature = "sdk")]
    pub(crate) const NONE: Self = AttributeLimits { count: usize::MAX, chars: usize::MAX };
}

/// An event; `dropped`: attributes that it has lost before.
pub(crate) fn event(
    name: Cow<'static, str>,
    time: SystemTime,
    attributes: Vec<KeyValue>,
    dropped: u32,
    limits: AttributeLimits,
) -> SpanEvent {
    let attributes = limited(attributes, dropped, limits, |_| 1);
    attributes.into_iter().fold(SpanEvent::at(name, time), |event, attribute| {
        event.attribute(key_text(attribute.key), convert::<EventValue>(attribute.value))
    })
}

/// A link, whose attributes become text, arrays flattened; `None` for one that points nowhere.
pub(crate) fn link(
    context: &SpanContext,
    attributes: Vec<KeyValue>,
    dropped: u32,
    limits: AttributeLimits,
) -> Option<SpanLink> {
    let (trace_id, span_id) = ids(context)?;
    let link = SpanLink::new(trace_id, span_id)
        .trace_flags(context.trace_flags().to_u8())
        .tracestate(context.trace_state().header());
    let attributes = limited(attributes, dropped, limits, flattened);
    Some(attributes.into_iter().fold(link, |link, attribute| {
        link.attribute(key_text(attribute.key), tag_value(attribute.value))
    }))
}

/// The attributes within the limits, followed by the count of the dropped ones, if any. `width`: how many of the core's
/// attributes a value becomes.
fn limited(
    mut attributes: Vec<KeyValue>,
    dropped: u32,
    limits: AttributeLimits,
    width: fn(&Value) -> usize,
) -> Vec<KeyValue> {
    let mut used = 0;
    let fits = |attribute: &&KeyValue| {
        used += width(&attribute.value);
        used <= MAX_ATTRIBUTES
    };
    let kept = attributes.iter().take(limits.count).take_while(fits).count();
    let dropped = dropped as usize + (attributes.len() - kept);
    attributes.truncate(kept);
    attributes.iter_mut().for_each(|attribute| shorten(&mut attribute.value, limits.chars));
    if dropped > 0 {
        let dropped = i64::try_from(dropped).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new(DROPPED_ATTRIBUTES, dropped));
    }
    attributes
}

fn flattened(value: &Value) -> usize {
    match value {
        Value::Array(Array::Bool(items)) => items.len(),
        Value::Array(Array::I64(items)) => items.len(),
        Value::Array(Array::F64(items)) => items.len(),
        Value::Array(Array::String(items)) => items.len(),
        _ => 1,
    }
}

/// Cuts texts to so many characters.
pub(crate) fn shorten(value: &mut Value, chars: usize) {
    let shorten = |text: &mut StringValue| {
        let all = text.as_str();
        // A text with no more bytes than that, the common case, is not walked over.
        let end = if all.len() <= chars { None } else { all.char_indices().nth(chars) };
        if let Some(kept) = end.and_then(|(end, _)| all.get(..end)) {
            *text = kept.to_owned().into();
        }
    };
    match value {
        Value::String(text) => shorten(text),
        Value::Array(Array::String(texts)) => texts.iter_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, chars, expected) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("åß∂ƒ", 4, "åß∂ƒ"),
            ("åß∂ƒ", 3, "åß∂"),
            ("a", 0, ""),
        ] {
            let mut value = Value::from(text);
            shorten(&mut value, chars);
            assert_eq!(value.as_str(), expected);
        }
    }
}
