//! What is active in a context of OpenTelemetry, as a context of the core, and the reverse.

use std::sync::Arc;

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::{SpanContext as OtelSpanContext, TraceContextExt, TraceState};
use tracehound::bridge::ContextExt as _;
use tracehound::{ActiveContext, Baggage, SpanContext, SpanRef};

use super::baggage;
use crate::convert::span_context::{below, from_otel, inherited, remote_to_otel};
use crate::span::Span;
use crate::span::registry::{self, Metadata};

/// What is active in a context of OpenTelemetry.
pub(crate) fn native(context: &OtelContext) -> ActiveContext {
    let (mut native, Metadata { mut base_baggage, .. }) = active(context);
    baggage::merge_into(&mut native, context, &mut base_baggage);
    native
}

/// The same without the baggage of OpenTelemetry's context, and what is known of the active span.
#[inline]
pub(crate) fn active(context: &OtelContext) -> (ActiveContext, Metadata) {
    if let Some(NativeContext { context, base_baggage, .. }) = native_context(context) {
        let base_baggage = base_baggage.clone();
        return (context.clone(), Metadata { base_baggage, ..Metadata::default() });
    }
    if !context.has_active_span() {
        return (ActiveContext::empty(), Metadata::default());
    }
    let span = context.span();
    match registry::find(span.span_context()) {
        Some((span, metadata)) => (span.into(), metadata),
        None => {
            let context = inherited(span.span_context())
                .or_else(|| below_remote(context, span.span_context()))
                .or_else(|| from_otel(span.span_context()));
            (context.into(), Metadata::default())
        }
    }
}

/// A value in a context of OpenTelemetry: the native context that it was made of, where that says more than a span
/// context and the [`registry`] do: what came in with headers, baggage of its own.
struct NativeContext {
    context: ActiveContext,
    /// The span context that it belongs to: contexts that are derived later, for other spans, inherit this value.
    of: OtelSpanContext,
    /// The baggage of OpenTelemetry's context then.
    base_baggage: Option<Arc<Baggage>>,
}

fn native_context(context: &OtelContext) -> Option<&NativeContext> {
    context.get::<NativeContext>().filter(|native| native.of == *context.span().span_context())
}

/// The context of a span that is neither of the core nor remote, in a context that was derived from a remote one.
fn below_remote(context: &OtelContext, span: &OtelSpanContext) -> Option<SpanContext> {
    let NativeContext { context, of, .. } = context.get::<NativeContext>()?;
    below(context.remote()?, of, span)
}

/// The context of OpenTelemetry in which a native one takes the place of what is active in `current`.
pub(crate) fn activated(current: &OtelContext, context: ActiveContext) -> OtelContext {
    let with_baggage = baggage::into_otel(current, &context);
    let current = with_baggage.as_ref().unwrap_or(current);
    let base_baggage = baggage::base(current, &context);
    let active = match (context.span(), context.remote()) {
        (Some(span), _) => {
            let state = trace_state(current, span);
            let base_baggage = base_baggage.clone();
            let metadata = Metadata { base_baggage, ..Metadata::default() };
            current.with_span(Span::borrowed(span.clone(), &state, metadata))
        }
        (None, Some(remote)) => current.with_remote_span_context(remote_to_otel(remote)),
        (None, None) => current.with_remote_span_context(OtelSpanContext::NONE),
    };
    // The span may have been registered before, with another baggage.
    let has_other_base = || {
        base_baggage.is_some()
            && registry::find(active.span().span_context())
                .is_some_and(|(_, metadata)| metadata.base_baggage != base_baggage)
    };
    let says_more = context.remote().is_some() || context.has_own_baggage() || has_other_base();
    if says_more || native_context(&active).is_some() {
        let of = active.span().span_context().clone();
        return active.with_value(NativeContext { context, of, base_baggage });
    }
    active
}

/// The trace state that came in with the trace, as long as nothing but spans of the trace lies between.
fn trace_state(current: &OtelContext, span: &SpanRef) -> TraceState {
    let above = current.span();
    let above = above.span_context();
    let trace_id = u128::from_be_bytes(above.trace_id().to_bytes());
    match span.trace_id() {
        Some(same) if same.get() == trace_id => above.trace_state().clone(),
        _ => TraceState::NONE,
    }
}
