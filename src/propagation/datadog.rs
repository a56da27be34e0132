//! `x-datadog-*`: Datadog's own headers.

#![deny(clippy::arithmetic_side_effects)]

use super::block::Draft;
use super::chars::trim;
use super::digits::{parse_decimal, parse_integer, push_decimal, push_integer};
use super::headers::Headers;
use super::names::Field;
use super::outgoing::Outgoing;
use super::strict::{is_printable, printable};
use super::tag_set;
use crate::id::{SpanId, TraceId};
use crate::text::Text;
use crate::trace::{SamplingPriority, SpanContext};

/// Fills an empty context. `None` without a trace id, or when an id is no number.
pub(super) fn extract(
    headers: &Headers<'_>,
    tags_max: usize,
    context: &mut SpanContext,
) -> Option<()> {
    let number = |field| headers.get(field).map(|value| parse_decimal(trim(value)));
    let low = number(Field::DatadogTraceId)??;
    if low == 0 {
        return None;
    }
    // The sender of a browser's or a synthetic test's request has no span: no parent, or 0.
    let parent = number(Field::DatadogParentId).unwrap_or(Some(0))?;
    let tags = headers.get(Field::DatadogTags).unwrap_or_default();
    let priority = headers
        .get(Field::DatadogPriority)
        .and_then(|value| parse_integer(trim(value)))
        .map(SamplingPriority::new);
    let origin = headers
        .get(Field::DatadogOrigin)
        .and_then(|origin| std::str::from_utf8(origin).ok())
        // As Python's tracer: what could not be passed on is none.
        .filter(|origin| !origin.is_empty() && is_printable(origin.as_bytes()));
    context.trace_id = TraceId::from_halves(tag_set::decode(tags, tags_max, context), low);
    context.span_id = SpanId::new(parent);
    context.remote = true;
    context.priority = priority;
    context.origin = origin.map(Text::copy);
    Some(())
}

/// The result is why `x-datadog-tags` is missing, if something had to be left out.
pub(super) fn inject(
    outgoing: &Outgoing<'_>,
    tags_max: usize,
    draft: &mut Draft<'_>,
) -> Result<(), &'static str> {
    let Some(trace_id) = outgoing.trace_id else { return Ok(()) };
    let parent = outgoing.span_id.map_or(0, SpanId::get);
    draft.add(Field::DatadogTraceId, |text| push_decimal(text, trace_id.low()));
    draft.add(Field::DatadogParentId, |text| push_decimal(text, parent));
    if let Some(priority) = outgoing.priority {
        draft.add(Field::DatadogPriority, |text| push_integer(text, priority.get()));
    }
    if let Some(origin) = outgoing.origin.and_then(|origin| printable(origin.as_bytes())) {
        draft.add(Field::DatadogOrigin, |text| text.extend_from_slice(origin));
    }
    let mut result = Ok(());
    draft.add(Field::DatadogTags, |text| result = tag_set::encode(outgoing, tags_max, text));
    result
}
