//! Finds the tags of spans that have many.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// For each list and digest the first tag that has it; a list is known by its first tag.
#[derive(Clone, Debug, Default)]
pub(super) struct TagIndex(HashMap<u64, u32, BuildHasherDefault<Mixed>>);

/// An index with more room than this is not kept for another trace.
const MAX_KEPT: usize = 1024;

impl TagIndex {
    pub(super) fn enter(&mut self, list: u32, digest: u32, tag: u32) {
        self.0.entry(key(list, digest)).or_insert(tag);
    }

    pub(super) fn first_with(&self, list: u32, digest: u32) -> Option<u32> {
        self.0.get(&key(list, digest)).copied()
    }

    pub(super) fn clear(&mut self) {
        if self.0.capacity() > MAX_KEPT {
            self.0 = HashMap::default();
        }
        self.0.clear();
    }
}

fn key(list: u32, digest: u32) -> u64 {
    (u64::from(list) << 32) | u64::from(digest)
}

/// The digest is spread over its bits already; the list is not.
#[derive(Default)]
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
