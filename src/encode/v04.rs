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
use crate::sampling::SpanSampler;
use crate::text::Text;
use crate::trace::{Chunk, SamplingDecision, Segment, SpanView};

/// What became of a chunk, or of the rest of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// The spans before this one are written.
    UpTo(usize),
    /// The payload is full, and as it was; a new one may hold them.
    Full,
    /// No payload may hold the next span. Which one, in words: its name, its resource and its size.
    TooLarge(String),
}

/// Writes chunks as v0.4.
///
/// What the agent takes for granted is not written: `parent_id` and `error` of zero, an empty `type`, empty
/// maps; a whole number is an integer in `metrics`, too.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// Bytes that a payload may have.
    pub(crate) max_bytes: usize,
    pub(crate) common: Common,
    tags: TagMaps,
}

/// What is the same for all chunks that are written at one time.
#[derive(Debug)]
pub(crate) struct Common {
    pub(super) process: Process,
    /// Keeps single spans of traces that are dropped.
    pub(super) span_sampler: Arc<SpanSampler>,
    /// `_dd.tracer_kr`.
    pub(crate) keep_rate: f64,
    /// Whether the agent takes `span_events`.
    pub(crate) native_events: bool,
    pub(super) repeated: Repeated,
}

/// Writes the spans of one chunk, with what they all share.
pub(super) struct SpanWriter<'a> {
    pub(super) segment: &'a Segment,
    pub(super) decision: Option<SamplingDecision>,
    pub(super) common: &'a Common,
}

impl Encoder {
    pub(crate) fn new(process: Process, span_sampler: Arc<SpanSampler>, max_bytes: usize) -> Self {
        let (keep_rate, native_events, repeated) = (1.0, false, Repeated::default());
        let common = Common { process, span_sampler, keep_rate, native_events, repeated };
        Encoder { max_bytes, common, tags: TagMaps::default() }
    }

    /// Adds the spans of a chunk, which has been settled, from this one of them on.
    ///
    /// All of them, if need be to a new payload; as many as there is room for, where even that holds fewer. Those are a
    /// chunk of their own then: the first of them has the tags that are there once per chunk, as after a partial flush.
    pub(crate) fn add(&mut self, payload: &mut Payload, chunk: &Chunk, from: usize) -> Added {
        let is_new = payload.is_empty();
        let start = payload.begin();
        let Encoder { max_bytes, common, tags } = self;
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
            if after > *max_bytes {
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

/// The beginning of a text of the user, for a line.
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
    // Not by the id: another library may have given it twice.
    let is_head =
        move |span: &SpanView<'_>| head.is_some_and(|head| std::ptr::eq(head.record, span.record));
    chunk.spans().filter(move |span| !is_head(span))
}

/// How many fields a span has so far.
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
        // Late names are settled.
        let name = record.name.as_bytes();
        out.raw(b"\xa4name");
        out.text(name);
        // The agent would put the name in the place of one that is missing, and count a malformed span.
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
        // Those seven are always there; the others only where they say something.
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

    /// What few spans have.
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
