//! Keys that may be in a set, told from most that are not without a look at the set.

/// One bit for the keys of a set that share their length and their last character, more or less.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints(u64);

impl Hints {
    #[inline]
    pub(super) fn add(&mut self, key: &[u8]) {
        self.0 |= bit(key);
    }

    /// Of the keys in either set.
    #[inline]
    pub(super) fn and(self, other: Hints) -> Hints {
        Hints(self.0 | other.0)
    }

    /// Whether the key may be in the set; `false` is certain.
    #[inline]
    pub(super) fn may_have(self, key: &[u8]) -> bool {
        self.0 & bit(key) != 0
    }
}

#[inline]
fn bit(key: &[u8]) -> u64 {
    let [len, ..] = key.len().to_le_bytes();
    let last = key.last().copied().unwrap_or_default();
    1u64.wrapping_shl(u32::from(last.wrapping_mul(5) ^ len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_is_never_missed() {
        let keys: [&[u8]; 5] = [b"", b"a", b"env", b"version", &[0xff; 300]];
        let mut hints = Hints::default();
        assert!(keys.iter().all(|key| !hints.may_have(key)));
        for key in keys {
            hints.add(key);
            assert!(hints.may_have(key));
            assert!(Hints::default().and(hints).may_have(key));
        }
    }
}
