//! Baggage: what the user sends along with the trace.

use std::sync::Arc;

/// Names and values that travel with a trace to every span below, in this process and in others.
///
/// It belongs to a [`SpanContext`](crate::SpanContext). A clone is a reference count; a change of a shared
/// one copies it first, so that nobody else sees the change. Names are compared byte by byte; the order is
/// that in which the names were first set.
///
/// ```
/// use opentracing_rs::Baggage;
///
/// let parent: Baggage = [("tenant", "acme")].into_iter().collect();
/// let child = parent.with("step", "2");
/// assert_eq!(child.iter().collect::<Vec<_>>(), [("tenant", "acme"), ("step", "2")]);
/// assert_eq!(parent.get("step"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    /// `None` rather than empty, so that spans without baggage carry nothing.
    items: Option<Arc<Vec<(String, String)>>>,
}

impl Baggage {
    /// No item.
    #[must_use]
    pub const fn new() -> Self {
        Baggage { items: None }
    }

    /// The value of an item.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Sets an item; one that is there keeps its place.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let (key, value) = (key.into(), value.into());
        let items = Arc::make_mut(self.items.get_or_insert_default());
        match items.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => items.push((key, value)),
        }
    }

    /// A copy with one more item.
    #[must_use]
    pub fn with(&self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let mut copy = self.clone();
        copy.set(key, value);
        copy
    }

    /// The items, in the order in which their names were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().flat_map(|items| items.iter()).map(|(key, value)| (&**key, &**value))
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.as_ref().map_or(0, |items| items.len())
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Baggage {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(items: I) -> Self {
        let mut baggage = Baggage::new();
        baggage.extend(items);
        baggage
    }
}

impl<K: Into<String>, V: Into<String>> Extend<(K, V)> for Baggage {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, items: I) {
        for (key, value) in items {
            self.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins_and_keeps_the_first_place() {
        let baggage: Baggage = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(baggage.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
        assert_eq!(baggage.len(), 2);
    }

    #[test]
    fn names_are_told_apart_by_case() {
        let baggage = Baggage::new().with("Key", "1");
        assert_eq!(baggage.get("key"), None);
        assert!(Baggage::new().is_empty() && !baggage.is_empty());
    }
}
