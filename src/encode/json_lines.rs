//! JSON lines: `{"traces":[[span, ...], ...]}`, a line for each payload (Datadog tracer specification, "log exporter").
//!
//! Spans are as in v0.4, but for the ids, which are 16 lower-case hexadecimal digits, and for what JSON has no form for:
//! metrics that are not finite are left out, and structured tags are their MessagePack as text in base64.

use super::chunk_writer::{ChunkWriter, Mark, SpanWriter};
use super::entries::{Number, TagEntries};
use super::frame::CHUNK_END;
use super::json;
use super::links;
use super::msgpack::Buffer;
use crate::propagation::hex;
use crate::trace::SpanView;

/// The longest line, which a log of AWS Lambda takes whole: 256 KiB.
pub(crate) const MAX_LINE_BYTES: usize = 256 * 1024;

/// Memory for writing spans.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    tags: TagEntries,
    span: Vec<u8>,
}

/// Writes spans as JSON.
pub(super) struct JsonLines<'a> {
    pub(super) out: &'a mut Buffer,
    pub(super) scratch: &'a mut Scratch,
    /// How many bytes a line has around its chunks.
    pub(super) around: usize,
}

impl ChunkWriter for JsonLines<'_> {
    /// With a comma also before the first chunk, which is left out when the line is put together.
    fn begin_chunk(&mut self, _: &SpanWriter<'_>, _: &SpanView<'_>, _: usize) -> usize {
        self.out.raw(b",[");
        self.out.len()
    }

    fn span(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        let Scratch { tags, span: text } = &mut *self.scratch;
        tags.take(spans, span, is_head);
        text.clear();
        if self.out.as_bytes().last() != Some(&b'[') {
            text.push(b',');
        }
        write(text, tags, spans, span);
        self.out.raw(text);
    }

    fn set_count(&mut self, _: usize, _: usize) {}

    fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), other_bytes: self.around + CHUNK_END.len(), strings: 0 }
    }

    fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.bytes);
    }
}

fn write(out: &mut Vec<u8>, tags: &TagEntries, spans: &SpanWriter<'_>, span: &SpanView<'_>) {
    let record = span.record;
    out.push(b'{');
    for (name, id) in [
        ("trace_id", spans.segment.trace_id.low()),
        ("span_id", record.id.map_or(0, |id| id.get())),
        ("parent_id", record.parent.map_or(0, |id| id.get())),
    ] {
        json::name(out, name);
        out.push(b'"');
        out.extend_from_slice(&hex(id));
        out.push(b'"');
    }
    // Names that a function derives from tags have been fixed when the chunk was settled.
    let name = &*record.name;
    let resource = record.resource.as_deref().filter(|resource| !resource.is_empty());
    let span_type = record.span_type.as_deref().filter(|text| !text.is_empty());
    for (field, value) in [
        ("service", Some(span.service())),
        ("name", Some(name)),
        ("resource", Some(resource.unwrap_or(name))),
        ("type", span_type),
    ] {
        if let Some(value) = value {
            json::name(out, field);
            json::text(out, value);
        }
    }
    json::name(out, "error");
    json::plain(out, u8::from(record.error));
    json::name(out, "start");
    json::plain(out, span.start_ns());
    json::name(out, "duration");
    json::plain(out, span.duration_ns().unwrap_or_default());
    json::name(out, "meta");
    json::object(out, |out| {
        for (key, value) in tags.texts() {
            json::key(out, key);
            json::text(out, value);
        }
        if !span.links().is_empty() {
            json::name(out, "_dd.span_links");
            json::text(out, &links::json(span.links()));
        }
    });
    json::name(out, "metrics");
    json::object(out, |out| {
        for (key, value) in tags.numbers().filter(|(_, value)| value.as_f64().is_finite()) {
            json::key(out, key);
            match value {
                Number::Whole(whole) => json::plain(out, whole),
                Number::Float(float) => json::float(out, float),
            }
        }
    });
    if !span.structs().is_empty() {
        json::name(out, "meta_struct");
        json::object(out, |out| {
            for (key, document) in span.structs() {
                json::key(out, key);
                json::base64(out, document);
            }
        });
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::encode::{Added, Encoder, Format, Memory, Payload, Process, Sealed, SourceCode};
    use crate::id::{SpanId, TraceId};
    use crate::sampling::SpanSampler;
    use crate::trace::testkit::Bench;
    use crate::trace::{Chunk, SpanContext, SpanEvent, SpanLink};

    fn encoder(max_bytes: usize) -> Encoder {
        let process = Process::new("uuid", 7, None, SourceCode::default());
        Encoder::new(process, Arc::new(SpanSampler::new([])), max_bytes)
    }

    fn chunks(traces: usize) -> Vec<Chunk> {
        let bench = Bench::new();
        for _ in 0..traces {
            let root = bench.span("root").start();
            bench.span("child").child_of(&root).start().finish();
            bench.span("child").child_of(&root).start().finish();
        }
        let mut chunks = bench.take_chunks();
        chunks.iter_mut().for_each(Chunk::settle);
        chunks
    }

    fn parsed(line: &Sealed) -> Value {
        let body = line.body();
        assert!(body.len() <= line.len());
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!((text.lines().count(), text.ends_with('\n')), (1, true), "{text}");
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn a_line_has_the_spans_of_its_traces() {
        let bench = Bench::new();
        let upstream = SpanContext::new(TraceId::from_halves(9, 0xab).unwrap(), SpanId::new(5));
        let span = bench.span("op").child_of(upstream).resource("a \"b\"\n").span_type("web");
        let span = span.tag("text", "x").tag("n", 1.5).tag("no", f64::NAN).start();
        span.set_error_message("boom");
        span.set_struct_bytes("doc", vec![0x80]);
        span.add_link(SpanLink::new(TraceId::new(3).unwrap(), SpanId::new(4).unwrap()));
        span.add_event(SpanEvent::new("e"));
        drop(span);
        let mut chunk = bench.take_chunks().remove(0);
        chunk.settle();
        let mut payload = Payload::new(Format::JsonLines, Memory::default());
        assert_eq!(encoder(1 << 20).add(&mut payload, &chunk, 0), Added::UpTo(1));
        let line = parsed(&payload.seal());
        let span = &line["traces"][0][0];
        for (field, expected) in [
            ("trace_id", json!("00000000000000ab")),
            ("parent_id", json!("0000000000000005")),
            ("service", json!("web")),
            ("name", json!("op")),
            ("resource", json!("a \"b\"\n")),
            ("type", json!("web")),
            ("error", json!(1)),
            ("meta_struct", json!({"doc": "gA=="})),
        ] {
            assert_eq!(span[field], expected, "{field}");
        }
        assert_eq!(span["span_id"].as_str().unwrap().len(), 16);
        assert!(span["start"].is_i64() && span["duration"].is_u64());
        assert_eq!(span["meta"]["text"], "x");
        assert_eq!(span["meta"]["_dd.p.tid"], "0000000000000009");
        assert_eq!(span["metrics"]["n"], 1.5);
        assert_eq!(span["metrics"].get("no"), None, "JSON has no NaN");
        for tag in ["_dd.span_links", "events"] {
            let list: Value = serde_json::from_str(span["meta"][tag].as_str().unwrap()).unwrap();
            assert_eq!(list.as_array().unwrap().len(), 1, "{tag}");
        }
    }

    #[test]
    fn lines_are_divided_and_put_together_between_traces() {
        let (mut encoder, mut payload) =
            (encoder(1 << 20), Payload::new(Format::JsonLines, Memory::default()));
        for chunk in chunks(3) {
            assert_eq!(encoder.add(&mut payload, &chunk, 0), Added::UpTo(3));
        }
        let mut rest = payload.seal();
        let spans = |line: &Sealed| -> Vec<usize> {
            let line = parsed(line);
            let traces = line["traces"].as_array().unwrap().iter();
            traces.map(|trace| trace.as_array().unwrap().len()).collect()
        };
        assert_eq!(spans(&rest), [3, 3, 3]);
        let front = rest.split_front(0).unwrap();
        assert_eq!((spans(&front), spans(&rest)), (vec![3], vec![3, 3]));
        let both: Vec<u8> = Sealed::together([&rest, &front].into_iter()).concat();
        let both: Value = serde_json::from_slice(&both).unwrap();
        assert_eq!(both["traces"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_trace_that_no_line_holds_goes_in_parts() {
        let chunk = chunks(1).remove(0);
        let (mut encoder, mut from, mut spans) = (encoder(900), 0, 0);
        while from < 3 {
            let mut payload = Payload::new(Format::JsonLines, Memory::default());
            let Added::UpTo(next) = encoder.add(&mut payload, &chunk, from) else { panic!() };
            from = next;
            let line = payload.seal();
            assert!(line.body().len() <= 900);
            spans += parsed(&line)["traces"][0].as_array().unwrap().len();
        }
        assert_eq!(spans, 3);
        let mut payload = Payload::new(Format::JsonLines, Memory::default());
        encoder.bound(100);
        assert!(matches!(encoder.add(&mut payload, &chunk, 0), Added::TooLarge(_)));
    }
}
