//! Maps of few entries, which keep their order: the attributes of links and events, structured tags.

use crate::text::Text;

/// Attributes of a link or an event at the most.
pub(super) const MAX_ENTRIES: usize = 1_024;

/// What one entry is taken to hold by itself, in bytes.
pub(crate) const ENTRY_BYTES: usize = 64;

/// Sets an entry of a map; one that is there keeps its place, and one too many is left out.
pub(crate) fn set_entry<V>(entries: &mut Vec<(Text, V)>, key: Text, value: V) {
    let is_full = entries.len() >= MAX_ENTRIES;
    match entries.iter_mut().find(|(old, _)| *old == key) {
        Some((_, old)) => *old = value,
        None if is_full => {}
        None => entries.push((key, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::trace::{SpanEvent, SpanLink};

    #[test]
    fn the_last_value_of_an_attribute_counts() {
        let (trace, span) = (TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let link = SpanLink::new(trace, span).attribute("n", "1").attribute("n", "2");
        let event = SpanEvent::new("e").attribute("n", 1).attribute("n", "2");
        assert_eq!(link.attributes, [("n".into(), "2".into())]);
        assert_eq!(event.attributes, [("n".into(), "2".into())]);
    }

    #[test]
    fn attributes_have_a_bound() {
        let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let link = (0..2_000).fold(link, |link, n| link.attribute(format!("k{n}"), "v"));
        assert_eq!(link.attributes.len(), MAX_ENTRIES);
        assert_eq!(link.attribute("k1", "w").attributes[1].1, "w");
    }
}
