//! Baggage: what the user sends along with the trace.

use std::sync::Arc;

use crate::text::Text;

/// Names and values that travel with the trace to every service below, in the order they were set.
///
/// A span takes its parent's baggage when it starts; what is set later on the one is not seen by the other.
/// Limits apply where baggage is written into headers (64 items, 8,192 bytes), not here.
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
}

impl Baggage {
    /// No item.
    #[must_use]
    pub const fn new() -> Self {
        Baggage { items: Vec::new() }
    }

    /// The value of an item.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sets an item; one that is there keeps its place.
    pub fn set(&mut self, name: impl Into<Text>, value: impl Into<Text>) {
        let (name, value) = (name.into(), value.into());
        match self.items.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.items.push((name, value)),
        }
    }

    /// Removes an item, and says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.items.len();
        self.items.retain(|(key, _)| key != name);
        self.items.len() != before
    }

    /// Removes every item.
    pub fn clear(&mut self) {
        self.items.clear();
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
        for (name, value) in items {
            baggage.set(name, value);
        }
        baggage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins_and_keeps_the_first_place() {
        let mut baggage: Baggage = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(baggage.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
        assert!(baggage.remove("a"));
        assert!(!baggage.remove("a"));
        assert_eq!((baggage.get("a"), baggage.len()), (None, 1));
    }
}
