//! Span contexts in both worlds' terms.

use opentelemetry::trace::{self as otel, TraceState};
use tracehound::config::{Config, Environment, Style};
use tracehound::{
    DecisionMark, HttpPropagator, Priority, SpanContext, SpanId, SpanLink, SpanRef, TraceId,
};
use tracehound_fork::WriteOnce;

/// Trace state as the core reads and writes it in headers.
fn w3c() -> &'static HttpPropagator {
    static W3C: WriteOnce<HttpPropagator> = WriteOnce::new();
    W3C.get_or_make(|| {
        let config = Config::builder().environment(Environment::empty());
        HttpPropagator::new(&config.propagation_styles([Style::TraceContext]).build())
    })
}

/// The core's context for a parent that is not a span of the core: remote, or made by somebody else.
pub(crate) fn from_otel(context: &otel::SpanContext) -> Option<SpanContext> {
    let said = read(context)?;
    Some(if context.is_remote() { said } else { said.in_this_process() })
}

/// What a context says, as if it had come in with headers: its trace state says what it would say there.
pub(crate) fn read(context: &otel::SpanContext) -> Option<SpanContext> {
    let (trace_id, span_id) = ids(context)?;
    let state = context.trace_state().header();
    if !state.is_empty() {
        let flags = context.trace_flags().to_u8();
        let parent = format!("00-{trace_id}-{span_id}-{flags:02x}");
        let headers = vec![("traceparent", parent), ("tracestate", state)];
        if let Some(context) = w3c().extract(&headers) {
            return Some(context);
        }
    }
    let priority = if context.is_sampled() { Priority::AUTO_KEEP } else { Priority::AUTO_REJECT };
    Some(SpanContext::new(trace_id, Some(span_id)).with_priority(priority))
}

/// The core's context for a span of the process that this one was forked from.
pub(crate) fn inherited(context: &otel::SpanContext) -> Option<SpanContext> {
    let (trace_id, span_id) = ids(context).filter(|_| !context.is_remote())?;
    tracehound::inherited_context(trace_id, span_id)
}

/// A link of OpenTelemetry as one of the core; `None` for one that points nowhere.
pub(crate) fn link(context: &otel::SpanContext) -> Option<SpanLink> {
    let (trace_id, span_id) = ids(context)?;
    let link = SpanLink::new(trace_id, span_id).trace_flags(context.trace_flags().to_u8());
    Some(link.tracestate(context.trace_state().header()))
}

/// What OpenTelemetry sees of a span of the core under a decision, with this trace state.
///
/// The sampling decision is not taken for it, because OpenTelemetry asks whenever a span is made active: as
/// long as there is none, the span counts as sampled.
#[inline]
pub(crate) fn to_otel(
    span: &SpanRef,
    decision: Option<DecisionMark>,
    state: TraceState,
) -> otel::SpanContext {
    let priority = decision.map(DecisionMark::priority);
    seen(span.trace_id(), span.span_id(), priority, false, state)
}

/// The same with the trace state that would be written into a header now, decision included, and under which
/// decision that is. It is asked for once: the user may change it at any time.
pub(crate) fn to_otel_decided(span: &SpanRef) -> (otel::SpanContext, Option<DecisionMark>) {
    let Some(context) = span.propagation_context() else {
        return (to_otel(span, None, TraceState::NONE), None);
    };
    let mark = |priority| DecisionMark::of(priority, context.mechanism());
    let decision = context.priority().map(mark);
    (to_otel(span, decision, trace_state(&context)), decision)
}

/// What OpenTelemetry sees of a context that came from elsewhere.
pub(crate) fn remote_to_otel(context: &SpanContext) -> otel::SpanContext {
    let state = context.vendor_tracestate().and_then(|state| state.parse().ok());
    let priority = context.priority();
    seen(context.trace_id(), context.span_id(), priority, true, state.unwrap_or_default())
}

#[inline]
fn seen(
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    priority: Option<Priority>,
    is_remote: bool,
    state: TraceState,
) -> otel::SpanContext {
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        return otel::SpanContext::NONE;
    };
    let kept = priority.is_none_or(Priority::is_keep);
    otel::SpanContext::new(
        otel::TraceId::from_bytes(trace_id.get().to_be_bytes()),
        otel::SpanId::from_bytes(span_id.get().to_be_bytes()),
        if kept { otel::TraceFlags::SAMPLED } else { otel::TraceFlags::NOT_SAMPLED },
        is_remote,
        state,
    )
}

/// The trace state that says what the headers of a context would.
pub(crate) fn trace_state(context: &SpanContext) -> TraceState {
    let mut state = TraceState::NONE;
    w3c().inject_context(context, &mut |name: &str, value: String| {
        if name == "tracestate" {
            state = value.parse().unwrap_or_default();
        }
    });
    state
}

/// The ids in the core's terms; `None` for a context that names no span.
pub(crate) fn ids(context: &otel::SpanContext) -> Option<(TraceId, SpanId)> {
    let trace_id = TraceId::new(u128::from_be_bytes(context.trace_id().to_bytes()))?;
    let span_id = SpanId::new(u64::from_be_bytes(context.span_id().to_bytes()))?;
    Some((trace_id, span_id))
}
