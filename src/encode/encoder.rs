//! Decides which spans go into a payload, and has them written in its format.

use std::sync::Arc;

use super::chunk_writer::{ChunkWriter, Common, SpanWriter};
use super::dictionary::Dictionary;
use super::format::Format;
use super::frame::Frame;
use super::json_lines::{self, JsonLines};
use super::otlp::{self, Otlp};
use super::payload::Payload;
use super::process::Process;
use super::repeated::Repeated;
use super::tag_maps::TagMaps;
use super::v1::V1;
use super::v04::V04;
use super::v05::{self, V05};
use crate::config::OtlpSettings;
use crate::sampling::{KeptSpans, SpanSampler};
use crate::text::Text;
use crate::trace::{Chunk, SpanView};

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
    bounds: Bounds,
    pub(crate) common: Common,
    /// For v0.4.
    tags: TagMaps,
    /// For v0.5 and v1.0.
    dictionary: Dictionary,
    pub(super) otlp: otlp::Scratch,
    json: json_lines::Scratch,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The largest size of a payload, in bytes.
    bytes: usize,
    /// The largest size of a payload with several spans, at most `bytes`. A single span may be larger, because it cannot
    /// be divided, and would be lost.
    part_bytes: usize,
}

impl Encoder {
    pub(crate) fn new(process: Process, span_sampler: Arc<SpanSampler>, max_bytes: usize) -> Self {
        let span_sampler = KeptSpans::new(span_sampler);
        let (keep_rate, native_events, repeated) = (1.0, false, Repeated::default());
        let common = Common { process, span_sampler, keep_rate, native_events, repeated };
        Encoder {
            bounds: Bounds { bytes: max_bytes, part_bytes: max_bytes },
            common,
            tags: TagMaps::default(),
            dictionary: Dictionary::default(),
            otlp: otlp::Scratch::default(),
            json: json_lines::Scratch::default(),
        }
    }

    /// For OTLP: with these settings, and with events in their own fields.
    pub(crate) fn follow_otlp(&mut self, settings: &OtlpSettings) {
        self.otlp.spans.otel_semantics = settings.otel_semantics;
        self.common.native_events = true;
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.bounds.bytes
    }

    /// Sets the largest size of a payload, of several spans or of one.
    pub(crate) fn bound(&mut self, max_bytes: usize) {
        self.bounds = Bounds { bytes: max_bytes, part_bytes: max_bytes };
    }

    /// From now on, until [`Encoder::bound`], what can be divided is divided where it is larger than this.
    pub(crate) fn divide_at(&mut self, bytes: usize) {
        self.bounds.part_bytes = self.bounds.part_bytes.min(bytes);
    }

    /// Adds the spans of a settled chunk, from the span with the number `from` on.
    ///
    /// If not all of them fit, none is added, except to an empty payload: it gets as many as it holds. These are then a
    /// chunk of their own, whose first span has the tags that are there once per chunk, as after a partial flush.
    // Not inlined: `benches/instructions` counts it.
    #[inline(never)]
    pub(crate) fn add(&mut self, payload: &mut Payload, chunk: &Chunk, from: usize) -> Added {
        let Encoder { bounds, common, tags, dictionary, otlp, json } = self;
        let segment = chunk.segment();
        if let Some(shared) = segment.shared.get() {
            if common.repeated.follow(shared) {
                dictionary.forget();
            }
        }
        if !payload.has_begun() {
            match payload.format {
                Format::V04 => payload.begin_chunks(),
                Format::V05 => {
                    v05::begin_payload(&mut payload.strings, dictionary);
                    payload.begin_chunks();
                }
                Format::V1 => {
                    V1::new(&mut payload.buffer, dictionary).begin_payload(common, segment);
                    payload.begin_chunks();
                }
                Format::Otlp(protocol) => {
                    let envelope = otlp.envelope(protocol, segment, &common.process);
                    payload.begin_in(Frame::Otlp(envelope));
                }
                Format::JsonLines => payload.begin_in(Frame::JsonLine),
            }
        }
        let around = payload.around();
        let spans = SpanWriter { segment, decision: segment.decision(), common };
        let is_new = payload.is_empty();
        let rest = Rest { chunk, from, is_new, bounds: *bounds };
        let Payload { format, buffer, strings, .. } = payload;
        let added = match format {
            Format::V04 => rest.add(&spans, &mut V04 { out: buffer, tags }),
            Format::V05 => rest.add(&spans, &mut V05::new(buffer, strings, dictionary)),
            Format::V1 => rest.add(&spans, &mut V1::new(buffer, dictionary)),
            Format::Otlp(protocol) => {
                let protocol = *protocol;
                rest.add(&spans, &mut Otlp { protocol, out: buffer, scratch: otlp, around })
            }
            Format::JsonLines => {
                rest.add(&spans, &mut JsonLines { out: buffer, scratch: json, around })
            }
        };
        if let Added::UpTo(next) = added {
            payload.end_chunk(next - from, dictionary.strings.len());
        }
        added
    }
}

/// The spans of a chunk that are to be added to a payload.
struct Rest<'a> {
    chunk: &'a Chunk,
    from: usize,
    /// Whether the payload has nothing yet.
    is_new: bool,
    bounds: Bounds,
}

impl Rest<'_> {
    fn add(&self, spans: &SpanWriter<'_>, writer: &mut impl ChunkWriter) -> Added {
        let Rest { chunk, from, is_new, bounds } = *self;
        let head = chunk.head();
        let all = || head.into_iter().chain(others(chunk, head));
        let Some(first) = all().nth(from) else { return Added::UpTo(chunk.len()) };
        let start = writer.mark();
        let array = writer.begin_chunk(spans, &first, chunk.len() - from);
        let mut next = from;
        for span in all().skip(from) {
            let before = writer.mark();
            writer.span(spans, &span, next == from);
            let after = writer.mark().len();
            let most = if is_new && next == from { bounds.bytes } else { bounds.part_bytes };
            if after > most {
                if is_new && next > from {
                    writer.back_to(before);
                    writer.set_count(array, next - from);
                    break;
                }
                writer.back_to(start);
                return if is_new { too_large(&span, after - before.len()) } else { Added::Full };
            }
            next += 1;
        }
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
