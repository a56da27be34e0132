//! The groups of ten seconds.

use std::collections::HashMap;

use super::group::Group;
use super::key::KeyBuffer;
use super::limits::{Collapsed, Seen};
use crate::config::StatsLimits;
use crate::trace::SpanView;

/// The spans that ended within ten seconds, by their keys.
#[derive(Debug)]
pub(super) struct Bucket {
    /// When it begins, in nanoseconds since the Unix epoch.
    pub(super) start: u64,
    pub(super) groups: HashMap<Box<[u8]>, Group>,
    seen: Seen,
}

impl Bucket {
    pub(super) fn new(start: u64) -> Self {
        Bucket { start, groups: HashMap::new(), seen: Seen::default() }
    }

    /// Counts a span.
    pub(super) fn add(
        &mut self,
        key: &KeyBuffer,
        span: &SpanView<'_>,
        is_top_level: bool,
        limits: &StatsLimits,
        collapsed: &mut Collapsed,
    ) {
        // Only this happens for a span that is like one before it.
        match self.groups.get_mut(key.bytes()) {
            Some(group) => group.add(span, is_top_level),
            None => self.group(key, limits, collapsed).add(span, is_top_level),
        }
    }

    /// The group for a key that has none yet.
    #[cold]
    fn group(
        &mut self,
        key: &KeyBuffer,
        limits: &StatsLimits,
        collapsed: &mut Collapsed,
    ) -> &mut Group {
        let blocked = self.seen.admit(key, limits, collapsed);
        let key = blocked.as_ref().unwrap_or(key);
        if self.groups.len() < limits.keys || self.groups.contains_key(key.bytes()) {
            return self.insert(key);
        }
        collapsed.whole_key += 1;
        self.insert(&KeyBuffer::overflow())
    }

    fn insert(&mut self, key: &KeyBuffer) -> &mut Group {
        self.groups.entry(key.bytes().into()).or_insert_with(|| Group::new(key.layout()))
    }
}
