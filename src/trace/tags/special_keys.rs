//! Tells the few keys that mean something from all others.

use super::special::{SPECIAL, Special};

/// The keys that mean something to the core (`service.name`, `manual.keep`), and those that mean something to a
/// bridge: what a bridge asks before [`SpanRef::set_late_tags`](crate::bridge::SpanExt::set_late_tags).
///
/// ```
/// static KEYS: tracehound::bridge::SpecialKeys = tracehound::bridge::SpecialKeys::and(&["operation.name"]);
///
/// assert!(KEYS.contains("operation.name") && KEYS.contains("service.name"));
/// assert!(!KEYS.contains("http.route"));
/// ```
#[derive(Debug)]
pub struct SpecialKeys {
    /// For each length a bit for the last letter of each: nearly all other keys are told by them alone.
    ends: [u32; LENGTHS],
    more: &'static [&'static str],
}

/// Lengths that are told apart. A power of two.
const LENGTHS: usize = 32;

impl SpecialKeys {
    /// The core's own, and some more.
    #[must_use]
    pub const fn and(more: &'static [&'static str]) -> Self {
        let mut ends = with([0; LENGTHS], more);
        let mut own: &[(&str, Special)] = &SPECIAL;
        while let [(key, _), rest @ ..] = own {
            ends = with(ends, &[key]);
            own = rest;
        }
        SpecialKeys { ends, more }
    }

    /// Whether a key is one of them.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        let (length, end) = place(key.as_bytes());
        self.ends.get(length).is_some_and(|ends| ends & end != 0) && self.is_one(key)
    }

    #[cold]
    fn is_one(&self, key: &str) -> bool {
        SPECIAL.iter().any(|(own, _)| *own == key) || self.more.contains(&key)
    }
}

const fn with(mut ends: [u32; LENGTHS], keys: &[&str]) -> [u32; LENGTHS] {
    let mut rest = keys;
    while let [key, tail @ ..] = rest {
        let (length, end) = place(key.as_bytes());
        #[expect(clippy::indexing_slicing, reason = "a place is below `LENGTHS`")]
        let ends = &mut ends[length];
        *ends |= end;
        rest = tail;
    }
    ends
}

/// The place of a length, and the bit of the last byte there.
#[inline]
const fn place(key: &[u8]) -> (usize, u32) {
    let end = match key.last() {
        Some(last) => 1u32.wrapping_shl(*last as u32),
        None => 0,
    };
    (key.len() & (LENGTHS - 1), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static KEYS: SpecialKeys = SpecialKeys::and(&["operation.name", "a"]);

    #[test]
    fn both_kinds_are_among_them() {
        let own = SPECIAL.iter().map(|(key, _)| *key);
        for key in own.chain(["operation.name", "a"]) {
            assert!(KEYS.contains(key), "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_other_key_is(key in "[a-z]{0,3}|[a-z]{1,8}\\.[a-z]{1,8}|\\PC{0,30}") {
            let special = |own: &&(&str, Special)| own.0 == key;
            prop_assume!(key != "a" && key != "operation.name");
            prop_assume!(!SPECIAL.iter().any(|own| special(&own)));
            prop_assert!(!KEYS.contains(&key));
        }
    }
}
