//! Finished spans that another library has recorded, on their way into a pipeline.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use tracehound_machine::Sole;

use super::finished::FinishedSpan;
use crate::clock;
use crate::id::SpanId;
use crate::text::Text;
use crate::trace::store::{
    Body, Buffers, Record, Segment, SharedShards, Slots, SpanView, give_back,
};
use crate::trace::tags::Special;
use crate::trace::values::{
    SamplingDecision, SamplingMechanism, SamplingPriority, SpanContext, TagValue,
};
use crate::user_code::{self, UserCode};

/// A chunk of finished spans that another library has recorded: what an exporter of that library makes of
/// them, so that they go the way of the tracer's own.
///
/// For bridges. All spans are of one trace, none of them changes any more, and each is handed in once.
/// [`submit`](ChunkBuilder::submit) hands the chunk to the pipeline, which samples it if it has no decision,
/// adds the tags of the tracer, and sends it. Made by [`Tracer::chunk`](crate::bridge::TracerExt::chunk).
///
/// ```
/// use std::time::SystemTime;
/// use tracehound::bridge::TracerExt;
/// use tracehound::{SpanContext, SpanId, TraceId};
///
/// let (tracer, captured) = tracehound::testing::tracer();
/// let context = SpanContext::new(TraceId::new(7).unwrap(), None);
/// let mut chunk = tracer.chunk(context).unwrap();
/// let now = SystemTime::now();
/// let mut span = chunk.span(SpanId::new(1).unwrap(), now, now);
/// span.set_name("job");
/// span.set_tag("job.size", 3);
/// chunk.submit();
/// assert_eq!(captured.tree(), "job job.size=3\n");
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent before `submit`"]
pub struct ChunkBuilder {
    segment: Sole<Segment>,
    buffers: Buffers,
    /// Whether a parent is in another process.
    has_remote_parent: bool,
}

/// What there is to look at where there is no span.
static NOTHING: Record = Record::VACANT;

impl ChunkBuilder {
    /// `None` for a context without a trace.
    pub(crate) fn new(shared: &SharedShards, context: SpanContext) -> Option<Self> {
        let (segment, buffers) = Segment::acquire_recorded(shared, context)?;
        Some(ChunkBuilder { segment, buffers, has_remote_parent: false })
    }

    /// Adds a span. It has no parent, and no name, before it is given one.
    ///
    /// An end before the start counts as the start.
    pub fn span(&mut self, id: SpanId, start: SystemTime, end: SystemTime) -> RecordedSpan<'_> {
        let (start, end) = (clock::unix_ns(start), clock::unix_ns(end));
        let Body { spans, tags, .. } = &mut *self.buffers;
        let place = u32::try_from(spans.len()).unwrap_or(u32::MAX);
        spans.push(Record {
            id: Some(id),
            start: self.segment.anchor.ticks_at(start),
            duration: end.saturating_sub(start).max(0),
            ..Record::VACANT
        });
        RecordedSpan {
            span: FinishedSpan { segment: &self.segment, spans, place, tags },
            has_remote_parent: &mut self.has_remote_parent,
        }
    }

    /// How many spans there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffers.spans.len()
    }

    /// Whether there are no spans.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffers.spans.is_empty()
    }

    /// The sampling decision so far: the one of the context, unless a tag of a span (`manual.keep`) or
    /// [`decide`](ChunkBuilder::decide) has said otherwise.
    #[must_use]
    pub fn decision(&self) -> Option<SamplingDecision> {
        self.segment.decision()
    }

    /// Sets the sampling decision, over any before it.
    pub fn set_decision(&mut self, decision: SamplingDecision) {
        self.segment.decision.overrule(decision);
    }

    /// The sampling decision; if there is none, the tracer's sampler takes it now, by the first span. Inside of the
    /// sampler itself it is "keep", and not kept in mind.
    pub fn decide(&mut self) -> SamplingDecision {
        if let Some(decision) = self.segment.decision() {
            return decision;
        }
        if user_code::is_running(UserCode::Sampler) {
            return SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT);
        }
        let record = self.buffers.spans.get(0).unwrap_or(&NOTHING);
        let root = SpanView { segment: &self.segment, record, tags: &self.buffers.tags };
        let decision = self.segment.shared.sink.get().decide(&root);
        self.segment.decision.settle(decision)
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Gives up the spans, and the context back: the chunk was for the decision alone.
    pub(crate) fn into_context(self) -> SpanContext {
        let ChunkBuilder { mut segment, mut buffers, .. } = self;
        let context = segment.upstream.take();
        buffers.keep_segment(segment);
        give_back(buffers);
        context.map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    /// Hands the chunk to the pipeline, and never waits: where that is full, the spans are lost and counted.
    ///
    /// Here it is settled which spans are local roots (those without a parent, and those whose parent is in
    /// another process) and which are top-level: the local roots, and those whose service is not that of
    /// their parent. A parent that is not in the chunk is taken to have the tracer's service.
    pub fn submit(self) {
        let ChunkBuilder { mut segment, mut buffers, has_remote_parent } = self;
        if buffers.spans.is_empty() {
            return;
        }
        mark_roots(&mut buffers.spans);
        if !has_remote_parent {
            // It names the last Datadog span above the parent that came in, which no span has.
            if let Some(upstream) = segment.upstream.as_mut().and_then(Arc::get_mut) {
                upstream.last_parent = None;
            }
        }
        buffers.finished = u32::try_from(buffers.spans.len()).unwrap_or(u32::MAX);
        buffers.has_ended = segment.shared.has_ended();
        Segment::submit(&segment.share(), Some(buffers));
    }
}

fn mark_roots(spans: &mut Slots) {
    for record in spans.iter_mut().filter(|record| record.parent.is_none()) {
        record.local_root = true;
    }
    let services: HashMap<_, _> =
        spans.iter().filter_map(|record| Some((record.id?, record.service.clone()))).collect();
    for record in spans.iter_mut() {
        let of_parent = record.parent.and_then(|parent| services.get(&parent));
        record.top_level = record.local_root || of_parent.unwrap_or(&None) != &record.service;
    }
}

/// A span of a [`ChunkBuilder`], to be filled in by the methods of [`FinishedSpan`].
#[derive(Debug)]
pub struct RecordedSpan<'c> {
    span: FinishedSpan<'c>,
    has_remote_parent: &'c mut bool,
}

impl RecordedSpan<'_> {
    /// Sets the parent, a span of this process.
    pub fn set_parent(&mut self, parent: SpanId) {
        self.edit(|record, _| record.parent = Some(parent));
    }

    /// Sets the parent, a span of another process.
    pub fn set_remote_parent(&mut self, parent: SpanId) {
        *self.has_remote_parent = true;
        self.edit(|record, _| {
            record.parent = Some(parent);
            record.local_root = true;
        });
    }

    /// Marks the span as an error, or not.
    pub fn set_error(&mut self, error: bool) {
        self.edit(|record, _| record.error = error);
    }

    /// Sets a tag, with the effects that it has on a span of the tracer
    /// ([`SpanRef::set_tag`](crate::SpanRef::set_tag)): `service.name` is the service, and so on.
    pub fn set_tag<'a>(&mut self, key: impl Into<Text>, value: impl Into<TagValue<'a>>) {
        let (key, value) = (key.into(), value.into());
        if let Some(decision) = Special::of(&key).and_then(|special| special.decision(&value)) {
            self.segment.decision.overrule(decision);
        }
        self.span.set_tag(key, value);
    }
}

impl<'c> std::ops::Deref for RecordedSpan<'c> {
    type Target = FinishedSpan<'c>;

    fn deref(&self) -> &FinishedSpan<'c> {
        &self.span
    }
}

impl std::ops::DerefMut for RecordedSpan<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::trace::testkit::Bench;
    use crate::trace::values::{SamplingMechanism, SamplingPriority};
    use std::time::Duration;

    fn id(number: u64) -> SpanId {
        SpanId::new(number).unwrap()
    }

    fn context() -> SpanContext {
        SpanContext::new(TraceId::new(7).unwrap(), Some(id(99)))
    }

    fn chunk(bench: &Bench, context: SpanContext) -> ChunkBuilder {
        ChunkBuilder::new(&bench.shared, context).unwrap()
    }

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn roots_and_services_settle_what_is_top_level() {
        let bench = Bench::new();
        let mut chunk = chunk(&bench, context());
        chunk.span(id(3), START, START).set_parent(id(2));
        let mut other = chunk.span(id(2), START, START);
        other.set_parent(id(1));
        other.set_service("db");
        chunk.span(id(1), START, START).set_remote_parent(id(99));
        chunk.span(id(5), START, START).set_parent(id(4));
        chunk.submit();
        let chunk = bench.take_chunks().remove(0);
        let seen = |number| {
            let span = chunk.spans().find(|span| span.span_id() == Some(id(number))).unwrap();
            (span.is_local_root(), span.record.top_level)
        };
        assert_eq!(seen(1), (true, true));
        assert_eq!(seen(2), (false, true));
        assert_eq!(seen(3), (false, true), "its service is not that of its parent");
        assert_eq!(seen(5), (false, false), "its parent is elsewhere");
        assert_eq!(chunk.head().unwrap().span_id(), Some(id(1)));
    }

    #[test]
    fn times_are_as_given_and_never_run_backwards() {
        let bench = Bench::new();
        let mut chunk = chunk(&bench, context());
        let later = START + Duration::from_nanos(1_700_000_000_000_000_007);
        chunk.span(id(1), later, later + Duration::from_nanos(5));
        chunk.span(id(2), later, START);
        chunk.submit();
        let chunk = bench.take_chunks().remove(0);
        let times: Vec<_> =
            chunk.spans().map(|span| (span.start_ns(), span.duration_ns())).collect();
        assert_eq!(
            times,
            [(1_700_000_000_000_000_007, Some(5)), (1_700_000_000_000_000_007, Some(0))]
        );
    }

    #[test]
    fn the_context_decides_then_the_sampler_and_a_tag_over_both() {
        let bench = Bench::new();
        let mut inherited = chunk(&bench, context().with_priority(SamplingPriority::USER_REJECT));
        let _ = inherited.span(id(1), START, START);
        assert_eq!(inherited.decide().priority, SamplingPriority::USER_REJECT);

        let mut asked = chunk(&bench, context());
        let _ = asked.span(id(1), START, START);
        assert_eq!(asked.decision(), None);
        assert_eq!(
            asked.decide(),
            SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT)
        );

        asked.span(id(2), START, START).set_tag("manual.drop", true);
        assert_eq!(asked.decide(), SamplingDecision::manual(false));
    }

    #[test]
    fn what_upstream_says_of_a_parent_is_for_spans_that_have_it() {
        let bench = Bench::new();
        let upstream = || SpanContext { last_parent: Some("00000000000000aa".into()), ..context() };
        for remote in [true, false] {
            let mut chunk = chunk(&bench, upstream());
            let mut span = chunk.span(id(1), START, START);
            if remote {
                span.set_remote_parent(id(99));
            }
            chunk.submit();
            let chunk = bench.take_chunks().remove(0);
            let upstream = chunk.segment().upstream.as_ref().unwrap();
            assert_eq!(upstream.last_parent.is_some(), remote);
        }
    }

    #[test]
    fn a_chunk_needs_a_trace_and_an_empty_one_is_not_handed_off() {
        let bench = Bench::new();
        assert!(ChunkBuilder::new(&bench.shared, SpanContext::default()).is_none());
        chunk(&bench, context()).submit();
        assert!(bench.take_chunks().is_empty());
    }
}
