//! Datadog's sampling for OpenTelemetry's SDK.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use opentelemetry::trace::{
    Link, SpanKind, TraceContextExt, TraceFlags, TraceId as OtelTraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use tracehound::bridge::TracerExt as _;
use tracehound::{
    SamplingDecision as CoreDecision, SamplingMechanism, SpanContext, SpanId, TraceId,
};

use super::chunk::explicit_decision;
use super::shared::Shared;
use crate::context::active::native;
use crate::convert::span_context::{read, trace_state};
use crate::span::registry;

/// Samples as Datadog's tracers do, when a trace begins in this process: by the rules and rates of the
/// settings (`DD_TRACE_SAMPLING_RULES`, `DD_TRACE_SAMPLE_RATE`), then by the rates that the agent answers to
/// the exporter, then everything. Made by [`SpanExporter::sampler`](crate::SpanExporter::sampler).
///
/// A parent decides for its children, whichever headers it came with; what came without a decision is
/// decided here. An attribute `manual.keep` or `manual.drop` that a span starts with decides for it and what
/// is below it, and at the exporter for the whole trace.
///
/// It is parent-based as it is: inside of the SDK's `Sampler::ParentBased`, what a remote parent does not keep
/// would not be recorded.
///
/// The decision is in the flags and in the trace state (`dd=s:2;t.dm:-3`, and `ot` for OpenTelemetry's
/// samplers downstream): [`Propagator`](crate::Propagator), OpenTelemetry's own, and the exporter find it
/// there.
///
/// # What the SDK makes of it
///
/// Every span is recorded, never dropped: Datadog's statistics, and its rules for single spans, need spans of
/// traces that are not kept, too. They are "record only" for the SDK, which its processors understand
/// differently: `BatchSpanProcessor` hands them over all the same, and they reach the agent with their
/// priority. `SimpleSpanProcessor`, and the batch processor with an async runtime, leave them out: then what
/// is not kept is not sent, and not counted by the agent.
///
/// # What is known by then
///
/// The SDK asks when a span starts. Rules on names, tags and resources see what the span starts with, and
/// not, as they do for native spans, what it is when headers are written or the trace ends.
#[derive(Clone, Debug)]
pub struct Sampler {
    shared: Arc<Shared>,
}

impl Sampler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Sampler { shared }
    }

    /// Decides on what starts in `context`, if that has no decision; `None` where the exporter does nothing.
    fn decide(
        &self,
        context: SpanContext,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
    ) -> Option<SamplingResult> {
        let tracer = self.shared.identified().tracer;
        let mut chunk = tracer.chunk(context)?;
        if let Some(decision) = explicit_decision(attributes) {
            chunk.set_decision(decision);
        } else if chunk.decision().is_none() || attributes.iter().any(is_user_decision) {
            let mut root = chunk.span(SpanId::new(1)?, UNIX_EPOCH, UNIX_EPOCH);
            self.shared.describe(&mut root, name, kind, attributes);
        }
        let (decision, context) = tracer.sample(chunk);
        Some(SamplingResult {
            decision: recorded(decision.priority.is_keep()),
            attributes: explanation(&decision),
            trace_state: context.with_tracestate(trace_state),
        })
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: OtelTraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent = parent.filter(|parent| parent.span().span_context().is_valid());
        let context = match parent {
            None => new_trace(trace_id),
            Some(parent) => {
                let span = parent.span();
                let above = span.span_context();
                if above.is_remote() || registry::find(above).is_some() {
                    let native = native(parent);
                    let decided = native.span().and_then(|span| span.propagation_context());
                    decided.or(native.remote().cloned())
                } else if attributes.iter().any(is_user_decision) {
                    read(above)
                } else {
                    return inherited(above.trace_flags(), above.trace_state().clone());
                }
            }
        };
        context.and_then(|context| self.decide(context, name, kind, attributes)).unwrap_or_else(
            // No trace, or nothing that could send it.
            || inherited(TraceFlags::SAMPLED, TraceState::NONE),
        )
    }
}

fn inherited(flags: TraceFlags, trace_state: TraceState) -> SamplingResult {
    SamplingResult { decision: recorded(flags.is_sampled()), attributes: Vec::new(), trace_state }
}

fn new_trace(trace_id: OtelTraceId) -> Option<SpanContext> {
    let trace_id = TraceId::new(u128::from_be_bytes(trace_id.to_bytes()))?;
    // Only its trace state is used, which does not have this span id.
    Some(SpanContext::new(trace_id, SpanId::new(1)))
}

fn recorded(is_kept: bool) -> SamplingDecision {
    if is_kept { SamplingDecision::RecordAndSample } else { SamplingDecision::RecordOnly }
}

fn is_user_decision(attribute: &KeyValue) -> bool {
    matches!(attribute.key.as_str(), "manual.keep" | "manual.drop" | "sampling.priority")
}

/// The rates behind a decision: the SDK sets these attributes on the root, where the exporter finds them.
fn explanation(decision: &CoreDecision) -> Vec<KeyValue> {
    let by = match decision.mechanism {
        Some(SamplingMechanism::AGENT_RATE) => "_dd.agent_psr",
        _ => "_dd.rule_psr",
    };
    let rate = decision.rate.map(|rate| KeyValue::new(by, rate));
    let limit = decision.limit_rate.map(|rate| KeyValue::new("_dd.limit_psr", rate));
    rate.into_iter().chain(limit).collect()
}
