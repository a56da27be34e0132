//! References: how a span is caused by others.

use super::span_context::SpanContext;

/// In which way a span depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReferenceType {
    /// The other span waits for this one, or depends on it in some way: `child_of`.
    ChildOf,
    /// The other span caused this one, and does not depend on how it ends: `follows_from`.
    FollowsFrom,
}

impl ReferenceType {
    /// The name that OpenTracing gives it: `child_of` or `follows_from`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ReferenceType::ChildOf => "child_of",
            ReferenceType::FollowsFrom => "follows_from",
        }
    }
}

/// A cause of a span: another one's context, and in which way it is the cause.
///
/// A reference to an empty context is ignored.
///
/// ```
/// use opentracing_rs::{Reference, Tracer};
///
/// let tracer = Tracer::noop();
/// let request = tracer.start_span("request");
/// tracer.build_span("audit").reference(Reference::follows_from(&request)).start().finish();
/// ```
#[derive(Clone, Debug)]
pub struct Reference {
    kind: ReferenceType,
    context: SpanContext,
}

impl Reference {
    /// A reference of either type, to a context or `&Span`.
    #[must_use]
    pub fn new(kind: ReferenceType, context: impl Into<SpanContext>) -> Self {
        Reference { kind, context: context.into() }
    }

    /// To a span that depends on the new one.
    #[must_use]
    pub fn child_of(context: impl Into<SpanContext>) -> Self {
        Reference::new(ReferenceType::ChildOf, context)
    }

    /// To a span that caused the new one and does not depend on it.
    #[must_use]
    pub fn follows_from(context: impl Into<SpanContext>) -> Self {
        Reference::new(ReferenceType::FollowsFrom, context)
    }

    /// In which way it is the cause.
    #[must_use]
    pub fn kind(&self) -> ReferenceType {
        self.kind
    }

    /// The context of the span that is the cause.
    #[must_use]
    pub fn context(&self) -> &SpanContext {
        &self.context
    }
}
