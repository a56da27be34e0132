//! The payload format v0.4: an array of chunks, each an array of spans, each a map.
//!
//! The names and types of the fields are those of the agent's `pkg/proto/datadog/trace/span.proto`. Keys are
//! constants behind their header: `\xa4name` is the text `name`, of four bytes.

use std::sync::Arc;

use super::msgpack::Buffer;
use super::payload::Payload;
use super::process::Process;
use super::repeated::Repeated;
use super::tag_maps::TagMaps;
use super::{events, links};
use crate::sampling::{KeptSpans, SpanSampler};
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

/// Writes chunks as v0.4.
///
/// Defaults are not written: a `parent_id` or `error` of zero, an empty `type`, empty maps. Whole numbers in `metrics`
/// are written as integers.
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
    /// The single spans of a dropped trace that rules keep.
    pub(crate) span_sampler: KeptSpans,
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
        let span_sampler = KeptSpans::new(span_sampler);
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

/// Counts the fields of a span while they are written.
struct Fields(usize);

impl Fields {
    #[inline(always)]
    fn key<const N: usize>(&mut self, out: &mut Buffer, key: &[u8; N]) {
        self.0 += 1;
        out.raw(key);
    }
}

impl SpanWriter<'_> {
    fn span(&self, out: &mut Buffer, tags: &mut TagMaps, span: &SpanView<'_>, is_head: bool) {
        let map = out.begin_map();
        let record = span.record;
        match &record.service {
            None => out.raw(self.common.repeated.service.as_bytes()),
            Some(service) => {
                out.raw(b"\xa7service");
                out.text(service.as_bytes());
            }
        }
        // Names that a function derives from tags have been fixed when the chunk was settled.
        let name = record.name.as_bytes();
        out.raw(b"\xa4name");
        out.text(name);
        // Without a resource, the agent would use the name, and count the span as malformed.
        out.raw(b"\xa8resource");
        match record.resource.as_ref().filter(|resource| !resource.is_empty()) {
            Some(resource) => out.text(resource.as_bytes()),
            None => out.text(name),
        }
        let span_id = record.id.map_or(0, |id| id.get());
        out.raw(b"\xa8trace_id");
        out.u64(self.segment.trace_id.low());
        out.raw(b"\xa7span_id");
        out.u64(span_id);
        out.raw(b"\xa5start");
        out.i64(span.start_ns());
        out.raw(b"\xa8duration");
        out.uint(span.duration_ns().unwrap_or_default());
        // These seven fields are always written. The others are written only if they are not the default.
        let mut fields = Fields(7);
        if let Some(parent) = record.parent {
            fields.key(out, b"\xa9parent_id");
            out.u64(parent.get());
        }
        if record.error {
            fields.key(out, b"\xa5error");
            out.uint(1);
        }
        if let Some(span_type) = record.span_type.as_ref().filter(|text| !text.is_empty()) {
            fields.key(out, b"\xa4type");
            out.text(span_type.as_bytes());
        }
        let (before_meta, fields_before) = (out.len(), fields.0);
        fields.key(out, b"\xa4meta");
        let meta = out.begin_map();
        self.tags(out, tags, span, is_head);
        out.end_map(meta, tags.texts);
        if tags.texts == 0 {
            out.truncate(before_meta);
            fields.0 = fields_before;
        }
        if tags.numbers > 0 {
            fields.key(out, b"\xa7metrics");
            out.map(tags.numbers);
            out.raw(tags.waiting.as_bytes());
        }
        if record.extras.is_some() {
            self.extras(out, &mut fields, span);
        }
        out.end_map(map, fields.0);
    }

    /// The fields that few spans have.
    #[cold]
    fn extras(&self, out: &mut Buffer, fields: &mut Fields, span: &SpanView<'_>) {
        let (structs, links, events) = (span.structs(), span.links(), span.events());
        if !structs.is_empty() {
            fields.key(out, b"\xabmeta_struct");
            out.map(structs.len());
            for (key, document) in structs {
                out.str(key.as_bytes());
                out.bin(document);
            }
        }
        if !links.is_empty() {
            fields.key(out, b"\xaaspan_links");
            links::native(out, links);
        }
        if !events.is_empty() && self.common.native_events {
            fields.key(out, b"\xabspan_events");
            events::native(out, events);
        }
    }
}
