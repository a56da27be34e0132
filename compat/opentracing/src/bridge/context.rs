//! What of a span goes to its children and over borders: its place in a trace, and its baggage.

use std::sync::Arc;

use opentracing_rs::backend::SpanContextBackend;
use opentracing_rs::{Baggage, ReferenceType, SpanContext};
use tracehound::{
    ActiveContext as NativeContext, Baggage as NativeBaggage, SpanId, SpanLink, SpanRef, TraceId,
};
use tracehound_fork::WriteOnce;

/// The attribute of a link that says which reference it was.
///
/// The name is that of [OpenTelemetry's OpenTracing
/// compatibility](https://opentelemetry.io/docs/specs/otel/compatibility/opentracing/).
const REF_TYPE: &str = "opentracing.ref_type";

/// A place in a trace with the baggage as it was when this was made.
#[derive(Debug)]
pub(crate) struct Context {
    native: NativeContext,
    baggage: Option<Arc<NativeBaggage>>,
    /// The same, as OpenTracing shows it; made when somebody looks.
    shown: WriteOnce<Baggage>,
}

impl Context {
    pub(crate) fn new(native: NativeContext, baggage: Option<Arc<NativeBaggage>>) -> Self {
        Context { native, baggage, shown: WriteOnce::new() }
    }

    /// Ours, if it is one of ours.
    pub(crate) fn of(context: &SpanContext) -> Option<&Self> {
        context.downcast_ref()
    }

    /// The place, where the baggage is what it was when this was made, whatever the span's has become.
    pub(crate) fn as_parent(&self) -> NativeContext {
        let live = self.native.baggage();
        let is_same = match (&live, &self.baggage) {
            // Baggage that is shared is copied before it changes.
            (Some(live), Some(kept)) => Arc::ptr_eq(live, kept),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return self.native.clone();
        }
        self.native.clone().with_baggage(self.baggage.as_deref().cloned().unwrap_or_default())
    }

    pub(crate) fn native_baggage(&self) -> Option<&NativeBaggage> {
        self.baggage.as_deref()
    }

    /// A link to the span, which says of which type the reference to it was; `None` where there is no span.
    pub(crate) fn link(&self, kind: ReferenceType) -> Option<SpanLink> {
        let link = match (self.native.span(), self.native.remote()) {
            (Some(span), _) => SpanLink::to(&span.propagation_context()?)?,
            (None, remote) => SpanLink::to(remote?)?,
        };
        Some(link.attribute(REF_TYPE, kind.as_str()))
    }

    fn ids(&self) -> Option<(TraceId, SpanId)> {
        match (self.native.span(), self.native.remote()) {
            (Some(span), _) => Some((span.trace_id()?, span.span_id()?)),
            (None, remote) => Some((remote?.trace_id()?, remote?.span_id()?)),
        }
    }
}

impl SpanContextBackend for Context {
    fn baggage(&self) -> &Baggage {
        self.shown.get_or_make(|| match &self.baggage {
            Some(baggage) => baggage.iter().collect(),
            None => Baggage::new(),
        })
    }

    fn trace_id(&self) -> Option<String> {
        self.ids().map(|(trace_id, _)| trace_id.to_string())
    }

    fn span_id(&self) -> Option<String> {
        self.ids().map(|(_, span_id)| span_id.to_string())
    }
}

/// The place in a trace that a context names, for [`tracehound::SpanBuilder::child_of`] and
/// [`tracehound::Tracer::activate`]; empty for the context of another tracer.
///
/// ```
/// use opentracing_rs::Format;
///
/// let (native, captured) = tracehound::testing::tracer();
/// let tracer = tracehound_opentracing::Tracer::new(native.clone());
/// let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8")];
/// let caller = tracer.extract(Format::HttpHeaders, &headers)?.unwrap_or_default();
/// let place = tracehound_opentracing::native_context(&caller);
/// native.span("web.request").child_of(place).start().finish();
/// assert_eq!(captured.span("web.request").trace_id.get(), 7);
/// # Ok::<(), opentracing_rs::Error>(())
/// ```
#[must_use]
pub fn native_context(context: &SpanContext) -> NativeContext {
    Context::of(context).map(Context::as_parent).unwrap_or_default()
}

/// The context of a span of the core.
pub(crate) fn of_span(span: &SpanRef, kept: Option<&Arc<NativeBaggage>>) -> SpanContext {
    let place = NativeContext::from(span);
    let baggage = place.baggage().or_else(|| kept.cloned());
    SpanContext::new(Context::new(place, baggage))
}

/// The context of any place in a trace; the empty one where nothing is there.
pub(crate) fn of_native(place: NativeContext) -> SpanContext {
    let baggage = place.baggage();
    if place.is_empty() && baggage.is_none() {
        return SpanContext::empty();
    }
    SpanContext::new(Context::new(place, baggage))
}
