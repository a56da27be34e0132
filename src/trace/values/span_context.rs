//! The part of a span that travels to other processes.

use std::sync::Arc;

use super::baggage::Baggage;
use super::decision::{SamplingMechanism, SamplingPriority};
use super::entries::pair_bytes;
use super::link::SpanLink;
use super::tag_order::TagOrder;
use crate::id::{SpanId, TraceId};
use crate::text::Text;

/// The part of a span that travels: ids, sampling decision, origin, propagated tags, baggage.
///
/// Extracted from incoming headers, or taken from a span with
/// [`SpanRef::propagation_context`](crate::SpanRef::propagation_context). Give it to
/// [`SpanBuilder::child_of`](crate::SpanBuilder::child_of) to continue the trace, or to
/// [`Tracer::activate`](crate::Tracer::activate) to make it the parent of what starts next.
///
/// ```
/// use tracehound::{SamplingPriority, SpanContext, SpanId, TraceId};
///
/// let parent = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9))
///     .with_priority(SamplingPriority::USER_KEEP)
///     .with_origin("synthetics");
/// assert_eq!(parent.priority(), Some(SamplingPriority::USER_KEEP));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanContext {
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) remote: bool,
    pub(crate) priority: Option<SamplingPriority>,
    pub(crate) mechanism: Option<SamplingMechanism>,
    pub(crate) origin: Option<Text>,
    /// `_dd.p.*` but for `_dd.p.dm` (the mechanism) and `_dd.p.tid` (in the trace id).
    pub(crate) tags: Vec<(Text, Text)>,
    pub(crate) tag_order: TagOrder,
    /// The members of `tracestate` that are neither `dd` nor `ot`, as they came.
    pub(crate) vendors: Option<Text>,
    /// The value of the `ot` member of `tracestate`.
    pub(crate) probability: Option<Text>,
    /// The `p` of the `dd` member: the last Datadog span above, for `_dd.parent_id`.
    pub(crate) last_parent: Option<Text>,
    /// Contexts that came in beside this one and were not followed.
    pub(crate) links: Vec<SpanLink>,
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// Why a part of the headers could not be used: `_dd.propagation_error` of the local root.
    pub(crate) error: Option<Text>,
    /// Further tags of the local root: baggage that came in headers (`baggage.<key>`).
    pub(crate) root_tags: Vec<(Text, Text)>,
}

impl SpanContext {
    /// The context of a span in another process. `span_id` is `None` where upstream named no span.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: Option<SpanId>) -> Self {
        SpanContext { trace_id: Some(trace_id), span_id, remote: true, ..SpanContext::default() }
    }

    /// A context that carries baggage only: what starts below it begins a new trace.
    #[must_use]
    pub fn baggage_only(baggage: Baggage) -> Self {
        SpanContext { remote: true, baggage: baggage.into_shared(), ..SpanContext::default() }
    }

    /// About how many bytes it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        let texts =
            [&self.origin, &self.vendors, &self.probability, &self.last_parent, &self.error];
        let texts: usize = texts.into_iter().flatten().map(Text::heap_bytes).sum();
        let links: usize = self.links.iter().map(SpanLink::bytes).sum();
        let baggage = self.baggage.as_ref().map_or(0, |baggage| baggage.bytes());
        let pairs = pair_bytes(&self.tags) + pair_bytes(&self.root_tags);
        size_of::<SpanContext>() + texts + pairs + links + baggage
    }

    /// With a sampling decision, which this process then follows instead of deciding itself.
    #[must_use]
    pub fn with_priority(mut self, priority: SamplingPriority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// With the mechanism that took the decision.
    #[must_use]
    pub fn with_mechanism(mut self, mechanism: SamplingMechanism) -> Self {
        self.mechanism = Some(mechanism);
        self
    }

    /// Without the sampling decision that came with it. This process then decides itself, by its own rules, rates and
    /// tags, for the part of the trace that lives in it. Everything else stays.
    ///
    /// ```
    /// use tracehound::{SamplingPriority, SpanContext, TraceId};
    ///
    /// let remote = SpanContext::new(TraceId::new(1).unwrap(), None).with_priority(SamplingPriority::USER_REJECT);
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// drop(tracer.span("job").child_of(remote.without_decision()).start());
    /// assert_eq!(captured.span("job").priority, Some(SamplingPriority::AUTO_KEEP));
    /// ```
    #[must_use]
    pub fn without_decision(mut self) -> Self {
        (self.priority, self.mechanism) = (None, None);
        self
    }

    /// With an origin such as `synthetics` or `rum`, which every span of the trace then carries.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<Text>) -> Self {
        self.origin = Some(origin.into()).filter(|origin| !origin.is_empty());
        self
    }

    /// With baggage.
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = baggage.into_shared();
        self
    }

    /// With one more propagated tag; names without the prefix `_dd.p.` are ignored.
    ///
    /// `_dd.p.dm` is the mechanism, and `_dd.p.tid` is ignored: it is part of the trace id.
    #[must_use]
    pub fn with_tag(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        let (name, value) = (name.into(), value.into());
        match name.as_str() {
            "_dd.p.tid" => {}
            "_dd.p.dm" => self.mechanism = SamplingMechanism::parse(&value),
            tag if tag.starts_with("_dd.p.") => {
                self.tags.retain(|(other, _)| *other != name);
                self.tags.push((name, value));
            }
            _ => {}
        }
        self
    }

    /// Whether a product other than tracing has marked the trace: a bit in `_dd.p.ts`.
    pub(crate) fn has_trace_source(&self) -> bool {
        let is_marked = |bits: &str| u32::from_str_radix(bits, 16).is_ok_and(|bits| bits != 0);
        self.tags().any(|(name, value)| name == "_dd.p.ts" && is_marked(value))
    }

    /// The trace; `None` for a context that carries baggage only.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.trace_id
    }

    /// The span that is to be the parent.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.span_id
    }

    /// Whether this came from another process.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// The sampling decision, where one was taken.
    #[must_use]
    pub fn priority(&self) -> Option<SamplingPriority> {
        self.priority
    }

    /// Who took the sampling decision: `_dd.p.dm`.
    #[must_use]
    pub fn mechanism(&self) -> Option<SamplingMechanism> {
        self.mechanism
    }

    /// Where the trace came from: `x-datadog-origin`.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The propagated tags (`_dd.p.*`) but for the decision maker and the high bits of the trace id.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The members of W3C `tracestate` that belong to other vendors, as they came.
    #[must_use]
    pub fn vendor_tracestate(&self) -> Option<&str> {
        self.vendors.as_deref()
    }

    /// Contexts that came in beside this one and were not followed: links of the next span.
    #[must_use]
    pub fn links(&self) -> &[SpanLink] {
        &self.links
    }

    /// The baggage.
    #[must_use]
    pub fn baggage(&self) -> Option<&Baggage> {
        self.baggage.as_deref()
    }
}

impl SpanLink {
    /// A link to the span of a context, or `None` where the context names none.
    #[must_use]
    pub fn to(context: &SpanContext) -> Option<Self> {
        let mut link = SpanLink::new(context.trace_id?, context.span_id?);
        link.flags = context.priority.map(|priority| u32::from(priority.is_keep()));
        link.tracestate.clone_from(&context.vendors);
        Some(link)
    }
}
