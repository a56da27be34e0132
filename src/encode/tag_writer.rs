//! What each format offers to `span_tags`, which decides with which tags a span is written.

use crate::text::Text;
use crate::trace::{Digests, SpanKind};

use super::repeated::Tags;

/// Writes the tags of one span. The tags of the tracer come first, because those of the user with the same keys are left
/// out; then come the user's, and then those that all spans repeat.
pub(super) trait TagWriter {
    /// The keys of the user's tags that may stand in a field of their own.
    const FIELDS: Digests = Digests::NONE;
    /// Whether spans have a field for links.
    const HAS_LINKS: bool = true;

    /// Whether spans have a field for events. With v0.4 that depends on the agent.
    fn has_events(&self, _agent_takes_them: bool) -> bool {
        true
    }

    // ===== tags of the tracer =====

    /// Whether what a tag would say is said once for the chunk or the payload, and so is not written. The key counts as
    /// written.
    fn is_elsewhere(&mut self, _key: &str) -> bool {
        false
    }

    /// Writes a string tag that is MessagePack already, of texts up to 31 bytes.
    fn text_entry(&mut self, entry: &[u8]);

    /// As [`TagWriter::text_entry`], for a numeric tag with an integer.
    fn number_entry(&mut self, entry: &[u8]);

    fn text(&mut self, key: &str, value: &str);

    fn number(&mut self, key: &str, value: f64);

    /// The digests of the keys that were written so far.
    fn taken(&self) -> Digests;

    /// Whether a tag with this key was written.
    fn is_taken(&self, digest: u32, key: &[u8]) -> bool;

    // ===== tags of the user, and those that all spans repeat =====

    /// Whether a tag of the user stands in a field already.
    fn has_field(&self, _key: &[u8]) -> bool {
        false
    }

    fn own_text(&mut self, key: &[u8], value: &[u8]);

    fn own_integer(&mut self, key: &[u8], value: i64);

    fn own_float(&mut self, key: &[u8], value: f64);

    /// Writes `span.kind`, unless it has a field.
    fn kind(&mut self, kind: SpanKind);

    /// Writes all tags that spans repeat: those of the tracer's service, or others.
    fn repeated(&mut self, tags: &Tags, are_of_tracer: bool);

    /// Writes one of them.
    fn one_repeated(&mut self, key: &Text, value: &Text);
}

/// The keys of the tracer's own tags of the span that is being written.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) digests: Digests,
    /// One behind the other.
    keys: Vec<u8>,
    ends: Vec<usize>,
}

impl Taken {
    pub(super) fn clear(&mut self) {
        if !self.ends.is_empty() {
            self.digests = Digests::NONE;
            self.keys.clear();
            self.ends.clear();
        }
    }

    pub(super) fn add(&mut self, digest: u32, key: &[u8]) {
        self.digests.add(digest);
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len());
    }

    #[inline]
    pub(super) fn has(&self, digest: u32, key: &[u8]) -> bool {
        self.digests.may_have(digest) && self.finds(key)
    }

    #[inline(never)]
    fn finds(&self, key: &[u8]) -> bool {
        let mut start = 0;
        self.ends.iter().any(|end| {
            let is_it = self.keys.get(start..*end) == Some(key);
            start = *end;
            is_it
        })
    }
}
