//! The payload format v0.4: an array of chunks, each an array of spans, each a map.
//!
//! The names and types of the fields are those of the agent's `pkg/proto/datadog/trace/span.proto`. Keys are
//! constants behind their header: `\xa4name` is the text `name`, of four bytes. Defaults are not written: a `parent_id`
//! or `error` of zero, an empty `type`, empty maps. Whole numbers in `metrics` are written as integers.

use super::chunk_writer::{ChunkWriter, Mark, SpanWriter};
use super::msgpack::Buffer;
use super::repeated::Tags;
use super::tag_maps::TagMaps;
use super::tag_writer::TagWriter;
use super::{events, links};
use crate::text::Text;
use crate::trace::{Digests, SpanKind, SpanView};

/// Writes spans as v0.4.
pub(super) struct V04<'a> {
    pub(super) out: &'a mut Buffer,
    pub(super) tags: &'a mut TagMaps,
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

impl ChunkWriter for V04<'_> {
    fn begin_chunk(&mut self, _: &SpanWriter<'_>, _: &SpanView<'_>, spans: usize) -> usize {
        self.out.begin_array(spans)
    }

    fn span(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        let out = &mut *self.out;
        let map = out.begin_map();
        let record = span.record;
        match &record.service {
            None => out.raw(spans.common.repeated.service.as_bytes()),
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
        out.u64(spans.segment.trace_id.low());
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
        self.tags.clear();
        spans.tags(self, span, spans.is_of_tracer(span), is_head);
        let V04 { out, tags } = self;
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
            extras(out, &mut fields, span, spans.common.native_events);
        }
        out.end_map(map, fields.0);
    }

    fn set_count(&mut self, array: usize, spans: usize) {
        self.out.set_count(array, spans);
    }

    #[inline]
    fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), ..Mark::default() }
    }

    fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.bytes);
    }
}

/// The fields that few spans have.
#[cold]
fn extras(out: &mut Buffer, fields: &mut Fields, span: &SpanView<'_>, native_events: bool) {
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
    if !events.is_empty() && native_events {
        fields.key(out, b"\xabspan_events");
        events::native(out, events);
    }
}

impl TagWriter for V04<'_> {
    fn has_events(&self, agent_takes_them: bool) -> bool {
        agent_takes_them
    }

    #[inline(always)]
    fn text_entry(&mut self, entry: &[u8]) {
        self.tags.text_entry(self.out, entry);
    }

    #[inline(always)]
    fn number_entry(&mut self, entry: &[u8]) {
        self.tags.number_entry(entry);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.tags.text(self.out, key, value);
    }

    fn number(&mut self, key: &str, value: f64) {
        self.tags.number(key, value);
    }

    fn taken(&self) -> Digests {
        self.tags.taken
    }

    #[inline]
    fn is_taken(&self, digest: u32, key: &[u8]) -> bool {
        self.tags.is_taken(self.out, digest, key)
    }

    #[inline(always)]
    fn own_text(&mut self, key: &[u8], value: &[u8]) {
        self.tags.add_text(self.out, key, value);
    }

    #[inline(always)]
    fn own_integer(&mut self, key: &[u8], value: i64) {
        self.tags.add_number(key).integral(value);
    }

    #[inline(always)]
    fn own_float(&mut self, key: &[u8], value: f64) {
        self.tags.add_number(key).number(value);
    }

    fn kind(&mut self, kind: SpanKind) {
        self.own_text(b"span.kind", kind.as_str().as_bytes());
    }

    #[inline(always)]
    fn repeated(&mut self, tags: &Tags, _: bool) {
        self.tags.add_texts(self.out, tags.len(), tags.bytes.as_bytes());
    }

    fn one_repeated(&mut self, key: &Text, value: &Text) {
        self.own_text(key.as_bytes(), value.as_bytes());
    }
}
