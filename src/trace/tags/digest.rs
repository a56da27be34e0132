//! Digests of keys, which are compared before the keys themselves, and sets of digests.

/// The digest of a key: its length and its last eight bytes, mixed.
///
/// Keys share their beginnings (`http.`, `db.`) far more often than their ends.
#[inline]
pub(crate) const fn digest(key: &[u8]) -> u32 {
    let tail = match (key.last_chunk::<8>(), key.first_chunk::<4>(), key.last_chunk::<4>()) {
        (Some(tail), _, _) => u64::from_le_bytes(*tail),
        (None, Some(head), Some(tail)) => {
            ((u32::from_le_bytes(*head) as u64) << 32) | u32::from_le_bytes(*tail) as u64
        }
        _ => match key {
            [a] => *a as u64,
            [a, b] => u16::from_le_bytes([*a, *b]) as u64,
            [a, b, c] => u32::from_le_bytes([*a, *b, *c, 0]) as u64,
            _ => 0,
        },
    };
    // Both halves of the product: the lower half hardly depends on the last bytes, in which the keys of a list differ
    // (`items.0`, `items.1`), and the upper half hardly on the first.
    let mixed = ((tail ^ key.len() as u64) as u128).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 64) as u32 ^ mixed as u32
}

/// A hash of all bytes of a key, which tells keys with the same digest apart.
#[inline]
pub(crate) fn hash(digest: u32, key: &[u8]) -> u32 {
    if key.len() <= 8 {
        return digest;
    }
    let mut mixed = u64::from(digest);
    for word in key.chunks_exact(8).filter_map(|word| word.first_chunk::<8>()) {
        mixed = (mixed ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 32;
    }
    mixed as u32
}

/// The digests of some keys, one bit for each: a key whose bit is missing is none of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digests(u64);

impl Digests {
    pub(crate) const NONE: Digests = Digests(0);

    /// Every digest.
    pub(super) const ALL: Digests = Digests(u64::MAX);

    #[inline]
    pub(crate) fn add(&mut self, digest: u32) {
        self.0 |= bit(digest);
    }

    /// The digests of these keys.
    #[cfg(feature = "agent")]
    pub(crate) const fn of(mut keys: &[&[u8]]) -> Digests {
        let mut bits = 0;
        while let [first, rest @ ..] = keys {
            bits |= bit(digest(first));
            keys = rest;
        }
        Digests(bits)
    }

    /// The digests in either set.
    #[inline]
    pub(crate) fn union(self, other: Digests) -> Digests {
        Digests(self.0 | other.0)
    }

    /// Whether a key with this digest may be one of the keys; `false` is certain.
    #[inline]
    pub(crate) fn may_have(self, digest: u32) -> bool {
        self.0 & bit(digest) != 0
    }

    /// Whether a key may be in both sets; `false` is certain.
    #[inline]
    pub(crate) fn may_share(self, other: Digests) -> bool {
        self.0 & other.0 != 0
    }
}

#[inline]
const fn bit(digest: u32) -> u64 {
    1u64.wrapping_shl(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_of_every_length_differ() {
        let text = b"network.peer.address";
        let digests: HashSet<u32> = (0..=text.len()).map(|len| digest(&text[..len])).collect();
        assert_eq!(digests.len(), text.len() + 1);
        assert_ne!(digest(b"ab"), digest(b"ba"));
        assert_ne!(digest(b"aXXb"), digest(b"aYYb"));
        assert_ne!(digest(b"abcXYZ"), digest(b"XYZabc"));
    }

    /// Where two keys share a bit, the second is searched for in vain before it is added.
    #[test]
    fn numbered_keys_have_bits_of_their_own() {
        for (prefix, suffix) in [
            ("tag.", ""),
            ("items.", ""),
            ("attribute", ""),
            ("http.request.header.", ""),
            ("items.", ".name"),
        ] {
            let keys = (10..26).map(|number| format!("{prefix}{number}{suffix}"));
            let bits: HashSet<u64> = keys.map(|key| bit(digest(key.as_bytes()))).collect();
            assert!(bits.len() >= 10, "{prefix}{suffix}: {}", bits.len());
        }
    }

    #[test]
    fn keys_with_one_digest_are_told_apart_by_all_their_bytes() {
        let keys: Vec<String> =
            (10..100).map(|number| format!("items.{number}.quantity")).collect();
        let of =
            |key: &String| (digest(key.as_bytes()), hash(digest(key.as_bytes()), key.as_bytes()));
        let digests: HashSet<u32> = keys.iter().map(|key| of(key).0).collect();
        let hashes: HashSet<u32> = keys.iter().map(|key| of(key).1).collect();
        assert_eq!((digests.len(), hashes.len()), (1, keys.len()));
    }

    #[test]
    fn a_key_that_is_there_is_never_missed() {
        let keys: [&[u8]; 5] = [b"", b"a", b"env", b"version", &[0xff; 300]];
        let mut all = Digests::NONE;
        assert!(keys.iter().all(|key| !all.may_have(digest(key))));
        for digest in keys.map(digest) {
            let mut alone = Digests::NONE;
            alone.add(digest);
            assert!(!alone.may_share(Digests::NONE));
            all = all.union(alone);
            assert!(all.may_have(digest) && all.may_share(alone));
        }
    }
}
