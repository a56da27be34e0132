//! Fields and tags that all spans of a tracer repeat, encoded once.

use std::sync::{Arc, Weak};

use super::msgpack::Buffer;
use crate::text::Text;
use crate::trace::{Digests, Shared, digest};

/// The encoded fields and tags that most spans of a tracer have in common.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    /// The tracer that they are of. Weak, so that this does not keep the tracer alive; its address is not used for
    /// another tracer meanwhile.
    shared: Weak<Shared>,
    /// The tags of that tracer when they were encoded.
    global: Arc<Vec<(Text, Text)>>,
    /// The entry `service` of spans without a service of their own.
    pub(super) service: Buffer,
    /// Whether that is the configured service, and not what it is mapped to; upper and lower case are the same.
    pub(super) is_configured: bool,
    /// The tag `_dd.base_service`, for spans of another service.
    pub(super) base_service: Buffer,
    /// The tags of spans of the configured service.
    pub(super) of_tracer: Tags,
    /// The tags of all other spans. They have no version, because that is of the configured service only.
    pub(super) of_others: Tags,
}

/// The tags of every span that does not have a tag with the same key itself.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// All of them, as entries of a map.
    pub(super) bytes: Buffer,
    /// Each of them.
    entries: Vec<(Text, Text)>,
    /// The digests of the keys.
    pub(super) digests: Digests,
}

impl Repeated {
    /// Encodes anew if this is another tracer, or if its tags have changed. Returns whether that is so.
    pub(super) fn follow(&mut self, shared: &Arc<Shared>) -> bool {
        let global = shared.tags.load();
        if Weak::as_ptr(&self.shared) == Arc::as_ptr(shared) && Arc::ptr_eq(&self.global, &global) {
            return false;
        }
        let Repeated { service, base_service, .. } = self;
        service.clear();
        service.raw(b"\xa7service");
        service.text(shared.span_service.as_bytes());
        base_service.clear();
        base_service.raw(b"\xb0_dd.base_service");
        base_service.text(shared.service.as_bytes());
        self.of_tracer = Tags::of(shared, &global, shared.version.as_ref());
        self.of_others = Tags::of(shared, &global, None);
        self.is_configured =
            shared.span_service.as_bytes().eq_ignore_ascii_case(shared.service.as_bytes());
        self.shared = Arc::downgrade(shared);
        self.global = global;
        true
    }
}

impl Tags {
    fn of(shared: &Shared, global: &[(Text, Text)], version: Option<&Text>) -> Self {
        let mut tags = Tags::default();
        let settings = [("env", shared.env.as_ref()), ("version", version)];
        for (key, value) in settings {
            if let Some(value) = value {
                tags.add(&Text::literal(key), value);
            }
        }
        for (key, value) in global {
            if !settings.iter().any(|(name, value)| value.is_some() && key == *name) {
                tags.add(key, value);
            }
        }
        tags
    }

    fn add(&mut self, key: &Text, value: &Text) {
        self.bytes.str(key.as_bytes());
        self.bytes.text(value.as_bytes());
        self.entries.push((key.clone(), value.clone()));
        self.digests.add(digest(key.as_bytes()));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is a tag with this key.
    #[inline]
    pub(super) fn has(&self, digest: u32, key: &[u8]) -> bool {
        self.digests.may_have(digest) && self.finds(key)
    }

    fn finds(&self, key: &[u8]) -> bool {
        self.entries.iter().any(|(name, _)| name.as_bytes() == key)
    }

    /// The value of a tag.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Each key with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }
}
