//! The hash of keys: the one of the standard library takes as long for one as all else that is done for a span.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes with a seed that nobody outside of the process knows, so that no resource can be made to meet others.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyHash(u64);

impl Default for KeyHash {
    fn default() -> Self {
        KeyHash(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for KeyHash {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

/// Eight bytes at a time, each mixed in by a multiplication of which both halves are taken.
pub(super) struct KeyHasher(u64);

impl KeyHasher {
    #[inline(always)]
    fn mix(&mut self, word: u64) {
        let mixed = u128::from(self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        #[expect(clippy::cast_possible_truncation, reason = "each half by itself")]
        let halves = (mixed as u64, (mixed >> 64) as u64);
        self.0 = halves.0 ^ halves.1;
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        for word in words.filter_map(|word| word.first_chunk()) {
            self.mix(u64::from_le_bytes(*word));
        }
        self.mix(rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
    }

    fn write_usize(&mut self, length: usize) {
        self.mix(length as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_that_differ_in_a_byte_differ_everywhere() {
        let hash = KeyHash(7);
        let keys: Vec<Vec<u8>> = (0..1_000u32)
            .flat_map(|number| {
                let text = format!("GET /users/{number}");
                [
                    text.clone().into_bytes(),
                    format!("{text} and more than eight bytes").into_bytes(),
                ]
            })
            .collect();
        let hashes: Vec<u64> = keys.iter().map(|key| hash.hash_one(key)).collect();
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), keys.len());
        // The table takes the highest seven bits and the lowest ones.
        let buckets: HashSet<u64> = hashes.iter().map(|hash| hash % 4_096).collect();
        assert!(buckets.len() > 1_400, "{}", buckets.len());
        let tops: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        assert_eq!(tops.len(), 128);
        assert_ne!(hash.hash_one([0u8; 8].as_slice()), hash.hash_one([0u8; 16].as_slice()));
    }

    #[test]
    fn each_table_has_a_seed_of_its_own() {
        let seeds: HashSet<u64> = (0..10).map(|_| KeyHash::default().0).collect();
        assert_eq!(seeds.len(), 10);
    }
}
