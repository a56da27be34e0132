//! Decides which spans go into a payload, and has them written in its format.

use std::sync::Arc;

use super::payload::Payload;
use super::process::Process;
use super::repeated::Repeated;
use super::tag_maps::TagMaps;
use crate::sampling::SpanSampler;
use crate::text::Text;
use crate::trace::{Chunk, SamplingDecision, Segment, SpanView};

/// What became of a chunk, or of the rest of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// All spans before this one are written.
    UpTo(usize),
    /// The payload is full, and unchanged. The spans may fit into a new one.
    Full,
    /// The next span is too large for any payload. For a line: its name, its resource and its size.
    TooLarge(String),
}

/// Writes chunks into payloads.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The largest size of a payload, in bytes.
    max_bytes: usize,
    /// The largest size of a payload with several spans, at most `max_bytes`. A single span may be larger, because it
    /// cannot be divided, and would be lost.
    part_bytes: usize,
    pub(crate) common: Common,
    tags: TagMaps,
}

/// What is the same for all chunks.
#[derive(Debug)]
pub(crate) struct Common {
    pub(super) process: Process,
    /// The rules that keep single spans of dropped traces.
    pub(super) span_sampler: Arc<SpanSampler>,
    /// `_dd.tracer_kr`.
    pub(crate) keep_rate: f64,
    /// Whether the agent takes `span_events`.
    pub(crate) native_events: bool,
    pub(super) repeated: Repeated,
}

/// Writes the spans of one chunk. It has what these spans share.
pub(super) struct SpanWriter<'a> {
    pub(super) segment: &'a Segment,
    pub(super) decision: Option<SamplingDecision>,
    pub(super) common: &'a Common,
}

impl Encoder {
    pub(crate) fn new(process: Process, span_sampler: Arc<SpanSampler>, max_bytes: usize) -> Self {
        let (keep_rate, native_events, repeated) = (1.0, false, Repeated::default());
        let common = Common { process, span_sampler, keep_rate, native_events, repeated };
        Encoder { max_bytes, part_bytes: max_bytes, common, tags: TagMaps::default() }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Sets the largest size of a payload, of several spans or of one.
    pub(crate) fn bound(&mut self, max_bytes: usize) {
        (self.max_bytes, self.part_bytes) = (max_bytes, max_bytes);
    }

    /// From now on, until [`Encoder::bound`], what can be divided is divided where it is larger than this.
    pub(crate) fn divide_at(&mut self, bytes: usize) {
        self.part_bytes = self.part_bytes.min(bytes);
    }

    /// Adds the spans of a settled chunk, from the span with the number `from` on.
    ///
    /// If not all of them fit, none is added, except to an empty payload: it gets as many as it holds. These are then a
    /// chunk of their own, whose first span has the tags that are there once per chunk, as after a partial flush.
    pub(crate) fn add(&mut self, payload: &mut Payload, chunk: &Chunk, from: usize) -> Added {
        let is_new = payload.is_empty();
        let start = payload.begin();
        let Encoder { max_bytes, part_bytes, common, tags } = self;
        let segment = chunk.segment();
        if let Some(shared) = segment.shared.get() {
            common.repeated.follow(shared);
        }
        let writer = SpanWriter { segment, decision: segment.decision(), common };
        let out = &mut payload.buffer;
        let head = chunk.head();
        let mut next = from;
        out.array(chunk.len() - from);
        for span in head.into_iter().chain(others(chunk, head)).skip(from) {
            let before = out.len();
            writer.span(out, tags, &span, next == from);
            let after = out.len();
            let most = if is_new && next == from { *max_bytes } else { *part_bytes };
            if after > most {
                if is_new && next > from {
                    out.truncate(before);
                    out.shrink_array(start, chunk.len() - from, next - from);
                    break;
                }
                out.truncate(start);
                return if is_new { too_large(&span, after - before) } else { Added::Full };
            }
            next += 1;
        }
        payload.end_chunk(next - from);
        Added::UpTo(next)
    }
}

#[cold]
fn too_large(span: &SpanView<'_>, bytes: usize) -> Added {
    let (name, resource) = (&span.record.name, span.record.resource.as_ref());
    let (name, resource) = (quoted(name), quoted(resource.unwrap_or(name)));
    Added::TooLarge(format!("span {name} (resource {resource}) takes {bytes} bytes"))
}

/// The beginning of a text of the user, in quotes.
fn quoted(text: &Text) -> String {
    const MOST: usize = 100;
    let text = text.as_str();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// The spans after the head.
fn others<'a>(chunk: &'a Chunk, head: Option<SpanView<'a>>) -> impl Iterator<Item = SpanView<'a>> {
    // Compared by address and not by id: a span that another library has made may have the id of a second one.
    let is_head =
        move |span: &SpanView<'_>| head.is_some_and(|head| std::ptr::eq(head.record, span.record));
    chunk.spans().filter(move |span| !is_head(span))
}
