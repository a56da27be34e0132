//! A span to be looked at: what samplers, naming rules, processors and the encoder see.

use std::borrow::Cow;

use super::layout::{DerivedNames, SpanView};
use crate::id::{SpanId, TraceId};
use crate::text::Text;
#[cfg(feature = "agent")]
use crate::trace::tags::Digests;
use crate::trace::tags::TagRef;
use crate::trace::values::{SpanEvent, SpanKind, SpanLink};
use crate::user_code::{self, UserCode};

impl<'a> SpanView<'a> {
    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.segment.trace_id
    }

    /// The span's own id.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.record.id
    }

    /// The parent, here or in another process; `None` for the root of the trace.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.record.parent
    }

    /// Whether this is the first span of the trace in this process.
    #[must_use]
    pub fn is_local_root(&self) -> bool {
        self.record.local_root
    }

    /// The service; the tracer's where the span has none of its own.
    #[must_use]
    pub fn service(&self) -> &'a str {
        self.record.service.as_deref().unwrap_or(&self.segment.shared.span_service)
    }

    /// The operation name.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        if !self.record.name.is_empty() {
            return self.record.name.as_str().into();
        }
        self.derived_names()
            .map_or(Cow::Borrowed(""), |names| names.name.as_str().to_owned().into())
    }

    /// The resource; the name where the span has none of its own.
    #[must_use]
    pub fn resource(&self) -> Cow<'a, str> {
        match self.record.resource.as_deref() {
            Some(resource) if !resource.is_empty() => resource.into(),
            _ => self.name(),
        }
    }

    /// The type: `web`, `sql`, ...
    #[must_use]
    pub fn span_type(&self) -> Option<Cow<'a, str>> {
        match self.record.span_type.as_deref() {
            Some(span_type) => Some(span_type.into()),
            None => Some(self.derived_names()?.span_type?.as_str().to_owned().into()),
        }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Option<SpanKind> {
        self.record.kind
    }

    /// Whether the span is marked as an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.record.error
    }

    /// Start, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn start_ns(&self) -> i64 {
        self.segment.anchor.unix_ns(self.record.start)
    }

    /// Duration in nanoseconds; `None` while the span is open.
    #[must_use]
    pub fn duration_ns(&self) -> Option<u64> {
        u64::try_from(self.record.duration).ok()
    }

    /// A string tag; tags of the tracer (`DD_TAGS`, `env`) count where the span has none of that name.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<Cow<'a, str>> {
        if let Some(value) = self.own(key) {
            return value.text();
        }
        match key {
            "span.kind" => self.record.kind.map(|kind| kind.as_str().into()),
            "env" => self.segment.shared.env.as_deref().map(Cow::Borrowed),
            _ => self.segment.shared.tag(key).map(|value| value.as_str().to_owned().into()),
        }
    }

    /// A numeric tag.
    #[must_use]
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.own(key)?.number()
    }

    /// The span's own string tags.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> {
        self.all().filter_map(|(key, value)| Some((key.as_str(), value.text()?)))
    }

    /// The span's own string tags, keys as they are kept: to compare their bytes costs less than to make each a
    /// `str`, as [`SpanView::tags`] does. A stack that is not written out yet is left out.
    pub fn texts(&self) -> impl Iterator<Item = (&'a Text, &'a str)> {
        self.all().filter_map(|(key, value)| match value {
            TagRef::Text(text) => Some((key, text)),
            _ => None,
        })
    }

    /// The span's own string tag of this name; see [`SpanView::texts`].
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&'a str> {
        match self.own(key)? {
            TagRef::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The span's own numeric tags.
    pub fn metrics(&self) -> impl Iterator<Item = (&'a str, f64)> {
        self.all().filter_map(|(key, value)| Some((key.as_str(), value.number()?)))
    }

    /// The links.
    #[must_use]
    pub fn links(&self) -> &'a [SpanLink] {
        self.record.extras.as_ref().map_or(&[], |extras| extras.links.all())
    }

    /// The events.
    #[must_use]
    pub fn events(&self) -> &'a [SpanEvent] {
        self.record.extras.as_ref().map_or(&[], |extras| &extras.events)
    }

    /// The structured tags: names and MessagePack documents.
    #[must_use]
    pub fn structs(&self) -> &'a [(Text, Vec<u8>)] {
        self.record.extras.as_ref().map_or(&[], |extras| &extras.structs)
    }

    /// The span's own tags, each behind the digest of its key.
    #[cfg(feature = "agent")]
    pub(crate) fn with_digests(&self) -> impl Iterator<Item = (u32, &'a Text, TagRef<'a>)> {
        self.tags.with_digests(&self.record.tags)
    }

    /// How many tags of its own the span has at the most.
    #[cfg(feature = "agent")]
    pub(crate) fn most_tags(&self) -> usize {
        self.record.tags.most()
    }

    /// Whether the span may have tags of its own with these keys; `false` is certain.
    #[cfg(feature = "agent")]
    pub(crate) fn may_have(&self, keys: Digests) -> bool {
        self.record.tags.may_have(keys)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a Text, TagRef<'a>)> {
        self.tags.iter(&self.record.tags)
    }

    /// Whether the span itself has a tag of this name.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.own(key).is_some() || (key == "span.kind" && self.record.kind.is_some())
    }

    /// The span's own tag of this name.
    pub(crate) fn own(&self, key: &str) -> Option<TagRef<'a>> {
        self.tags.get(&self.record.tags, key)
    }

    pub(crate) fn derived_names(&self) -> Option<DerivedNames> {
        let naming = self.record.naming?;
        user_code::call(UserCode::Naming, &self.segment.shared.diag, || naming(self))
    }
}

impl std::fmt::Debug for SpanView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpanView")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.record.id)
            .field("service", &self.service())
            .field("name", &self.name())
            .field("resource", &self.resource())
            .finish_non_exhaustive()
    }
}
