//! A link to another span.

use super::entries::{ENTRY_BYTES, pair_bytes, set_entry};
use super::tag_value::TagValue;
use crate::id::{SpanId, TraceId};
use crate::text::Text;

/// A causal relation to a span that is not the parent: a message of a batch, a retried request.
///
/// ```
/// use tracehound::{SpanId, SpanLink, TraceId};
///
/// let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap())
///     .attribute("reason", "retry");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) tracestate: Option<Text>,
    /// Bit 0: sampled. `None` is "unknown"; the encoder sets bit 31 for "known".
    pub(crate) flags: Option<u32>,
    pub(crate) attributes: Vec<(Text, Text)>,
    /// How many attributes were left out because there were too many.
    pub(crate) refused_attributes: u32,
}

impl SpanLink {
    /// A link to a span whose sampling is unknown.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        SpanLink {
            trace_id,
            span_id,
            tracestate: None,
            flags: None,
            attributes: Vec::new(),
            refused_attributes: 0,
        }
    }

    /// With an attribute; the last value of a key counts, and `None` removes it.
    ///
    /// The protocol has texts only: numbers and booleans are written out, lists and maps flattened into `key.0`,
    /// `key.name`. A link has 1,024 attributes at the most. Further ones are left out, and counted in the metric
    /// `tracehound.refused_changes` of the span that the link is added to.
    ///
    /// ```
    /// # use tracehound::{SpanId, SpanLink, TraceId};
    /// # let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
    /// let link = link.attribute("tries", 3).attribute("last", true).attribute("shards", [4, 7]);
    /// let attributes: Vec<_> = link.attributes().collect();
    /// assert_eq!(attributes, [("tries", "3"), ("last", "true"), ("shards.0", "4"), ("shards.1", "7")]);
    /// ```
    #[must_use]
    pub fn attribute<'a>(mut self, key: impl Into<Text>, value: impl Into<TagValue<'a>>) -> Self {
        value.into().flatten(key.into(), &mut |key, value| match value.into_text() {
            Some(value) => {
                let is_set = set_entry(&mut self.attributes, key, value);
                self.refused_attributes += u32::from(!is_set);
            }
            None => self.attributes.retain(|(old, _)| *old != key),
        });
        self
    }

    /// The attributes, in the order they were first set.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// With the W3C trace state of the linked span.
    #[must_use]
    pub fn tracestate(mut self, tracestate: impl Into<Text>) -> Self {
        self.tracestate = Some(tracestate.into()).filter(|state| !state.is_empty());
        self
    }

    /// Says whether the linked trace is kept.
    #[must_use]
    pub fn sampled(self, sampled: bool) -> Self {
        self.trace_flags(sampled.into())
    }

    /// With the W3C trace flags of the linked span; bit 0 says whether its trace is kept.
    #[must_use]
    pub fn trace_flags(mut self, flags: u8) -> Self {
        self.flags = Some(flags.into());
        self
    }

    /// The linked trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The linked span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// About how many bytes it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.tracestate.as_ref().map_or(0, Text::heap_bytes);
        ENTRY_BYTES + size_of::<SpanLink>() + state + pair_bytes(&self.attributes)
    }
}
