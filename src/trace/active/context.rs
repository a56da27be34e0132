//! What is active: a span of this process, or what came from another one, and the baggage.

use std::sync::Arc;

use crate::trace::store::{Lineage, SpanRef};
use crate::trace::values::{Baggage, SpanContext};

/// What is active at a place in the program: the parent of what starts next.
///
/// Cheap to clone, and `Send`: take it with [`Tracer::context`](crate::Tracer::context), move it to another
/// thread or task, and give it to [`Tracer::activate`](crate::Tracer::activate) there.
#[derive(Clone, Debug, Default)]
pub struct ActiveContext {
    /// [`SpanRef::none`] where the parent is elsewhere, or there is none.
    pub(crate) span: SpanRef,
    pub(crate) remote: Option<Arc<SpanContext>>,
    pub(crate) baggage: Option<Arc<Baggage>>,
}

impl ActiveContext {
    /// Nothing active: what starts below it begins a new trace.
    #[must_use]
    pub const fn empty() -> Self {
        ActiveContext { span: SpanRef::none(), remote: None, baggage: None }
    }

    /// The span of this process that is active, open or not.
    #[must_use]
    pub fn span(&self) -> Option<&SpanRef> {
        Some(&self.span).filter(|span| span.is_some())
    }

    /// What came from another process and is active.
    #[must_use]
    pub fn remote(&self) -> Option<&SpanContext> {
        self.remote.as_deref()
    }

    /// The baggage of this place: what was put here, else that of the span, else what came in.
    #[must_use]
    pub fn baggage(&self) -> Option<Arc<Baggage>> {
        self.baggage
            .clone()
            .or_else(|| self.span.shared_baggage())
            .or_else(|| self.remote.as_ref()?.baggage.clone())
    }

    /// The same place with other baggage, which spans started below it take over.
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        // Kept even when empty: it hides the baggage of the span.
        self.baggage = Some(Arc::new(baggage));
        self
    }

    /// In a forked child: puts the context of a span of the parent process in the place of that span, which may not
    /// be touched.
    #[inline]
    pub(crate) fn replace_inherited(&mut self, lineage: Lineage) {
        if self.span.is_inherited() {
            self.make_remote(lineage);
        }
    }

    #[cold]
    fn make_remote(&mut self, lineage: Lineage) {
        let span = std::mem::take(&mut self.span);
        self.remote = span.handed_over(lineage).map(Arc::new);
    }

    /// Whether there is no parent here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.span.is_none() && self.remote.is_none()
    }
}

impl From<SpanRef> for ActiveContext {
    #[inline]
    fn from(span: SpanRef) -> Self {
        ActiveContext { span, ..ActiveContext::empty() }
    }
}

impl From<SpanContext> for ActiveContext {
    fn from(remote: SpanContext) -> Self {
        ActiveContext { remote: Some(Arc::new(remote)), ..ActiveContext::empty() }
    }
}

impl From<Arc<SpanContext>> for ActiveContext {
    fn from(remote: Arc<SpanContext>) -> Self {
        ActiveContext { remote: Some(remote), ..ActiveContext::empty() }
    }
}

macro_rules! from_reference {
    ($($of:ty),*) => {
        $(impl From<&$of> for ActiveContext {
            #[inline]
            fn from(of: &$of) -> Self {
                of.clone().into()
            }
        })*
    };
}

from_reference!(SpanRef, SpanContext, ActiveContext);

/// `None` is the empty context: activating it hides what was active.
impl<T: Into<ActiveContext>> From<Option<T>> for ActiveContext {
    fn from(context: Option<T>) -> Self {
        context.map(Into::into).unwrap_or_default()
    }
}
