//! Spans, their links and events, and the chunks they travel in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Text, Value};

/// One operation, as its tracer reported it.
///
/// The names are those of the Datadog v0.4 format; what v1 keeps beside the spans (sampling
/// priority, origin, git metadata, …) is put back as tags where v0.4 would have them, so that a
/// reader needs to know one shape only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// 128 bits; the high half comes from `_dd.p.tid` of the chunk's first span, or from v1's chunk.
    pub trace_id: u128,
    /// Unique in its trace. Never 0 in a valid span.
    pub span_id: u64,
    /// The span that caused this one, perhaps in another process; 0 for none.
    pub parent_id: u64,
    /// Who did the work.
    pub service: Text,
    /// What kind of work it was: `web.request`.
    pub name: Text,
    /// Which work exactly: `GET /users/{id}`.
    pub resource: Text,
    /// `web`, `sql`, …; may be empty.
    pub span_type: Text,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Nanoseconds.
    pub duration_ns: i64,
    /// 0 or 1 in a valid span.
    pub error: i32,
    /// Text tags.
    pub meta: BTreeMap<Text, Text>,
    /// Numeric tags.
    pub metrics: BTreeMap<Text, f64>,
    /// Structured tags, each one MessagePack document.
    pub meta_struct: BTreeMap<Text, Arc<[u8]>>,
    /// Links, from the native field or from the `_dd.span_links` tag (which stays in `meta`).
    pub links: Vec<Link>,
    /// Events, from the native field or from the `events` tag (which stays in `meta`).
    pub events: Vec<Event>,
}

/// A reference to a span that is not the parent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// All 128 bits.
    pub trace_id: u128,
    /// Both ids are 0 in a span pointer.
    pub span_id: u64,
    /// Why it is linked.
    pub attributes: BTreeMap<Text, Value>,
    /// W3C `tracestate` of the linked context; may be empty.
    pub tracestate: Text,
    /// W3C trace flags, or none if unknown; the wire's "is known" bit (31) is taken off.
    pub flags: Option<u32>,
}

/// Something that happened at one moment of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Nanoseconds since the Unix epoch.
    pub time_unix_ns: u64,
    /// What happened.
    pub name: Text,
    /// Details.
    pub attributes: BTreeMap<Text, Value>,
}

/// Finished spans of one trace and one process, sent together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// In wire order: the first carries what concerns the whole chunk.
    pub spans: Vec<Span>,
}

impl Span {
    /// The role in a call: `server`, `client`, `producer`, `consumer` or `internal`.
    pub fn kind(&self) -> Option<&str> {
        self.meta.get("span.kind").map(|kind| &**kind)
    }

    /// Whether the operation failed.
    pub fn is_error(&self) -> bool {
        self.error != 0
    }

    /// Nanoseconds since the Unix epoch; saturates where start and duration make no sense.
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.duration_ns.max(0))
    }

    /// A text tag.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta.get(key).map(|value| &**value)
    }

    /// A numeric tag.
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.metrics.get(key).copied()
    }

    /// Roughly the memory it holds, shared texts counted each time.
    pub(crate) fn approximate_bytes(&self) -> usize {
        // A map entry costs about this much besides its texts.
        const ENTRY: usize = 48;
        let texts = [&self.service, &self.name, &self.resource, &self.span_type];
        let texts = texts.into_iter().map(|text| text.len());
        let meta = self.meta.iter().map(|(key, value)| key.len() + value.len() + ENTRY);
        let metrics = self.metrics.keys().map(|key| key.len() + ENTRY);
        let structs = self.meta_struct.iter().map(|(key, value)| key.len() + value.len() + ENTRY);
        let links = self.links.iter().map(|link| {
            let held = link.tracestate.len() + size_of::<Link>();
            held.saturating_add(attributes_bytes(&link.attributes))
        });
        let events = self.events.iter().map(|event| {
            let held = event.name.len() + size_of::<Event>();
            held.saturating_add(attributes_bytes(&event.attributes))
        });
        let all = texts.chain(meta).chain(metrics).chain(structs).chain(links).chain(events);
        all.fold(size_of::<Self>(), usize::saturating_add)
    }
}

fn attributes_bytes(attributes: &BTreeMap<Text, Value>) -> usize {
    let sizes = attributes.iter().flat_map(|(key, value)| [key.len(), value.approximate_bytes()]);
    sizes.fold(0, usize::saturating_add)
}
