//! The name of a tag with its digest, which is compared first.

use crate::text::Text;
use crate::trace::{SpanView, TagRef, digest};

/// The tags that the tracer itself writes, so that they are not only the span's own.
const OF_TRACER: [&str; 7] =
    ["_dd.base_service", "_dd.origin", "_dd.svc_src", "env", "language", "span.kind", "version"];

/// The name of a tag that is looked for in many spans. Most spans do not have it, and that costs a few instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagKey {
    name: Text,
    digest: u32,
    /// See [`OF_TRACER`].
    is_of_tracer: bool,
}

impl TagKey {
    pub(super) fn new(name: impl Into<Text>) -> Self {
        let name = name.into();
        let is_of_tracer = OF_TRACER.contains(&name.as_str());
        TagKey { digest: digest(name.as_bytes()), name, is_of_tracer }
    }

    pub(super) fn is_of_tracer(&self) -> bool {
        self.is_of_tracer
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The span's own tag of this name.
    pub(super) fn of<'a>(&self, span: &SpanView<'a>) -> Option<TagRef<'a>> {
        span.own_hashed(self.digest, &self.name)
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
