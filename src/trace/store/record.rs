//! One span, as the segment keeps it.

use std::sync::Arc;

use super::extras::{Extras, struct_bytes};
use super::layout::{OpenAncestor, Record};
use crate::clock::Ticks;
use crate::text::Text;
use crate::trace::tags::{TagList, Tags};
use crate::trace::values::{Baggage, ServiceSource, SpanEvent, SpanLink, set_entry};

impl OpenAncestor {
    pub(crate) const NOTHING: OpenAncestor = OpenAncestor(1);

    pub(crate) fn slot(self) -> Option<u32> {
        self.0.checked_sub(2)
    }
}

impl Record {
    /// What a free slot holds.
    pub(crate) const VACANT: Record = Record {
        id: None,
        parent: None,
        start: Ticks(0),
        duration: 0,
        name: Text::EMPTY,
        service: None,
        resource: None,
        span_type: None,
        naming: None,
        tags: TagList::EMPTY,
        baggage: None,
        extras: None,
        kind: None,
        service_source: ServiceSource::INHERITED,
        error: false,
        bridge_flags: 0,
        described: 0,
        local_root: false,
        open_ancestor: OpenAncestor(0),
        owns_baggage: false,
        is_announced: false,
        is_counted: false,
        top_level: false,
    };

    pub(crate) fn is_open(&self) -> bool {
        self.id.is_some() && self.duration < 0
    }

    /// Its duration in nanoseconds, if this is its end; zero for an end before its start.
    #[inline]
    pub(crate) fn duration_until(&self, end: Ticks) -> i64 {
        end.0.saturating_sub(self.start.0).max(0)
    }

    /// What it holds on the heap beside its tags.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = [&self.service, &self.resource, &self.span_type].into_iter().flatten();
        let texts =
            texts.fold(self.name.heap_bytes(), |sum, text| sum.saturating_add(text.heap_bytes()));
        let extras = self.extras.as_ref().map_or(0, |extras| extras.bytes());
        texts.saturating_add(extras).saturating_add(self.baggage_bytes())
    }

    /// What its baggage holds, where it is counted for this span.
    pub(crate) fn baggage_bytes(&self) -> usize {
        let own = self.baggage.as_ref().filter(|_| self.owns_baggage);
        own.map_or(0, |baggage| baggage.bytes())
    }

    /// Changes its baggage, which may be shared with others and is theirs as it was.
    pub(crate) fn change_baggage(
        &mut self,
        tags: &mut Tags,
        change: impl FnOnce(&mut Baggage) -> bool,
    ) {
        let shared = self.baggage.get_or_insert_default();
        let before = match Arc::get_mut(shared) {
            Some(own) if self.owns_baggage => own.bytes(),
            // A copy comes to be, and what is there stays with others.
            _ => 0,
        };
        let own = Arc::make_mut(shared);
        let done = change(own);
        let after = own.bytes();
        self.owns_baggage = true;
        tags.let_go(before);
        tags.hold(after);
        if !done {
            tags.refuse(&mut self.tags);
        }
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

/// Links, and events, that one span has at the most: more of them make a span that no payload takes.
const MAX_LINKS: usize = 10_000;
const MAX_EVENTS: usize = 10_000;

/// Structured tags of one span at the most.
const MAX_STRUCTS: usize = 128;

/// How many were dropped, on the span: the names that OpenTelemetry's specification gives the counts outside of its
/// own protocol.
const DROPPED_LINKS: &str = "otel.dropped_links_count";
const DROPPED_EVENTS: &str = "otel.dropped_events_count";

impl Record {
    /// Adds a link; one to the same span of the same trace is replaced. Attributes that it has refused are counted.
    pub(crate) fn add_link(&mut self, link: SpanLink, tags: &mut Tags) {
        let links = &self.extras_mut().links;
        let before = links.find(&link).map(SpanLink::bytes);
        if before.is_none() && links.all().len() >= MAX_LINKS {
            return tags.count(&mut self.tags, DROPPED_LINKS, 1);
        }
        if tags.exchange(&mut self.tags, before.unwrap_or_default(), link.bytes()) {
            if link.refused_attributes > 0 {
                tags.refuse_several(&mut self.tags, link.refused_attributes);
            }
            self.extras_mut().links.add(link);
        }
    }

    /// Adds an event. Attributes that it has refused are counted.
    pub(crate) fn add_event(&mut self, event: SpanEvent, tags: &mut Tags) {
        if self.extras_mut().events.len() >= MAX_EVENTS {
            return tags.count(&mut self.tags, DROPPED_EVENTS, 1);
        }
        if tags.exchange(&mut self.tags, 0, event.bytes()) {
            if event.refused_attributes > 0 {
                tags.refuse_several(&mut self.tags, event.refused_attributes);
            }
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
            set_entry(&mut self.extras_mut().structs, key, document);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};

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
    fn a_record_stays_within_three_cache_lines() {
        assert!(size_of::<Record>() <= 192, "{}", size_of::<Record>());
    }
}
