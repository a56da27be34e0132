//! Which library made a span: OpenTelemetry's instrumentation scope.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use tracehound::{SpanRef, TagValue, Text};
use tracehound_machine::literal;

use super::attributes::is_special;
use super::value::tag;

/// The tags of a scope, ready to be set.
///
/// Only a span whose parent is of another scope, or of another process, gets them: children of the same library follow
/// from it, and do not pay for them again.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The same for equal scopes, zero for one without tags.
    id: ScopeId,
    tags: Arc<[(Text, TagValue<'static>)]>,
    /// Those whose keys mean something to the core: they are set one by one, after the start.
    special: Arc<[(Text, TagValue<'static>)]>,
}

/// A digest. Where two scopes share one by accident, one time in four thousand million, a tag is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeId(u32);

impl Scope {
    pub(crate) fn new(scope: &InstrumentationScope) -> Self {
        let tag_of = |key: &'static str, value: &str| {
            (!value.is_empty()).then(|| (Text::literal(key), TagValue::Text(text(value))))
        };
        let own = [
            tag_of("otel.scope.name", scope.name()),
            tag_of("otel.scope.version", scope.version().unwrap_or_default()),
        ];
        let attributes = scope.attributes().cloned().filter_map(tag);
        let (special, tags): (Vec<_>, Vec<_>) =
            own.into_iter().flatten().chain(attributes).partition(|(key, _)| is_special(key));
        let is_empty = tags.is_empty() && special.is_empty();
        Scope {
            id: if is_empty { ScopeId::default() } else { ScopeId::of(scope) },
            tags: tags.into(),
            special: special.into(),
        }
    }

    pub(crate) fn id(&self) -> ScopeId {
        self.id
    }

    /// The tags of a span below one of another scope; none below one of the same.
    #[inline]
    pub(crate) fn tags(&self, above: ScopeId) -> &[(Text, TagValue<'static>)] {
        if self.id == above { &[] } else { &self.tags }
    }

    /// Sets what [`Scope::tags`] cannot.
    #[inline]
    pub(crate) fn set_special(&self, span: &SpanRef, above: ScopeId) {
        if self.id != above && !self.special.is_empty() {
            span.set_tags(self.special.iter().cloned());
        }
    }
}

impl ScopeId {
    fn of(scope: &InstrumentationScope) -> Self {
        let mut hasher = DefaultHasher::new();
        scope.hash(&mut hasher);
        #[expect(clippy::cast_possible_truncation, reason = "a digest")]
        ScopeId((hasher.finish() as u32).max(1))
    }
}

/// Shared by all spans, where it is not a literal.
fn text(text: &str) -> Text {
    literal(text).map_or_else(|| Arc::<str>::from(text).into(), Text::literal)
}
