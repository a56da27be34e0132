//! How a span is to be started.

use std::borrow::Cow;
use std::time::SystemTime;

use super::reference::Reference;
use super::span_context::SpanContext;
use crate::value::Value;

/// How a span is to be started, as a tracer gets it from
/// [`SpanBuilder`](crate::SpanBuilder).
#[derive(Debug)]
pub struct StartOptions<'a> {
    pub(crate) operation_name: Cow<'a, str>,
    pub(crate) child_of: Option<Reference>,
    pub(crate) references: Vec<Reference>,
    pub(crate) tags: Vec<(Cow<'a, str>, Value<'a>)>,
    pub(crate) start_time: Option<SystemTime>,
    pub(crate) ignore_active_span: bool,
}

/// Where the parent of a new span is to be looked for.
#[derive(Clone, Copy, Debug)]
pub enum Parent<'a> {
    /// It is this one.
    Context(&'a SpanContext),
    /// It is what is active; where nothing is, the span is the root of a new trace.
    Active,
    /// There is none: the span is the root of a new trace.
    Root,
}

impl<'a> StartOptions<'a> {
    pub(crate) fn new(operation_name: Cow<'a, str>) -> Self {
        StartOptions {
            operation_name,
            child_of: None,
            references: Vec::new(),
            tags: Vec::new(),
            start_time: None,
            ignore_active_span: false,
        }
    }

    /// The name of the work.
    #[must_use]
    pub fn operation_name(&self) -> &str {
        &self.operation_name
    }

    /// Which span becomes the parent: that of `child_of`, else that of the first reference, whatever its
    /// type, else the active one, unless it is ignored.
    ///
    /// References to an empty context do not count. Those to contexts of other tracers do: a tracer leaves them out
    /// itself.
    #[must_use]
    pub fn parent(&self) -> Parent<'_> {
        match self.references().next() {
            Some(reference) => Parent::Context(reference.context()),
            None if self.ignore_active_span => Parent::Root,
            None => Parent::Active,
        }
    }

    /// Every reference to a context that is not empty: that of `child_of`, then the others as they were
    /// given. The active span is not among them.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.child_of
            .iter()
            .chain(&self.references)
            .filter(|reference| !reference.context().is_empty())
    }

    /// The tags in the order they were given; the last value of a key wins.
    #[must_use]
    pub fn tags(&self) -> &[(Cow<'a, str>, Value<'a>)] {
        &self.tags
    }

    /// When the span started; `None` is now.
    #[must_use]
    pub fn start_time(&self) -> Option<SystemTime> {
        self.start_time
    }

    /// Whether the active span is ignored: then it is not the parent.
    #[must_use]
    pub fn ignores_active_span(&self) -> bool {
        self.ignore_active_span
    }
}
