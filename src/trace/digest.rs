//! A short stand-in for a key, compared before the key itself.

/// A few bits that differ for the keys of one span: the length and the last eight bytes, mixed.
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
    let mixed = (tail ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
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
}
