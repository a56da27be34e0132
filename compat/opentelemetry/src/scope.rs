//! Which library made a span: OpenTelemetry's instrumentation scope.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use tracehound::{SpanRef, TagValue, Text};

use crate::attributes::tag;
use crate::keys;

/// The tags of a scope, ready to be set.
///
/// A span has them whose parent is of another scope, or elsewhere: those below it in the same library follow
/// from it, and do not pay for it again.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The same for equal scopes, zero for one that says nothing.
    id: ScopeId,
    name: Text,
    version: Option<Text>,
    attributes: Arc<[(Text, TagValue<'static>)]>,
}

/// A digest: two scopes that share one by accident are a lost tag, one time in four thousand million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeId(u32);

impl Scope {
    pub(crate) fn new(scope: &InstrumentationScope) -> Self {
        let attributes: Arc<[_]> = scope.attributes().cloned().filter_map(tag).collect();
        let says_nothing =
            scope.name().is_empty() && scope.version().is_none() && attributes.is_empty();
        Scope {
            id: if says_nothing { ScopeId::default() } else { ScopeId::of(scope) },
            name: text(scope.name()),
            version: scope.version().filter(|version| !version.is_empty()).map(text),
            attributes,
        }
    }

    pub(crate) fn id(&self) -> ScopeId {
        self.id
    }

    /// Sets the tags of a span whose parent is of the scope `above`.
    #[inline]
    pub(crate) fn tag(&self, span: &SpanRef, above: ScopeId) {
        if self.id != above {
            self.tag_all(span);
        }
    }

    fn tag_all(&self, span: &SpanRef) {
        if !self.name.is_empty() {
            span.set_tag("otel.scope.name", self.name.clone());
        }
        if let Some(version) = &self.version {
            span.set_tag("otel.scope.version", version.clone());
        }
        span.set_tags(self.attributes.iter().cloned());
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

/// Names of libraries are few, and the same ones come again with every tracer.
fn text(text: &str) -> Text {
    match keys::kept(text) {
        Some(kept) => Text::literal(kept),
        None => Text::from(Arc::<str>::from(text)),
    }
}
