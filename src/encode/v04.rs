//! The payload format v0.4: an array of chunks, each an array of spans, each a map.
//!
//! The names and types of the fields are those of the agent's `pkg/proto/datadog/trace/span.proto`. Keys are
//! constants behind their header: `\xa4name` is the text `name`, of four bytes. Defaults are not written: a `parent_id`
//! or `error` of zero, an empty `type`, empty maps. Whole numbers in `metrics` are written as integers.

use super::encoder::{ChunkWriter, Mark, SpanWriter};
use super::msgpack::Buffer;
use super::tag_maps::TagMaps;
use super::{events, links};
use crate::trace::SpanView;

/// Writes spans as v0.4.
pub(super) struct V04<'a> {
    pub(super) out: &'a mut Buffer,
    pub(super) tags: &'a mut TagMaps,
}

impl ChunkWriter for V04<'_> {
    fn begin_chunk(&mut self, _: &SpanWriter<'_>, _: &SpanView<'_>, spans: usize) -> usize {
        let start = self.out.len();
        self.out.array(spans);
        start
    }

    fn span(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        spans.span(self.out, self.tags, span, is_head);
    }

    fn set_count(&mut self, array: usize, said: usize, spans: usize) {
        self.out.shrink_array(array, said, spans);
    }

    fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), elsewhere: 0 }
    }

    fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.bytes);
    }
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
    pub(super) fn span(
        &self,
        out: &mut Buffer,
        tags: &mut TagMaps,
        span: &SpanView<'_>,
        is_head: bool,
    ) {
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
