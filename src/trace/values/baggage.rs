//! Baggage: what the user sends along with the trace.

use std::sync::Arc;

use crate::text::Text;

/// Names and values that travel with the trace to every service below, in the order they were set.
///
/// A span takes its parent's baggage when it starts; what is set later on the one is not seen by the other.
/// It holds at most 256 items and 64 KiB of names and values; an item beyond that is not set. Headers take less: the
/// first 64 items, as long as they are within 8,192 bytes.
///
/// ```
/// use tracehound::Baggage;
///
/// let (tracer, _) = tracehound::testing::tracer();
/// let baggage: Baggage = [("tenant", "acme"), ("plan", "pro")].into_iter().collect();
/// let _scope = tracer.activate(tracer.context().with_baggage(baggage));
/// let span = tracer.trace("web.request");
/// assert_eq!(span.baggage_item("plan").as_deref(), Some("pro"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    items: Vec<(Text, Text)>,
    /// Bytes of all names and values.
    len: usize,
}

/// Changing the baggage of a span copies it where a child shares it. These bound what a copy costs.
const MAX_ITEMS: usize = 256;
const MAX_BYTES: usize = 64 * 1024;

impl Baggage {
    /// No item.
    #[must_use]
    pub const fn new() -> Self {
        Baggage { items: Vec::new(), len: 0 }
    }

    /// The value of an item.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sets an item; one that is there keeps its place. `false` where that would be more than 256 items or 64 KiB:
    /// then nothing changes.
    pub fn set(&mut self, name: impl Into<Text>, value: impl Into<Text>) -> bool {
        let (name, value) = (name.into(), value.into());
        let is_full = self.items.len() >= MAX_ITEMS;
        let old = self.items.iter_mut().find(|(key, _)| *key == name).map(|(_, old)| old);
        let before = old.as_ref().map_or(0, |old| name.len() + old.len());
        let after = name.len() + value.len();
        let len = self.len - before + after;
        if len > MAX_BYTES && after > before {
            return false;
        }
        match old {
            Some(old) => *old = value,
            None if is_full => return false,
            None => self.items.push((name, value)),
        }
        self.len = len;
        true
    }

    /// Removes an item, and says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(place) = self.items.iter().position(|(key, _)| key == name) else { return false };
        let (name, value) = self.items.remove(place);
        self.len -= name.len() + value.len();
        true
    }

    /// Removes every item.
    pub fn clear(&mut self) {
        self.items.clear();
        self.len = 0;
    }

    /// About how many bytes it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<(Text, Text)>() + self.len
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items, in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The items as they are stored.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.items.iter().map(|(name, value)| (name, value))
    }

    /// `None` for an empty one, so that spans without baggage carry nothing.
    pub(crate) fn into_shared(self) -> Option<Arc<Self>> {
        (!self.is_empty()).then(|| Arc::new(self))
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for Baggage {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        let mut baggage = Baggage::new();
        items.into_iter().for_each(|(name, value)| _ = baggage.set(name, value));
        baggage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_beyond_the_bounds_is_not_set() {
        let mut baggage = Baggage::new();
        assert!((0..MAX_ITEMS).all(|number| baggage.set(format!("k{number}"), "v")));
        assert!(!baggage.set("one more", "v") && baggage.set("k0", "w"));
        assert!(baggage.remove("k1") && baggage.set("one more", "v"));
        assert!(!baggage.set("k2", "x".repeat(MAX_BYTES)));
        assert_eq!((baggage.get("k2"), baggage.len()), (Some("v"), MAX_ITEMS));
        baggage.clear();
        assert!(baggage.set("k", "x".repeat(MAX_BYTES - 1)) && !baggage.set("k2", ""));
        assert!(baggage.set("k", ""));
        let own = |(name, value): (&str, &str)| name.len() + value.len();
        assert_eq!(baggage.len, baggage.iter().map(own).sum::<usize>());
    }

    #[test]
    fn the_last_value_wins_and_keeps_the_first_place() {
        let mut baggage: Baggage = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(baggage.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
        assert!(baggage.remove("a"));
        assert!(!baggage.remove("a"));
        assert_eq!((baggage.get("a"), baggage.len()), (None, 1));
    }
}
