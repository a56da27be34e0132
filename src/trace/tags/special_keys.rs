//! Tells the few keys that mean something from all others.
//!
//! By the digest of a key, which is known to the compiler where the key is: there it takes no instruction.

use super::digest::digest;
use super::special::{SPECIAL, Special};

/// A bit for the digest of each of some keys: all but one in a hundred other keys are told by it alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter([u64; WORDS]);

/// A power of two.
const WORDS: usize = 32;

/// Of the core's own keys.
pub(super) const OWN: Filter = own();

const fn own() -> Filter {
    let mut filter = Filter([0; WORDS]);
    let mut rest: &[(&str, Special)] = &SPECIAL;
    while let [(key, _), tail @ ..] = rest {
        filter = filter.and(key);
        rest = tail;
    }
    filter
}

impl Filter {
    const fn and(mut self, key: &str) -> Self {
        let (word, bit) = place(digest(key.as_bytes()));
        #[expect(clippy::indexing_slicing, reason = "a place is below `WORDS`")]
        let bits = &mut self.0[word];
        *bits |= bit;
        self
    }

    /// Whether a key with this digest may be one of them; `false` is certain.
    #[inline]
    pub(super) fn may_have(&self, digest: u32) -> bool {
        let (word, bit) = place(digest);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

#[inline]
const fn place(digest: u32) -> (usize, u64) {
    ((digest >> 6) as usize & (WORDS - 1), 1u64.wrapping_shl(digest))
}

/// The keys that mean something to the core (`service.name`, `manual.keep`), and those that mean something to a
/// bridge: what a bridge asks before [`SpanRef::set_deferred_tags`](crate::bridge::SpanExt::set_deferred_tags).
///
/// ```
/// static KEYS: tracehound::bridge::SpecialKeys = tracehound::bridge::SpecialKeys::and(&["operation.name"]);
///
/// assert!(KEYS.contains("operation.name") && KEYS.contains("service.name"));
/// assert!(!KEYS.contains("http.route"));
/// ```
#[derive(Debug)]
pub struct SpecialKeys {
    filter: Filter,
    more: &'static [&'static str],
}

impl SpecialKeys {
    /// The core's own, and some more.
    #[must_use]
    pub const fn and(more: &'static [&'static str]) -> Self {
        let mut filter = own();
        let mut rest = more;
        while let [key, tail @ ..] = rest {
            filter = filter.and(key);
            rest = tail;
        }
        SpecialKeys { filter, more }
    }

    /// Whether a key is one of them.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.filter.may_have(digest(key.as_bytes())) && self.is_one(key)
    }

    #[cold]
    fn is_one(&self, key: &str) -> bool {
        SPECIAL.iter().any(|(own, _)| *own == key) || self.more.contains(&key)
    }
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
