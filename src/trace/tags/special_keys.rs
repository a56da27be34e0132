//! Tells the few special keys from all others, by the digest of a key.
//!
//! Where the key is a literal, the compiler knows its digest, and the question costs no instruction.

use super::digest::digest;
use super::special::{SPECIAL, Special};

/// A set of keys, as one bit for the digest of each. A key whose bit is missing is not in it; of 100 keys that are not in
/// it, about one shares its bit with one that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter([u64; WORDS]);

/// Words of a filter; a power of two.
const WORDS: usize = 32;

/// The filter of the core's own keys.
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

/// The tags of an error, which a status or an exception sets and takes away. They are never deferred, so that doing that
/// converts nothing.
const OF_ERRORS: [&str; 3] = ["error.message", "error.type", "error.stack"];

/// The keys that no deferred tag has.
static NEVER_DEFERRED: SpecialKeys = SpecialKeys::and(&[]);

/// Whether a tag with this key is never deferred, so that none that waits has to be converted before it is read or set.
pub(crate) fn is_never_deferred(key: &[u8]) -> bool {
    NEVER_DEFERRED.has(key)
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

/// The keys that are special to the core (`service.name`, `manual.keep`, and the tags of an error), and those that are
/// special to a bridge: what a bridge asks before
/// [`SpanRef::set_deferred_tags`](crate::bridge::SpanExt::set_deferred_tags).
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
    /// The core's own keys, and more.
    #[must_use]
    pub const fn and(more: &'static [&'static str]) -> Self {
        let mut filter = own().and(OF_ERRORS[0]).and(OF_ERRORS[1]).and(OF_ERRORS[2]);
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
        self.has(key.as_bytes())
    }

    #[inline]
    fn has(&self, key: &[u8]) -> bool {
        self.filter.may_have(digest(key)) && self.is_one(key)
    }

    #[cold]
    fn is_one(&self, key: &[u8]) -> bool {
        let own = SPECIAL.iter().map(|(key, _)| key);
        own.chain(&OF_ERRORS).chain(self.more).any(|one| one.as_bytes() == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static KEYS: SpecialKeys = SpecialKeys::and(&["operation.name", "a"]);

    #[test]
    fn it_contains_the_keys_of_the_core_and_of_the_bridge() {
        let own = SPECIAL.iter().map(|(key, _)| *key);
        for key in own.chain(OF_ERRORS).chain(["operation.name", "a"]) {
            assert!(KEYS.contains(key), "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_other_key_is(key in "[a-z]{0,3}|[a-z]{1,8}\\.[a-z]{1,8}|\\PC{0,30}") {
            prop_assume!(key != "a" && key != "operation.name");
            prop_assume!(!is_never_deferred(key.as_bytes()));
            prop_assert!(!KEYS.contains(&key));
        }
    }
}
