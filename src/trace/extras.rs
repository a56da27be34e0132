//! What few spans have: links, events, structured tags.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use super::links::Links;
use super::record::Record;
use super::span_context::SpanContext;
use super::tags::Tags;
use super::value::TagValue;
use crate::clock::unix_ns;
use crate::id::{SpanId, TraceId};
use crate::text::Text;

/// Boxed, so that a span without any of these pays one word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) links: Links,
    pub(crate) events: Vec<SpanEvent>,
    /// `meta_struct`: each value is one MessagePack document.
    pub(crate) structs: Vec<(Text, Vec<u8>)>,
}

/// Links, and events, that one span has at the most: more of them make a span that no payload takes.
const MAX_LINKS: usize = 10_000;
const MAX_EVENTS: usize = 10_000;

/// Structured tags of one span at the most; of links and events, attributes.
const MAX_STRUCTS: usize = 128;
const MAX_ENTRIES: usize = 1_024;

/// How many were dropped, on the span: the names that OpenTelemetry's specification gives the counts outside of its
/// own protocol.
const DROPPED_LINKS: &str = "otel.dropped_links_count";
const DROPPED_EVENTS: &str = "otel.dropped_events_count";

/// An entry's own size, and that of the box of a span that has any.
const ENTRY_BYTES: usize = 64;

impl Record {
    /// Adds a link; one to the same span of the same trace is replaced.
    pub(crate) fn add_link(&mut self, link: SpanLink, tags: &mut Tags) {
        let links = &self.extras_mut().links;
        let before = links.find(&link).map(SpanLink::bytes);
        if before.is_none() && links.all().len() >= MAX_LINKS {
            return tags.count(&mut self.tags, DROPPED_LINKS);
        }
        if tags.exchange(&mut self.tags, before.unwrap_or_default(), link.bytes()) {
            self.extras_mut().links.add(link);
        }
    }

    /// Adds an event.
    pub(crate) fn add_event(&mut self, event: SpanEvent, tags: &mut Tags) {
        if self.extras_mut().events.len() >= MAX_EVENTS {
            return tags.count(&mut self.tags, DROPPED_EVENTS);
        }
        if tags.exchange(&mut self.tags, 0, event.bytes()) {
            self.extras_mut().events.push(event);
        }
    }

    /// Sets a structured tag.
    pub(crate) fn set_struct(&mut self, key: Text, document: Vec<u8>, tags: &mut Tags) {
        let structs = &self.extras_mut().structs;
        let before = structs.iter().find(|(old, _)| *old == key);
        let before = before.map(|(key, document)| struct_bytes(key, document));
        if before.is_none() && structs.len() >= MAX_STRUCTS {
            return tags.refuse(&mut self.tags);
        }
        let after = struct_bytes(&key, &document);
        if tags.exchange(&mut self.tags, before.unwrap_or_default(), after) {
            set(&mut self.extras_mut().structs, key, document);
        }
    }
}

fn struct_bytes(key: &Text, document: &[u8]) -> usize {
    ENTRY_BYTES.saturating_add(key.heap_bytes()).saturating_add(document.len())
}

impl Extras {
    /// What it holds, about.
    pub(crate) fn bytes(&self) -> usize {
        let structs = self.structs.iter().map(|(key, document)| struct_bytes(key, document));
        let links = self.links.all().iter().map(SpanLink::bytes);
        let events = self.events.iter().map(SpanEvent::bytes);
        structs.chain(links).chain(events).fold(0, usize::saturating_add)
    }
}

/// Sets an entry of a map; one that is there keeps its place, and one too many is left out.
fn set<V>(entries: &mut Vec<(Text, V)>, key: Text, value: V) {
    let is_full = entries.len() >= MAX_ENTRIES;
    match entries.iter_mut().find(|(old, _)| *old == key) {
        Some((_, old)) => *old = value,
        None if is_full => {}
        None => entries.push((key, value)),
    }
}

/// A causal relation to a span that is not the parent: a message of a batch, a retried request.
///
/// ```
/// use tracehound::{SpanId, SpanLink, TraceId};
///
/// let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap())
///     .attribute("reason", "retry");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) tracestate: Option<Text>,
    /// Bit 0: sampled. `None` is "unknown"; the encoder sets bit 31 for "known".
    pub(crate) flags: Option<u32>,
    pub(crate) attributes: Vec<(Text, Text)>,
}

impl SpanLink {
    /// A link to a span whose sampling is unknown.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        SpanLink { trace_id, span_id, tracestate: None, flags: None, attributes: Vec::new() }
    }

    /// A link to the span of a context, or `None` where the context names none.
    #[must_use]
    pub fn to(context: &SpanContext) -> Option<Self> {
        let mut link = SpanLink::new(context.trace_id?, context.span_id?);
        link.flags = context.priority.map(|priority| u32::from(priority.is_keep()));
        link.tracestate.clone_from(&context.vendors);
        Some(link)
    }

    /// With an attribute; the last value of a key counts, and `None` removes it.
    ///
    /// The protocol has texts only: numbers and booleans are written out, lists and maps flattened into `key.0`,
    /// `key.name`. A link has 1,024 of them at the most; further ones are left out.
    ///
    /// ```
    /// # use tracehound::{SpanId, SpanLink, TraceId};
    /// # let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
    /// let link = link.attribute("tries", 3).attribute("last", true).attribute("shards", [4, 7]);
    /// let attributes: Vec<_> = link.attributes().collect();
    /// assert_eq!(attributes, [("tries", "3"), ("last", "true"), ("shards.0", "4"), ("shards.1", "7")]);
    /// ```
    #[must_use]
    pub fn attribute<'a>(mut self, key: impl Into<Text>, value: impl Into<TagValue<'a>>) -> Self {
        let attributes = &mut self.attributes;
        value.into().flatten_texts(key.into(), &mut |key, value| match value {
            Some(value) => set(attributes, key, value),
            None => attributes.retain(|(old, _)| *old != key),
        });
        self
    }

    /// The attributes, in the order they were first set.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// With the W3C trace state of the linked span.
    #[must_use]
    pub fn tracestate(mut self, tracestate: impl Into<Text>) -> Self {
        self.tracestate = Some(tracestate.into()).filter(|state| !state.is_empty());
        self
    }

    /// Says whether the linked trace is kept.
    #[must_use]
    pub fn sampled(mut self, sampled: bool) -> Self {
        self.flags = Some(u32::from(sampled));
        self
    }

    /// With the W3C trace flags of the linked span; bit 0 says whether its trace is kept.
    #[must_use]
    pub fn trace_flags(mut self, flags: u8) -> Self {
        self.flags = Some(flags.into());
        self
    }

    /// The linked trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The linked span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.tracestate.as_ref().map_or(0, Text::heap_bytes);
        let fixed = ENTRY_BYTES.saturating_add(size_of::<SpanLink>()).saturating_add(state);
        self.attributes.iter().fold(fixed, |sum, (key, value)| {
            sum.saturating_add(size_of::<(Text, Text)>())
                .saturating_add(key.heap_bytes())
                .saturating_add(value.heap_bytes())
        })
    }
}

/// Something that happened at one moment of a span.
///
/// ```
/// use tracehound::SpanEvent;
///
/// let event = SpanEvent::new("cache.miss").attribute("key", "user:42").attribute("tries", 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    pub(crate) name: Text,
    pub(crate) unix_ns: u64,
    pub(crate) attributes: Vec<(Text, EventValue)>,
}

impl SpanEvent {
    /// An event that happens now.
    #[must_use]
    pub fn new(name: impl Into<Text>) -> Self {
        Self::at(name, SystemTime::now())
    }

    /// An event at a given time; times before 1970 count as 1970.
    #[must_use]
    pub fn at(name: impl Into<Text>, time: SystemTime) -> Self {
        let unix_ns = u64::try_from(unix_ns(time)).unwrap_or_default();
        SpanEvent { name: name.into(), unix_ns, attributes: Vec::new() }
    }

    /// With an attribute; the last value of a key counts. What the protocol cannot hold is dropped: NaN,
    /// infinities, mixed or nested arrays. An integer beyond 64 bits with a sign is text. An event has 1,024 of them at
    /// the most; further ones are left out.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<Text>, value: impl Into<EventValue>) -> Self {
        let value = value.into();
        if value.is_valid() {
            set(&mut self.attributes, key.into(), value);
        }
        self
    }

    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let fixed = ENTRY_BYTES.saturating_add(self.name.heap_bytes());
        self.attributes.iter().fold(fixed, |sum, (key, value)| {
            sum.saturating_add(ENTRY_BYTES)
                .saturating_add(key.heap_bytes())
                .saturating_add(value.bytes())
        })
    }
}

/// The value of an attribute of a [`SpanEvent`], made from whatever converts into it: every kind of text, number,
/// and lists of one of them.
///
/// An integer beyond the 64 bits with a sign that the protocol has is the text of its digits, as for a tag.
///
/// ```
/// use tracehound::EventValue;
///
/// assert_eq!(EventValue::from(3_usize), EventValue::I64(3));
/// assert_eq!(EventValue::from(u64::MAX), EventValue::from("18446744073709551615"));
/// assert_eq!(EventValue::from([0.5_f32, 1.0]), EventValue::from(vec![0.5, 1.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventValue {
    /// Text.
    Text(Text),
    /// A truth value.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// A finite float.
    F64(f64),
    /// Values of one type, none of them an array.
    Array(Vec<EventValue>),
}

impl EventValue {
    fn is_valid(&self) -> bool {
        match self {
            EventValue::F64(number) => number.is_finite(),
            EventValue::Array(values) => {
                let same = |value: &EventValue| {
                    values.first().is_some_and(|first| {
                        std::mem::discriminant(first) == std::mem::discriminant(value)
                    })
                };
                values.iter().all(|value| {
                    same(value) && !matches!(value, EventValue::Array(_)) && value.is_valid()
                })
            }
            _ => true,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            EventValue::Text(text) => text.heap_bytes().saturating_add(32),
            EventValue::Array(values) => {
                values.iter().fold(32, |sum, value| sum.saturating_add(value.bytes()))
            }
            _ => 32,
        }
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl From<$source> for EventValue {
            fn from($value: $source) -> Self {
                $target
            }
        })*
    };
}

from! {
    Text => |value| EventValue::Text(value);
    &Text => |value| EventValue::Text(value.clone());
    &str => |value| EventValue::Text(value.into());
    String => |value| EventValue::Text(value.into());
    &String => |value| EventValue::Text(value.into());
    Box<str> => |value| EventValue::Text(value.into());
    Arc<str> => |value| EventValue::Text(value.into());
    Cow<'_, str> => |value| EventValue::Text(value.into());
    char => |value| EventValue::Text(Text::copy(value.encode_utf8(&mut [0; 4])));
    bool => |value| EventValue::Bool(value);
    f32 => |value| EventValue::F64(value.into());
    f64 => |value| EventValue::F64(value);
}

macro_rules! from_integers {
    ($($integer:ty)*) => {
        $(impl From<$integer> for EventValue {
            fn from(value: $integer) -> Self {
                match i64::try_from(value) {
                    Ok(value) => EventValue::I64(value),
                    Err(_) => EventValue::Text(value.to_string().into()),
                }
            }
        })*
    };
}

from_integers! { u64 usize u128 isize i128 }

from! {
    u8 => |value| EventValue::I64(value.into());
    u16 => |value| EventValue::I64(value.into());
    u32 => |value| EventValue::I64(value.into());
    i8 => |value| EventValue::I64(value.into());
    i16 => |value| EventValue::I64(value.into());
    i32 => |value| EventValue::I64(value.into());
    i64 => |value| EventValue::I64(value);
}

impl<T: Into<EventValue>> From<Vec<T>> for EventValue {
    fn from(values: Vec<T>) -> Self {
        EventValue::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<EventValue>, const N: usize> From<[T; N]> for EventValue {
    fn from(values: [T; N]) -> Self {
        EventValue::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<EventValue>> From<&[T]> for EventValue {
    fn from(values: &[T]) -> Self {
        EventValue::Array(values.iter().cloned().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_link_to_the_same_span_replaces_the_first() {
        let (trace, span) = (TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let (mut record, mut tags) = (Record::VACANT, Tags::default());
        record.add_link(SpanLink::new(trace, span).attribute("n", "1"), &mut tags);
        record.add_link(SpanLink::new(TraceId::new(9).unwrap(), span), &mut tags);
        record.add_link(SpanLink::new(trace, span).attribute("n", "2"), &mut tags);
        let links = record.extras_mut().links.all();
        assert_eq!(links.len(), 2);
        assert_eq!(links[0].attributes[0].1, "2");
    }

    #[test]
    fn the_last_value_of_an_attribute_counts() {
        let (trace, span) = (TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let link = SpanLink::new(trace, span).attribute("n", "1").attribute("n", "2");
        let event = SpanEvent::new("e").attribute("n", 1).attribute("n", "2");
        assert_eq!(link.attributes, [("n".into(), "2".into())]);
        assert_eq!(event.attributes, [("n".into(), "2".into())]);
    }

    #[test]
    fn attributes_the_protocol_cannot_hold_are_dropped_one_by_one() {
        let mixed = EventValue::Array(vec![1i64.into(), "a".into()]);
        let nested = EventValue::Array(vec![EventValue::Array(vec![])]);
        let event = SpanEvent::new("e")
            .attribute("nan", f64::NAN)
            .attribute("mixed", mixed)
            .attribute("nested", nested)
            .attribute("good", vec![1i64, 2])
            .attribute("empty", Vec::<i64>::new());
        let keys: Vec<_> = event.attributes.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["good", "empty"]);
    }

    #[test]
    fn what_is_too_many_is_counted_on_the_span() {
        let (mut record, mut tags) = (Record::VACANT, Tags::default());
        let trace = TraceId::new(1).unwrap();
        for number in 1..=10_003 {
            record.add_link(SpanLink::new(trace, SpanId::new(number).unwrap()), &mut tags);
            record.add_event(SpanEvent::new("e"), &mut tags);
        }
        // One that is there can still be replaced.
        record.add_link(SpanLink::new(trace, SpanId::new(1).unwrap()), &mut tags);
        let extras = record.extras_mut().clone();
        assert_eq!((extras.links.all().len(), extras.events.len()), (MAX_LINKS, MAX_EVENTS));
        let dropped = |key| tags.get(&record.tags, key).and_then(|kept| kept.number());
        assert_eq!((dropped(DROPPED_LINKS), dropped(DROPPED_EVENTS)), (Some(3.0), Some(3.0)));
        assert_eq!(tags.beside_tags(), extras.bytes());
    }

    #[test]
    fn attributes_have_a_bound() {
        let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let link = (0..2_000).fold(link, |link, n| link.attribute(format!("k{n}"), "v"));
        assert_eq!(link.attributes.len(), MAX_ENTRIES);
        assert_eq!(link.attribute("k1", "w").attributes[1].1, "w");
    }
}
