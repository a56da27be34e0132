//! Span contexts: OpenTelemetry's in the core's terms, and the reverse.

use opentelemetry::trace::{self as otel, TraceState};
use tracehound::bridge::DecisionMark;
use tracehound::bridge::{SpanContextExt as _, TracestateExt as _};
use tracehound::config::{Config, Environment, Style};
use tracehound::{HttpPropagator, SamplingPriority, SpanContext, SpanId, SpanRef, Text, TraceId};
use tracehound_fork::WriteOnce;

/// How the core reads a trace state.
fn w3c() -> &'static HttpPropagator {
    static W3C: WriteOnce<HttpPropagator> = WriteOnce::new();
    W3C.get_or_make(|| {
        let config = Config::builder().environment(Environment::empty());
        HttpPropagator::new(&config.propagation_styles([Style::TraceContext]).build())
    })
}

/// The core's context for a parent that is not a span of the core: remote, or made by another SDK.
pub(crate) fn from_otel(context: &otel::SpanContext) -> Option<SpanContext> {
    let read = read(context)?;
    Some(if context.is_remote() { read } else { read.in_this_process() })
}

/// A context as if it had come in with headers: its trace state is read as the header.
pub(crate) fn read(context: &otel::SpanContext) -> Option<SpanContext> {
    let (trace_id, span_id) = ids(context)?;
    let by_flag = if context.is_sampled() {
        SamplingPriority::AUTO_KEEP
    } else {
        SamplingPriority::AUTO_REJECT
    };
    let state = context.trace_state().header();
    if !state.is_empty() {
        let flags = context.trace_flags().to_u8();
        let parent = format!("00-{trace_id}-{span_id}-{flags:02x}");
        let headers = vec![("traceparent", parent), ("tracestate", state)];
        if let Some(read) = w3c().extract(&headers) {
            // Only what comes from another process can be undecided: here, a sampler has set the flag.
            let is_decided = read.priority().is_some() || context.is_remote();
            return Some(if is_decided { read } else { read.with_priority(by_flag) });
        }
    }
    Some(SpanContext::new(trace_id, Some(span_id)).with_priority(by_flag))
}

/// The core's context for a span that another SDK has made below a remote one, which OpenTelemetry had as `parent`;
/// `None` where it is of another trace.
///
/// The trace state says most of what came in, and not all: the member `dd` has its limit, and a sampler may have left
/// the trace state out.
pub(crate) fn below(
    remote: &SpanContext,
    parent: &otel::SpanContext,
    context: &otel::SpanContext,
) -> Option<SpanContext> {
    let (trace_id, span_id) = ids(context)?;
    if remote.trace_id() != Some(trace_id) || context.is_remote() {
        return None;
    }
    let state = context.trace_state();
    if state == parent.trace_state() || state.header().is_empty() {
        return Some(remote.clone().recorded_below(span_id, context.is_sampled()));
    }
    // The decision is the sampler's; the rest it cannot have changed.
    let mut below = from_otel(context)?;
    if let Some(origin) = remote.origin() {
        below = below.with_origin(Text::copy(origin));
    }
    let tags = remote.tags();
    Some(
        tags.fold(below, |below, (name, value)| {
            below.with_tag(Text::copy(name), Text::copy(value))
        }),
    )
}

/// The core's context for a span of the process that this one was forked from.
pub(crate) fn inherited(context: &otel::SpanContext) -> Option<SpanContext> {
    let (trace_id, span_id) = ids(context).filter(|_| !context.is_remote())?;
    tracehound::bridge::inherited_context(trace_id, span_id)
}

/// The span context of a span of the core under a sampling decision, with this trace state.
///
/// The decision is not taken for it, because OpenTelemetry asks whenever a span is made active: as long as there is
/// none, the span counts as sampled.
#[inline]
pub(crate) fn to_otel(
    span: &SpanRef,
    decision: Option<DecisionMark>,
    state: TraceState,
) -> otel::SpanContext {
    let priority = decision.map(DecisionMark::priority);
    otel_context(span.trace_id(), span.span_id(), priority, false, state)
}

/// The same with the trace state that a header written now would have, and the decision that is in it. Both are read
/// at once: the user may change the decision at any time.
pub(crate) fn to_otel_now(span: &SpanRef) -> (otel::SpanContext, Option<DecisionMark>) {
    span.with_tracestate(|state, decision| (to_otel(span, decision, trace_state(state)), decision))
}

/// The span context of what came from another process.
pub(crate) fn remote_to_otel(context: &SpanContext) -> otel::SpanContext {
    let state = context.with_tracestate(trace_state);
    otel_context(context.trace_id(), context.span_id(), context.priority(), true, state)
}

#[inline]
fn otel_context(
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    priority: Option<SamplingPriority>,
    is_remote: bool,
    state: TraceState,
) -> otel::SpanContext {
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else {
        return otel::SpanContext::NONE;
    };
    let is_kept = priority.is_none_or(SamplingPriority::is_keep);
    otel::SpanContext::new(
        otel::TraceId::from_bytes(trace_id.get().to_be_bytes()),
        otel::SpanId::from_bytes(span_id.get().to_be_bytes()),
        if is_kept { otel::TraceFlags::SAMPLED } else { otel::TraceFlags::NOT_SAMPLED },
        is_remote,
        state,
    )
}

/// The header `tracestate` as OpenTelemetry's type, whose rules for members are stricter than the protocol's: members
/// that do not follow them are left out.
pub(crate) fn trace_state(header: &str) -> TraceState {
    if header.is_empty() {
        return TraceState::NONE;
    }
    // Not by `parse`, which copies all texts twice.
    let members = || header.split(',').filter_map(|member| member.split_once('='));
    TraceState::from_key_value(members()).unwrap_or_else(|_| {
        let is_good = |member: &(&str, &str)| TraceState::from_key_value([*member]).is_ok();
        TraceState::from_key_value(members().filter(is_good)).unwrap_or_default()
    })
}

/// The ids in the core's terms; `None` for a context that names no span.
pub(crate) fn ids(context: &otel::SpanContext) -> Option<(TraceId, SpanId)> {
    let trace_id = TraceId::new(u128::from_be_bytes(context.trace_id().to_bytes()))?;
    let span_id = SpanId::new(u64::from_be_bytes(context.span_id().to_bytes()))?;
    Some((trace_id, span_id))
}
