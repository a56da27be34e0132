//! The types of settings, and how a value is shown.

use std::time::Duration;

use crate::text::Text;

use super::redacted::{Redacted, RedactedUrl};

/// What a setting can be.
pub(super) trait Value: Clone + PartialEq {
    /// For users: what to write into the variable.
    #[cfg_attr(not(test), allow(dead_code, reason = "read where the table is listed"))]
    const KIND: &'static str;

    /// The value as it would be written into the variable; `None` when unset.
    fn show(&self) -> Option<String>;
}

impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

macro_rules! shown_by_display {
    ($($kind:literal: $($type:ty),+;)+) => {$($(
        impl Value for $type {
            const KIND: &'static str = $kind;

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+)+};
}

shown_by_display! {
    "boolean": bool;
    "integer": u16, i64, usize;
    "number": f64;
}

impl Value for Text {
    const KIND: &'static str = "text";

    fn show(&self) -> Option<String> {
        Some(Redacted(self).to_string())
    }
}

impl Value for Duration {
    const KIND: &'static str = "seconds";

    fn show(&self) -> Option<String> {
        Some(self.as_secs_f64().to_string())
    }
}

impl Value for Vec<Text> {
    const KIND: &'static str = "list";

    fn show(&self) -> Option<String> {
        let items: Vec<_> = self.iter().map(|item| RedactedUrl(item).to_string()).collect();
        Some(join(items.iter().map(String::as_str)))
    }
}

/// Items as a list is written.
pub(super) fn join<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(",")
}

/// Names and values, each name once, in the order in which the names came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Map(pub(super) Vec<(Text, Text)>);

impl Map {
    pub(super) fn get(&self, name: &str) -> Option<&Text> {
        self.0.iter().find(|(known, _)| *known == *name).map(|(_, value)| value)
    }

    /// A value that is there already is replaced.
    pub(super) fn set(&mut self, name: Text, value: Text) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

impl<N: Into<Text>, V: Into<Text>> FromIterator<(N, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut map = Map::default();
        for (name, value) in pairs {
            map.set(name.into(), value.into());
        }
        map
    }
}

impl Value for Map {
    const KIND: &'static str = "map";

    fn show(&self) -> Option<String> {
        // As a whole: the colon of a URL may have been taken for the one between name and value.
        let pair =
            |(name, value): &(Text, Text)| RedactedUrl(&format!("{name}:{value}")).to_string();
        let pairs: Vec<_> = self.0.iter().map(pair).collect();
        Some(pairs.join(","))
    }
}
