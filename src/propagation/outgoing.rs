//! The context to be written into headers, borrowed from a live span or from a [`SpanContext`].

use super::probability::OtMember;
use super::tags::{ORG_MARKER, is_named, strip};
use crate::id::{SpanId, TraceId};
use crate::text::Text;
use crate::trace::{
    Baggage, SamplingDecision, SamplingMechanism, SamplingPriority, Segment, SpanContext, TagOrder,
};

/// A context on its way out: of a live span, or one that came in and is passed on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outgoing<'a> {
    /// Nothing but baggage goes out without one.
    pub(crate) trace_id: Option<TraceId>,
    /// The span that the receiver takes as its parent.
    pub(crate) span_id: Option<SpanId>,
    /// Whether `span_id` is a span of this process, and so the last Datadog span above the receiver.
    pub(crate) is_local_span: bool,
    pub(crate) priority: Option<SamplingPriority>,
    pub(crate) mechanism: Option<SamplingMechanism>,
    pub(crate) origin: Option<&'a Text>,
    /// `_dd.p.*`, with their prefix; others are ignored.
    pub(crate) tags: &'a [(Text, Text)],
    pub(crate) tag_order: TagOrder,
    /// The other vendors' members of the inbound `tracestate`.
    pub(crate) vendors: Option<&'a Text>,
    /// The `ot` member of `tracestate`.
    pub(crate) probability: Option<OtMember<'a>>,
    /// The `p` that came in.
    pub(crate) last_parent: Option<&'a Text>,
    pub(crate) baggage: Option<&'a Baggage>,
    /// The own organisation, in place of one that came in.
    pub(crate) marker: Option<&'a str>,
}

impl<'a> Outgoing<'a> {
    /// The context of a span of this process under a decision, without its baggage.
    #[inline]
    pub(crate) fn of(
        segment: &'a Segment,
        span_id: Option<SpanId>,
        decision: Option<SamplingDecision>,
    ) -> Self {
        let upstream = segment.upstream.as_deref();
        Outgoing {
            trace_id: Some(segment.trace_id),
            span_id,
            is_local_span: true,
            priority: decision.map(|decision| decision.priority),
            mechanism: decision.and_then(|decision| decision.mechanism),
            origin: upstream.and_then(|context| context.origin.as_ref()),
            tags: upstream.map_or(&[], |context| &context.tags),
            tag_order: upstream.map_or_else(TagOrder::default, |context| context.tag_order),
            vendors: upstream.and_then(|context| context.vendors.as_ref()),
            probability: decision.and_then(|decision| OtMember::of(segment, &decision)),
            ..Outgoing::default()
        }
    }

    /// Whether [`Outgoing::tags`] can have any: most traces have none.
    #[inline]
    pub(super) fn has_tags(&self) -> bool {
        !self.tags.is_empty() || self.marker.is_some()
    }

    /// The propagated tags without their prefix. Those that are fields of their own, the decision maker and the high
    /// bits of the trace id, are never among them.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let marker = self.marker.map(str::as_bytes);
        let came_in = || self.tags.iter().any(|(name, _)| is_named(name, ORG_MARKER));
        let new = marker.filter(|_| !came_in());
        self.tags
            .iter()
            .filter_map(|(name, value)| Some((strip(name.as_bytes())?, value.as_bytes())))
            .map(move |(name, value)| match marker {
                Some(own) if name == ORG_MARKER.as_bytes() => (name, own),
                _ => (name, value),
            })
            .chain(new.map(|marker| (ORG_MARKER.as_bytes(), marker)))
    }
}

impl<'a> From<&'a SpanContext> for Outgoing<'a> {
    fn from(context: &'a SpanContext) -> Self {
        Outgoing {
            trace_id: context.trace_id,
            span_id: context.span_id,
            is_local_span: !context.remote,
            priority: context.priority,
            mechanism: context.mechanism,
            origin: context.origin.as_ref(),
            tags: &context.tags,
            tag_order: context.tag_order,
            vendors: context.vendors.as_ref(),
            probability: context.probability.as_ref().map(OtMember::Received),
            last_parent: context.last_parent.as_ref(),
            baggage: context.baggage.as_deref(),
            marker: None,
        }
    }
}
