//! The types that a setting can have, and how a value is shown.

use std::time::Duration;

use crate::text::Text;

use super::redacted::{Redacted, redacted_url};

/// A type that a setting can have.
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

/// Implements [`Value`]: the type, what to write into its variable, and how a value is shown.
macro_rules! values {
    ($($type:ty: $kind:literal, |$value:ident| $show:expr;)+) => {$(
        impl Value for $type {
            const KIND: &'static str = $kind;

            fn show(&self) -> Option<String> {
                let $value = self;
                Some($show)
            }
        }
    )+};
}

pub(super) use values;

values! {
    bool: "boolean", |value| value.to_string();
    u16: "integer", |value| value.to_string();
    i64: "integer", |value| value.to_string();
    usize: "integer", |value| value.to_string();
    f64: "number", |value| value.to_string();
    Text: "text", |text| Redacted(text).to_string();
    Duration: "seconds", |time| time.as_secs_f64().to_string();
    Vec<Text>: "list", |items| join(items.iter().map(|item| redacted_url(item).into_owned()));
    // Each pair as a whole, because the colon of a URL may have been read as the one between name and value.
    Map: "map", |map| join(map.0.iter().map(|(name, value)| redacted_url(&format!("{name}:{value}")).into_owned()));
}

/// Items as a list is written.
pub(super) fn join(items: impl Iterator<Item = String>) -> String {
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
