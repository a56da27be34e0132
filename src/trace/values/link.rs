//! A link to another span.

use super::entries::{ENTRY_BYTES, set_entry};
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
}

impl SpanLink {
    /// A link to a span whose sampling is unknown.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        SpanLink { trace_id, span_id, tracestate: None, flags: None, attributes: Vec::new() }
    }

    /// With an attribute; the last value of a key counts, and `None` removes it.
    ///
    /// The protocol has texts only: numbers and booleans are written out, lists and maps flattened into `key.0`,
    /// `key.name`. A link has 1,024 of them at the most; further ones are left out.
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
        let attributes = &mut self.attributes;
        value.into().flatten_texts(key.into(), &mut |key, value| match value {
            Some(value) => set_entry(attributes, key, value),
            None => attributes.retain(|(old, _)| *old != key),
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
    pub fn sampled(mut self, sampled: bool) -> Self {
        self.flags = Some(u32::from(sampled));
        self
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

    /// What it holds in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.tracestate.as_ref().map_or(0, Text::heap_bytes);
        let fixed = ENTRY_BYTES.saturating_add(size_of::<SpanLink>()).saturating_add(state);
        self.attributes.iter().fold(fixed, |sum, (key, value)| {
            sum.saturating_add(size_of::<(Text, Text)>())
                .saturating_add(key.heap_bytes())
                .saturating_add(value.heap_bytes())
        })
    }
}
