//! Finished spans of one trace on their way out: from the hand-off on, they have one owner and no lock.

use tracehound_machine::{Counted, Sole};

use super::layout::{Body, Buffers, Chunk, Segment, Shared, SpanView};
use super::segment::resolve_names;
use crate::user_code::{self, UserCode};

/// A vector larger than this is not kept for another trace: one huge trace must not hold memory for ever.
const MAX_KEPT_SPANS: usize = 1024;
const MAX_KEPT_TAGS: usize = 8 * MAX_KEPT_SPANS;

/// The same, in bytes of copied text.
const MAX_KEPT_TEXT: usize = 32 * 1024;

impl Body {
    /// For a span that starts when all others of its trace were handed off.
    #[cold]
    pub(super) fn for_late_child(shared: &Shared) -> Buffers {
        let mut buffers = Buffers::default();
        buffers.tags.bound(shared.max_trace_bytes);
        if shared.has_ended() {
            buffers.end();
        }
        buffers
    }

    /// Keeps a segment whose trace is over for the next trace that gets these buffers.
    pub(crate) fn keep_segment(&mut self, mut segment: Sole<Segment>) {
        segment.reset();
        self.spare_segment = Some(segment);
    }

    /// What it holds in memory, with all that its spans hold and the segment.
    pub(crate) fn bytes(&self) -> usize {
        const FIXED: usize = size_of::<Body>().saturating_add(size_of::<Segment>());
        self.spans.bytes().saturating_add(self.tags.bytes()).saturating_add(FIXED)
    }

    /// Emptied for another trace, or `None` when they have grown too large to keep.
    pub(crate) fn recycle(mut self: Box<Self>) -> Option<Buffers> {
        if self.spans.capacity() > MAX_KEPT_SPANS
            || self.tags.capacity() > MAX_KEPT_TAGS
            || self.tags.text_capacity() > MAX_KEPT_TEXT
        {
            return None;
        }
        self.clear();
        Some(self)
    }
}

impl Chunk {
    pub(crate) fn new(segment: Counted<Segment>, buffers: Buffers) -> Self {
        Chunk { segment, buffers }
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// How many spans there are that are not counted as lost yet: all of them, while the tracer lives.
    pub(crate) fn len(&self) -> usize {
        self.buffers.finished.saturating_sub(self.buffers.counted) as usize
    }

    /// About what the chunk holds in memory, unused room in its vectors included.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.buffers.bytes()
    }

    /// Whether a span has structured tags.
    pub(crate) fn has_structs(&self) -> bool {
        let extras = self.buffers.spans.iter().filter_map(|record| record.extras.as_ref());
        extras.into_iter().any(|extras| !extras.structs.is_empty())
    }

    /// The spans in the order in which they were started.
    pub(crate) fn spans(&self) -> impl Iterator<Item = SpanView<'_>> {
        let Chunk { segment, buffers } = self;
        buffers.spans.iter().filter(|record| record.id.is_some()).map(move |record| SpanView {
            segment,
            record,
            tags: &buffers.tags,
        })
    }

    /// The first span of the chunk as sent, which carries the tags of the chunk: the local root where it is
    /// here, else the span that started first.
    pub(crate) fn head(&self) -> Option<SpanView<'_>> {
        self.spans()
            .find(SpanView::is_local_root)
            .or_else(|| self.spans().min_by_key(|span| span.record.start))
    }

    /// Does what was left to the end: converts deferred tags, sets names that follow from tags, takes the sampling
    /// decision.
    pub(crate) fn settle(&mut self) {
        let Body { spans, tags, .. } = &mut *self.buffers;
        tags.settle(spans);
        let diag = &self.segment.shared.diag;
        user_code::count(UserCode::DeferredTags, diag, tags.take_deferred_panics());
        for record in spans.iter_mut().filter(|record| record.naming.is_some()) {
            resolve_names(&self.segment, record, tags);
        }
        if self.segment.decision().is_none() {
            if let Some(head) = self.head() {
                let decision = self.segment.shared.sink.decide(&head);
                self.segment.decision.settle(decision);
            }
        }
        user_code::say_rest(diag);
    }

    /// The buffers, for another trace; with the segment, unless there is still a handle of it.
    pub(crate) fn into_buffers(self) -> Buffers {
        let Chunk { segment, mut buffers } = self;
        if let Ok(segment) = segment.into_sole() {
            buffers.keep_segment(segment);
        }
        buffers
    }
}
