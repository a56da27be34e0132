//! Finds the tags of spans that have many.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// For each list and digest the first tag that has it; a list is known by its first tag.
///
/// Boxed, because few traces have one, and every trace moves the place for it.
#[derive(Debug, Default)]
pub(super) struct TagIndex(Option<Box<Places>>);

type Places = HashMap<u64, u32, BuildHasherDefault<Mixed>>;

/// An index with more room than this is not kept for another trace.
const MAX_KEPT: usize = 1024;

impl TagIndex {
    pub(super) fn enter(&mut self, list: u32, digest: u32, tag: u32) {
        self.0.get_or_insert_default().entry(key(list, digest)).or_insert(tag);
    }

    pub(super) fn first_with(&self, list: u32, digest: u32) -> Option<u32> {
        self.0.as_ref()?.get(&key(list, digest)).copied()
    }

    pub(super) fn clear(&mut self) {
        match &mut self.0 {
            Some(places) if places.capacity() <= MAX_KEPT => places.clear(),
            large => *large = None,
        }
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
