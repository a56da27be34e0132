//! Small maps that keep the order of their keys: the attributes of links and events, and structured tags.

use crate::text::Text;

/// Attributes that a link or an event has at the most.
const MAX_ENTRIES: usize = 1_024;

/// What one entry is taken to hold beside its texts, in bytes.
pub(crate) const ENTRY_BYTES: usize = 64;

/// Sets an entry of a map, where a key that is there keeps its place. Says whether there was room.
pub(crate) fn set_entry<V>(entries: &mut Vec<(Text, V)>, key: Text, value: V) -> bool {
    let is_full = entries.len() >= MAX_ENTRIES;
    match entries.iter_mut().find(|(old, _)| *old == key) {
        Some((_, old)) => *old = value,
        None if is_full => return false,
        None => entries.push((key, value)),
    }
    true
}

/// How many bytes entries of two texts hold.
pub(super) fn pair_bytes(pairs: &[(Text, Text)]) -> usize {
    let texts = pairs.iter().map(|(key, value)| key.heap_bytes() + value.heap_bytes());
    size_of_val(pairs) + texts.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::trace::{SpanEvent, SpanLink, testkit::Bench};

    fn link() -> SpanLink {
        SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap())
    }

    #[test]
    fn the_last_value_of_an_attribute_counts() {
        let link = link().attribute("n", "1").attribute("n", "2");
        let event = SpanEvent::new("e").attribute("n", 1).attribute("n", "2");
        assert_eq!(link.attributes, [("n".into(), "2".into())]);
        assert_eq!(event.attributes, [("n".into(), "2".into())]);
    }

    #[test]
    fn attributes_beyond_the_bound_are_counted() {
        let keys = || (0..2_000).map(|number| format!("k{number}"));
        let link = keys().fold(link(), |link, key| link.attribute(key, "v"));
        let event = keys().fold(SpanEvent::new("e"), |event, key| event.attribute(key, "v"));
        assert_eq!((link.attributes.len(), link.refused_attributes), (MAX_ENTRIES, 976));
        assert_eq!((event.attributes.len(), event.refused_attributes), (MAX_ENTRIES, 976));
        // A key that is there takes a new value, and one that is removed makes room.
        let link = link.attribute("k1", "w").attribute("k2", ()).attribute("new", [1, 2]);
        assert_eq!((link.attributes[1].1.as_str(), link.refused_attributes), ("w", 977));
        let span = Bench::new().span("s").start();
        span.add_link(link);
        span.add_event(event);
        assert_eq!(span.metric("tracehound.refused_changes"), Some(977.0 + 976.0));
    }
}
