//! How much a span may hold, and what becomes of the rest.
//!
//! What is dropped is counted on the span, under the names that OpenTelemetry's specification gives the counts
//! outside of its own protocol.

use std::borrow::Cow;
use std::collections::HashSet;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use tracehound::SpanRef;
use tracehound::bridge::SpanExt as _;
use tracehound::config::SpanLimits;

const DROPPED_ATTRIBUTES: &str = "otel.dropped_attributes_count";
const DROPPED_EVENTS: &str = "otel.dropped_events_count";
const DROPPED_LINKS: &str = "otel.dropped_links_count";

/// The limits of one span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// `None` for the default limits, by which attributes need not be counted.
    custom: Option<Box<Custom>>,
}

#[derive(Clone, Debug)]
struct Custom {
    limits: SpanLimits,
    /// The attributes that the span has, where they are counted.
    keys: HashSet<Key>,
    dropped: u32,
}

impl Limits {
    /// `None` for the default ones.
    pub(crate) fn new(custom: Option<&SpanLimits>) -> Self {
        let boxed = |limits: &SpanLimits| {
            Box::new(Custom { limits: *limits, keys: HashSet::new(), dropped: 0 })
        };
        Limits { custom: custom.map(boxed) }
    }

    fn get(&self) -> &SpanLimits {
        self.custom.as_ref().map_or(&SpanLimits::DEFAULT, |custom| &custom.limits)
    }

    /// Whether attributes have to be asked about at all: not by the default ones.
    #[inline]
    pub(crate) fn are_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// Whether the span may have an attribute, whose text is cut if it is too long; those that it may not are
    /// for [`Limits::settle`] to say.
    pub(crate) fn admits(&mut self, attribute: &mut KeyValue) -> bool {
        match &mut self.custom {
            None => true,
            Some(custom) => custom.admits(attribute),
        }
    }

    /// Says on the span how many attributes were dropped since the last time.
    pub(crate) fn settle(&mut self, span: &SpanRef) {
        if let Some(custom) = &mut self.custom {
            count(span, DROPPED_ATTRIBUTES, std::mem::take(&mut custom.dropped));
        }
    }

    /// Whether one more event may be added; if not, it is counted.
    pub(crate) fn admits_event(&self, span: &SpanRef) -> bool {
        admits(span, span.event_count(), self.get().max_events(), DROPPED_EVENTS)
    }

    /// Whether one more link may be added; if not, it is counted.
    pub(crate) fn admits_link(&self, span: &SpanRef) -> bool {
        admits(span, span.link_count(), self.get().max_links(), DROPPED_LINKS)
    }

    /// The attributes of an event as far as they may be.
    pub(crate) fn of_event(&self, attributes: Vec<KeyValue>) -> Vec<KeyValue> {
        let limits = self.get();
        cut(attributes, limits.max_event_attributes(), limits.max_value_chars())
    }

    /// The attributes of a link as far as they may be.
    pub(crate) fn of_link(&self, attributes: Vec<KeyValue>) -> Vec<KeyValue> {
        let limits = self.get();
        cut(attributes, limits.max_link_attributes(), limits.max_value_chars())
    }
}

impl Custom {
    fn admits(&mut self, attribute: &mut KeyValue) -> bool {
        let most = self.limits.max_attributes();
        if most != usize::MAX && !self.keys.contains(&attribute.key) {
            if self.keys.len() >= most {
                self.dropped = self.dropped.saturating_add(1);
                return false;
            }
            self.keys.insert(attribute.key.clone());
        }
        shorten(&mut attribute.value, self.limits.max_value_chars());
        true
    }
}

fn admits(span: &SpanRef, there: usize, most: usize, dropped: &'static str) -> bool {
    if there >= most {
        count(span, dropped, 1);
    }
    there < most
}

fn count(span: &SpanRef, dropped: &'static str, more: u32) {
    if more > 0 {
        let before = span.metric(dropped).unwrap_or_default();
        span.set_metric(dropped, before + f64::from(more));
    }
}

/// At most so many attributes of so many characters each, and then one that says how many there were more.
fn cut(mut attributes: Vec<KeyValue>, most: usize, chars: usize) -> Vec<KeyValue> {
    let dropped = attributes.len().saturating_sub(most);
    attributes.truncate(most);
    if chars != usize::MAX {
        attributes.iter_mut().for_each(|attribute| shorten(&mut attribute.value, chars));
    }
    if dropped > 0 {
        let dropped = i64::try_from(dropped).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new(DROPPED_ATTRIBUTES, dropped));
    }
    attributes
}

fn shorten(value: &mut Value, chars: usize) {
    match value {
        Value::String(text) => shorten_text(text, chars),
        Value::Array(Array::String(texts)) => {
            texts.iter_mut().for_each(|text| shorten_text(text, chars));
        }
        _ => {}
    }
}

fn shorten_text(text: &mut StringValue, chars: usize) {
    // No more bytes than characters are allowed: the common case.
    if text.as_str().len() <= chars {
        return;
    }
    if let Some((end, _)) = text.as_str().char_indices().nth(chars) {
        let kept = text.as_str().get(..end).unwrap_or_default();
        *text = Cow::<'static, str>::Owned(kept.to_owned()).into();
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
            let mut value = StringValue::from(text);
            shorten_text(&mut value, chars);
            assert_eq!(value.as_str(), expected);
        }
    }
}
