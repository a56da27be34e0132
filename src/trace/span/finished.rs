//! A finished trace and its spans, to be looked at and changed before they are sent: what trace filters get, and what
//! the spans of another library are filled in through.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use super::failure::Failure;
use crate::id::{SpanId, TraceId};
use crate::text::Text;
use crate::trace::store::{Body, Chunk, Record, Segment, Slots, SpanView};
use crate::trace::tags::{Change, Key, Special, StoredValue, Tags, changes};
use crate::trace::values::{SamplingPriority, SpanEvent, SpanKind, SpanLink, Stack, TagValue};

/// What there is to look at where there is no span.
static NOTHING: Record = Record::VACANT;

/// A trace that has finished, as a [`TraceFilter`](crate::TraceFilter) sees it: all its spans of this process.
///
/// A long trace that is sent in parts (`DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`), and one with spans that finish after its
/// root, comes as several of these. One of them has the local root.
///
/// Names and tags are final: those that another API has set are in Datadog's terms, and the sampling decision is taken.
#[derive(Debug)]
pub struct FinishedTrace<'c> {
    chunk: &'c mut Chunk,
}

impl<'c> FinishedTrace<'c> {
    pub(crate) fn of(chunk: &'c mut Chunk) -> Self {
        FinishedTrace { chunk }
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.chunk.segment().trace_id
    }

    /// The priority that the sampler or another process has given the trace. Traces of all priorities come here: those
    /// that are not to be kept are sent as well, for the agent's statistics.
    #[must_use]
    pub fn priority(&self) -> Option<SamplingPriority> {
        Some(self.chunk.segment().decision()?.priority)
    }

    /// The spans, in the order in which they were started.
    pub fn spans(&self) -> impl Iterator<Item = SpanView<'_>> {
        self.chunk.spans()
    }

    /// The first span of the trace in this process; `None` in a part that does not have it.
    #[must_use]
    pub fn root(&self) -> Option<SpanView<'_>> {
        self.spans().find(SpanView::is_local_root)
    }

    /// As [`FinishedTrace::root`], to be changed.
    #[must_use]
    pub fn root_mut(&mut self) -> Option<FinishedSpan<'_>> {
        let root = self.chunk.buffers.spans.iter().position(|record| record.local_root)?;
        Some(self.span(u32::try_from(root).ok()?))
    }

    /// Whether a span is marked as an error.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.spans().any(|span| span.is_error())
    }

    /// Calls a function for each span, to change it, in the order in which they were started.
    ///
    /// ```
    /// use tracehound::{FinishedTrace, Tracer, Verdict, testing};
    ///
    /// let captured = testing::Captured::default();
    /// let tracer = Tracer::builder()
    ///     .trace_filter(|trace: &mut FinishedTrace<'_>| {
    ///         trace.for_each_span(|span| span.remove_tag("user.email"));
    ///         Verdict::Next
    ///     })
    ///     .capture(&captured)
    ///     .build();
    /// drop(tracer.span("login").tag("user.email", "a@example.com").start());
    /// assert!(captured.span("login").tags.is_empty());
    /// ```
    pub fn for_each_span(&mut self, mut change: impl FnMut(&mut FinishedSpan<'_>)) {
        for place in 0..u32::try_from(self.chunk.buffers.spans.len()).unwrap_or(u32::MAX) {
            let mut span = self.span(place);
            if span.span_id().is_some() {
                change(&mut span);
            }
        }
    }

    fn span(&mut self, place: u32) -> FinishedSpan<'_> {
        let Chunk { segment, buffers } = &mut *self.chunk;
        let Body { spans, tags, .. } = &mut **buffers;
        FinishedSpan { segment, spans, place, tags }
    }
}

/// A span of a [`FinishedTrace`]: the methods are those of [`SpanRef`](crate::SpanRef), as far as a span that has
/// finished can be changed. Its ids, its parent and its times stay.
#[derive(Debug)]
pub struct FinishedSpan<'c> {
    pub(super) segment: &'c Segment,
    pub(super) spans: &'c mut Slots,
    pub(super) place: u32,
    pub(super) tags: &'c mut Tags,
}

// ===== looking =====

impl FinishedSpan<'_> {
    /// All that there is to look at.
    #[must_use]
    pub fn view(&self) -> SpanView<'_> {
        let record = self.spans.get(self.place).unwrap_or(&NOTHING);
        SpanView { segment: self.segment, record, tags: self.tags }
    }

    /// The span's own id.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.view().span_id()
    }

    /// The parent, here or in another process; `None` for the root of the trace.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.view().parent_id()
    }

    /// Whether this is the first span of the trace in this process.
    #[must_use]
    pub fn is_local_root(&self) -> bool {
        self.view().is_local_root()
    }

    /// The operation name.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.view().name()
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &str {
        self.view().service()
    }

    /// The resource; the name where none was set.
    #[must_use]
    pub fn resource(&self) -> Cow<'_, str> {
        self.view().resource()
    }

    /// The type.
    #[must_use]
    pub fn span_type(&self) -> Option<Cow<'_, str>> {
        self.view().span_type()
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Option<SpanKind> {
        self.view().kind()
    }

    /// Whether the span is marked as an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.view().is_error()
    }

    /// How long the span took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.view().duration_ns().unwrap_or_default())
    }

    /// A string tag, from the span or from the tracer's own (`DD_TAGS`).
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        self.view().tag(key)
    }

    /// A numeric tag.
    #[must_use]
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.view().metric(key)
    }
}

// ===== changing =====

impl FinishedSpan<'_> {
    /// Sets the operation name.
    pub fn set_name(&mut self, name: impl Into<Text>) {
        self.apply(Change::Name(name.into()));
    }

    /// Sets the service, mapped by `DD_SERVICE_MAPPING`; an empty one is the tracer's. Children keep theirs.
    pub fn set_service(&mut self, service: impl Into<Text>) {
        self.apply(Change::Service(service.into()));
    }

    /// Sets the resource.
    pub fn set_resource(&mut self, resource: impl Into<Text>) {
        self.apply(Change::Resource(resource.into()));
    }

    /// Sets the type: `web`, `sql`, ...
    pub fn set_type(&mut self, span_type: impl Into<Text>) {
        self.apply(Change::Type(span_type.into()));
    }

    /// Sets the kind.
    pub fn set_kind(&mut self, kind: SpanKind) {
        self.edit(|record, _| record.kind = Some(kind));
    }

    /// Sets a tag, or removes it when the value is `None` or `()`, with the effects that it has on an open span
    /// ([`SpanRef::set_tag`](crate::SpanRef::set_tag)).
    ///
    /// Sampling tags (`manual.keep`, `manual.drop`, `sampling.priority`) do nothing here: the decision may have gone to
    /// other processes.
    pub fn set_tag<'a>(&mut self, key: impl Into<Text>, value: impl Into<TagValue<'a>>) {
        changes(key.into(), value.into(), &mut |change| self.apply(change));
    }

    /// Sets several tags.
    pub fn set_tags<'a, K: Into<Text>, V: Into<TagValue<'a>>>(
        &mut self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) {
        tags.into_iter().for_each(|(key, value)| self.set_tag(key, value));
    }

    /// Sets a numeric tag; NaN and infinities are dropped.
    pub fn set_metric(&mut self, key: impl Into<Text>, value: f64) {
        let key = key.into();
        if Special::of(&key).is_some() {
            self.set_tag(key, value);
        } else if value.is_finite() {
            self.apply(Change::Tag(key, StoredValue::F64(value)));
        }
    }

    /// Sets several numeric tags.
    pub fn set_metrics<K: Into<Text>>(&mut self, metrics: impl IntoIterator<Item = (K, f64)>) {
        metrics.into_iter().for_each(|(key, value)| self.set_metric(key, value));
    }

    /// Removes a tag of either kind.
    pub fn remove_tag(&mut self, key: &str) {
        self.edit(|record, tags| remove_tag(record, tags, key));
    }

    /// Marks the span as an error: `error.message` with the chain of sources, and `error.type`.
    pub fn set_error<E: Error + ?Sized>(&mut self, error: &E) {
        // No frames: this is not where it happened.
        let failure = Failure::of(error, 0, &self.segment.shared.diag);
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error, in words: `error.message` alone.
    pub fn set_error_message(&mut self, message: impl Into<Text>) {
        let failure = Failure { message: message.into(), ..Failure::default() };
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Marks the span as an error, in words: `error.type`, `error.message` and, where there is one, `error.stack`.
    pub fn set_error_with(
        &mut self,
        kind: impl Into<Text>,
        message: impl Into<Text>,
        stack: Option<&str>,
    ) {
        let stack = stack.map(Stack::written);
        let failure = Failure { message: message.into(), kind: Some(kind.into()), stack };
        self.edit(|record, tags| failure.apply(record, tags));
    }

    /// Adds a link.
    pub fn add_link(&mut self, link: SpanLink) {
        self.edit(|record, tags| record.add_link(link, tags));
    }

    /// Adds an event.
    pub fn add_event(&mut self, event: SpanEvent) {
        self.edit(|record, tags| record.add_event(event, tags));
    }

    pub(super) fn apply(&mut self, change: Change) {
        let shared = &self.segment.shared;
        if let Some(record) = self.spans.get_mut(self.place) {
            change.apply(record, self.tags, shared);
        }
    }

    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Record, &mut Tags)) {
        if let Some(record) = self.spans.get_mut(self.place) {
            change(record, self.tags);
        }
    }
}

/// Removes a tag of either kind, the kind of the span included.
pub(super) fn remove_tag(record: &mut Record, tags: &mut Tags, key: &str) {
    if key == "span.kind" {
        record.kind = None;
    }
    tags.put(&mut record.tags, Key::new(Text::copy(key)), StoredValue::Absent);
}
