//! The name of a tag with its digest, which is compared first.

use crate::text::Text;
use crate::trace::{SpanView, TagRef, digest};

/// The name of a tag that is looked for in many spans. Most spans do not have it, and that costs a few instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagKey {
    /// Not a [`Text`], which is checked to be UTF-8 whenever it is read as a `str`.
    name: Box<str>,
    digest: u32,
    pub(super) source: Source,
}

/// Where a tag comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From the span, or the tags of all spans.
    Tags,
    /// The tracer writes it, over tags of that name or where there is none.
    BaseService,
    Env,
    Kind,
    Language,
    Origin,
    WhoNamedService,
    Version,
}

impl TagKey {
    pub(super) fn new(name: &str) -> Self {
        let source = match name {
            "_dd.base_service" => Source::BaseService,
            "env" => Source::Env,
            "span.kind" => Source::Kind,
            "language" => Source::Language,
            "_dd.origin" => Source::Origin,
            "_dd.svc_src" => Source::WhoNamedService,
            "version" => Source::Version,
            _ => Source::Tags,
        };
        TagKey { name: name.into(), digest: digest(name.as_bytes()), source }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The span's own tag of this name.
    pub(super) fn of<'a>(&self, span: &SpanView<'a>) -> Option<TagRef<'a>> {
        span.own_hashed(self.digest, &self.name)
    }

    /// Whether a span certainly has no such tag: for most spans and tags, this is all that is looked at.
    #[inline(always)]
    pub(super) fn is_absent(&self, span: &SpanView<'_>, global: &[(Text, Text)]) -> bool {
        self.source == Source::Tags && global.is_empty() && !span.may_have_own(self.digest)
    }
}

/// The span's own tag with a name that is known when this is compiled.
macro_rules! tag {
    ($span:expr, $name:literal) => {
        $span.own_hashed(const { crate::trace::digest($name.as_bytes()) }, $name)
    };
}
pub(super) use tag;

/// The text of a tag, unless it is a number or a stack.
pub(super) fn text(tag: Option<TagRef<'_>>) -> Option<&str> {
    match tag? {
        TagRef::Text(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number(tag: Option<TagRef<'_>>) -> Option<f64> {
    tag?.number()
}
