//! What few spans have: links, events, structured tags.

use super::links::Links;
use crate::text::Text;
use crate::trace::values::{ENTRY_BYTES, SpanEvent, SpanLink};

/// Boxed, so that a span without any of these pays one word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) links: Links,
    pub(crate) events: Vec<SpanEvent>,
    /// `meta_struct`: each value is one MessagePack document.
    pub(crate) structs: Vec<(Text, Vec<u8>)>,
}

/// What a structured tag holds.
pub(crate) fn struct_bytes(key: &Text, document: &[u8]) -> usize {
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
