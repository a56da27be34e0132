//! Spans of one trace as chunks of the core: one for each local root, with its sampling decision.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;
use tracehound::bridge::ChunkBuilder;
use tracehound::bridge::TracerExt as _;
use tracehound::{SamplingDecision, SamplingMechanism, SamplingPriority, Text, Tracer};

use super::mapping::Mapped;
use super::resource_name::ResourceNaming;
use super::span_data::{self, Common, number_of};
use crate::convert::exception::text;
use crate::convert::span_context;

/// Whether a span is the first of its trace in this process.
pub(super) fn is_local_root(span: &SpanData) -> bool {
    span.parent_span_is_remote || span.parent_span_id == SpanId::INVALID
}

/// Spans of one trace, split by their local roots. Those whose root is not here belong to the only one there
/// is; where there are several, they are a part of their own.
pub(super) fn split_by_root(spans: Vec<SpanData>) -> Vec<Vec<SpanData>> {
    if spans.iter().filter(|span| is_local_root(span)).count() < 2 {
        return vec![spans];
    }
    let roots = roots(&spans);
    let mut places = HashMap::new();
    let mut parts: Vec<Vec<SpanData>> = Vec::new();
    for span in spans {
        let root = roots.get(&span.span_context.span_id()).copied().flatten();
        let place = *places.entry(root).or_insert(parts.len());
        match parts.get_mut(place) {
            Some(part) => part.push(span),
            None => parts.push(vec![span]),
        }
    }
    parts
}

/// The local root above each span, where it is here.
fn roots(spans: &[SpanData]) -> HashMap<SpanId, Option<SpanId>> {
    let id = |span: &SpanData| span.span_context.span_id();
    let parents: HashMap<_, _> = spans.iter().map(|span| (id(span), span.parent_span_id)).collect();
    let own =
        spans.iter().filter(|span| is_local_root(span)).map(|span| (id(span), Some(id(span))));
    let mut roots: HashMap<_, _> = own.collect();
    let mut path = Vec::new();
    for span in spans {
        let mut at = id(span);
        let root = loop {
            if let Some(root) = roots.get(&at) {
                break *root;
            }
            let Some(parent) = parents.get(&at) else { break None };
            // Known from now on, so that parents in a circle end here.
            roots.insert(at, None);
            path.push(at);
            at = *parent;
        };
        roots.extend(path.drain(..).map(|id| (id, root)));
    }
    roots
}

/// Makes a chunk of spans of one trace, of which at most one is a local root.
///
/// `user_decision`: the decision that the user has set in a part of the trace that was sent before.
pub(super) fn build(
    spans: Vec<(SpanData, Mapped)>,
    user_decision: Option<SamplingDecision>,
    naming: ResourceNaming,
    tracer: &Tracer,
) -> Option<ChunkBuilder> {
    let head = spans.iter().map(|(span, _)| span);
    let head = head.clone().find(|span| is_local_root(span)).or_else(|| head.clone().next())?;
    let context = span_context::read(&head.span_context)?;
    let common = Common {
        naming,
        trace_id: Arc::<str>::from(head.span_context.trace_id().to_string()).into(),
        vendors: context.vendor_tracestate().map(Text::copy),
    };
    let mut chunk = tracer.chunk(context)?;
    if let Some(decision) = user_decision {
        chunk.set_decision(decision);
    } else if let Some(explained) = explained(&chunk, head) {
        chunk.set_decision(explained);
    }
    for (span, mapped) in spans {
        if let Some(decision) = explicit_decision(&span.attributes) {
            chunk.set_decision(decision);
        }
        span_data::add(&mut chunk, span, mapped, &common);
    }
    Some(chunk)
}

/// The decision of the trace state with the rates that [`Sampler`](crate::Sampler) has left on the root.
fn explained(chunk: &ChunkBuilder, root: &SpanData) -> Option<SamplingDecision> {
    let mut decision = chunk.decision()?;
    for attribute in &root.attributes {
        match attribute.key.as_str() {
            "_dd.rule_psr" | "_dd.agent_psr" => decision.rate = number_of(&attribute.value),
            "_dd.limit_psr" => decision.limit_rate = number_of(&attribute.value),
            _ => {}
        }
    }
    Some(decision)
}

/// The decision that the attributes of a span say as a number; the last one counts. `manual.keep` and
/// `manual.drop` are the core's.
pub(super) fn explicit_decision(attributes: &[KeyValue]) -> Option<SamplingDecision> {
    attributes.iter().rev().find_map(|attribute| {
        let priority =
            || number_of(&attribute.value).map(|number| SamplingPriority::new(number as i32));
        match attribute.key.as_str() {
            "sampling.priority" => {
                Some(SamplingDecision::new(priority()?, SamplingMechanism::MANUAL))
            }
            "_sampling_priority_v1" => {
                let mut decision = SamplingDecision::new(priority()?, SamplingMechanism::DEFAULT);
                decision.mechanism =
                    text(attributes, "_dd.p.dm").and_then(|maker| SamplingMechanism::parse(&maker));
                Some(decision)
            }
            _ => None,
        }
    })
}
