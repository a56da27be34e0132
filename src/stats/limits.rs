//! How many different values there may be in one bucket: those beyond are counted together.

use std::collections::HashSet;

use super::key::{KeyBuffer, Part};
use crate::config::StatsLimits;

/// Spans that were counted under a common value because there were too many different ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collapsed {
    pub(crate) resource: u64,
    pub(crate) http_endpoint: u64,
    pub(crate) peer_tags: u64,
    pub(crate) additional_tags: u64,
    pub(crate) whole_key: u64,
}

impl Collapsed {
    /// Each with its name in health metrics.
    pub(crate) fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("resource", self.resource),
            ("http_endpoint", self.http_endpoint),
            ("peer_tags", self.peer_tags),
            ("additional_metric_tags", self.additional_tags),
            ("whole_key", self.whole_key),
        ]
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Collapsed::default()
    }
}

/// The values that were seen in one bucket, as far as they are limited.
#[derive(Debug, Default)]
pub(super) struct Seen {
    resources: HashSet<Box<[u8]>>,
    http_endpoints: HashSet<Box<[u8]>>,
    peer_tags: HashSet<Box<[u8]>>,
    additional_tags: HashSet<Box<[u8]>>,
}

impl Seen {
    /// Takes note of the values of a key that is new. Where some are beyond their limits, returns the key with which
    /// the span counts instead.
    pub(super) fn admit(
        &mut self,
        key: &KeyBuffer,
        limits: &StatsLimits,
        collapsed: &mut Collapsed,
    ) -> Option<KeyBuffer> {
        let mut blocked = Vec::new();
        for (part, seen, limit, collapsed) in [
            (Part::Resource, &mut self.resources, limits.resources, &mut collapsed.resource),
            (
                Part::HttpEndpoint,
                &mut self.http_endpoints,
                limits.http_endpoints,
                &mut collapsed.http_endpoint,
            ),
            (Part::PeerTags, &mut self.peer_tags, limits.peer_tags, &mut collapsed.peer_tags),
            (
                Part::AdditionalTags,
                &mut self.additional_tags,
                limits.additional_tags,
                &mut collapsed.additional_tags,
            ),
        ] {
            let value = key.part(part);
            // Nothing is not a value.
            if matches!(value, [] | [0xa0]) || seen.contains(value) {
                continue;
            }
            if seen.len() < limit {
                seen.insert(value.into());
            } else {
                *collapsed += 1;
                blocked.push(part);
            }
        }
        (!blocked.is_empty()).then(|| key.blocking(&blocked))
    }
}
