//! What few spans have: links, events, structured tags.

use super::V1;
use super::fields::{event, kind_of, link, span};
use crate::encode::links::FLAGS_KNOWN;
use crate::text::Text;
use crate::trace::{EventValue, SpanEvent, SpanLink, SpanView};

impl V1<'_> {
    /// Writes the fields for links and events. Returns how many there are.
    #[cold]
    pub(super) fn links_and_events(&mut self, span: &SpanView<'_>) -> usize {
        let (links, events) = (span.links(), span.events());
        if !links.is_empty() {
            self.out.raw(&[span::LINKS]);
            self.out.array(links.len());
            links.iter().for_each(|link| self.link(link));
        }
        if !events.is_empty() {
            self.out.raw(&[span::EVENTS]);
            self.out.array(events.len());
            events.iter().for_each(|event| self.event(event));
        }
        usize::from(!links.is_empty()) + usize::from(!events.is_empty())
    }

    fn link(&mut self, link: &SpanLink) {
        let optional =
            [!link.attributes.is_empty(), link.tracestate.is_some(), link.flags.is_some()];
        self.out.map(2 + optional.iter().filter(|there| **there).count());
        self.out.raw(&[link::TRACE_ID]);
        self.out.bin(&link.trace_id.get().to_be_bytes());
        self.out.key_u64(link::SPAN_ID, link.span_id.get());
        if !link.attributes.is_empty() {
            self.out.raw(&[link::ATTRIBUTES]);
            self.out.array(3 * link.attributes.len());
            for (key, value) in &link.attributes {
                self.pair(key.as_bytes(), value.as_bytes());
            }
        }
        if let Some(tracestate) = link.tracestate.as_ref() {
            self.field(link::TRACESTATE, tracestate.as_bytes());
        }
        if let Some(flags) = link.flags {
            self.out.raw(&[link::FLAGS]);
            self.out.uint((flags | FLAGS_KNOWN).into());
        }
    }

    fn event(&mut self, event: &SpanEvent) {
        self.out.map(if event.attributes.is_empty() { 2 } else { 3 });
        self.out.key_u64(event::TIME, event.unix_ns);
        self.field(event::NAME, event.name.as_bytes());
        if !event.attributes.is_empty() {
            self.out.raw(&[event::ATTRIBUTES]);
            self.out.array(3 * event.attributes.len());
            for (key, value) in &event.attributes {
                self.string(key.as_bytes());
                self.value(value);
            }
        }
    }

    /// The type of an attribute, and its value.
    fn value(&mut self, value: &EventValue) {
        match value {
            EventValue::Text(text) => {
                self.out.raw(&[kind_of::TEXT]);
                self.string(text.as_bytes());
            }
            EventValue::Bool(value) => {
                self.out.raw(&[kind_of::BOOL]);
                self.out.bool(*value);
            }
            EventValue::I64(number) => {
                self.out.raw(&[kind_of::I64]);
                self.out.int(*number);
            }
            EventValue::F64(number) => {
                self.out.raw(&[kind_of::F64]);
                self.out.f64(*number);
            }
            EventValue::Array(values) => {
                self.out.raw(&[kind_of::ARRAY]);
                self.out.array(2 * values.len());
                values.iter().for_each(|value| self.value(value));
            }
        }
    }

    /// Writes structured tags, as attributes.
    #[cold]
    pub(super) fn structs(&mut self, structs: &[(Text, Vec<u8>)]) {
        for (key, document) in structs {
            self.tags += 1;
            self.key(key.as_bytes(), kind_of::BYTES);
            self.out.bin(document);
        }
    }
}
