//! OpenTracing's side of a span.

use std::sync::Arc;
use std::time::SystemTime;

use opentracing_rs::backend::SpanBackend;
use opentracing_rs::{SpanContext, Tracer, Value};
use tracehound::{ActiveContext as NativeContext, Baggage, SpanRef, Text};
use tracehound_fork::WriteOnce;

use super::{context, log, tags};

/// A handle of a span of the core: the span itself is there.
#[derive(Debug)]
pub(crate) struct Span {
    native: SpanRef,
    /// Where a span that does not exist would be, so that the trace goes on below it.
    instead: NativeContext,
    /// The core forgets a span when it is sent; its context is to stay valid.
    last_baggage: WriteOnce<Arc<Baggage>>,
}

impl Span {
    pub(crate) fn new(native: SpanRef) -> Self {
        Span { native, instead: NativeContext::empty(), last_baggage: WriteOnce::new() }
    }

    /// For a span that does not exist, because tracing is off or the trace is full.
    pub(crate) fn none(instead: NativeContext) -> Self {
        Span { native: SpanRef::none(), instead, last_baggage: WriteOnce::new() }
    }

    /// OpenTracing's handle of a span that was made elsewhere.
    pub(crate) fn wrap(tracer: &Tracer, native: SpanRef) -> opentracing_rs::Span {
        opentracing_rs::Span::from_backend(tracer.clone(), Arc::new(Span::new(native)))
    }
}

/// The native handle of an OpenTracing span; `None` for a span of another tracer.
///
/// It is for what OpenTracing has no word for: metrics, links, structured tags, a native child of a span
/// that is not active.
///
/// ```
/// let (native, captured) = tracehound::testing::tracer();
/// let tracer = tracehound_opentracing::Tracer::new(native);
/// let scope = tracer.start_active_span("import");
/// if let Some(span) = tracehound_opentracing::native_span(scope.span()) {
///     span.set_metric("rows", 12.5);
/// }
/// scope.close();
/// assert_eq!(captured.span("import").metrics["rows"], 12.5);
/// ```
#[must_use]
pub fn native_span(span: &opentracing_rs::Span) -> Option<SpanRef> {
    span.downcast_ref::<Span>().map(|span| span.native.clone())
}

impl SpanBackend for Span {
    fn context(&self) -> SpanContext {
        if self.native.is_none() {
            return context::of_native(self.instead.clone());
        }
        context::of_span(&self.native, self.last_baggage.get())
    }

    fn set_operation_name(&self, name: &str) {
        self.native.set_name(Text::copy(name));
    }

    fn set_tag(&self, key: &str, value: Value<'_>) {
        self.native.set_tag(tags::native_key(key), tags::native_value(&value));
    }

    fn log(&self, fields: &[(&str, Value<'_>)], at: Option<SystemTime>) {
        log::log(&self.native, fields, at);
    }

    fn set_baggage_item(&self, key: &str, value: &str) {
        self.native.set_baggage_item(Text::copy(key), Text::copy(value));
    }

    fn baggage_item(&self, key: &str) -> Option<String> {
        let live = NativeContext::from(&self.native).baggage();
        live.as_ref().or(self.last_baggage.get())?.get(key).map(str::to_owned)
    }

    fn finish(&self, at: Option<SystemTime>) {
        if let Some(baggage) = NativeContext::from(&self.native).baggage() {
            // Only the first time: then the span is open still.
            let _ = self.last_baggage.set(baggage);
        }
        match at {
            Some(at) => self.native.finish_at(at),
            None => self.native.finish(),
        }
    }
}
