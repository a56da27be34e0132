//! The spans of chunks, one behind the other: a request of OTLP knows no chunks.

use std::sync::{Arc, Weak};

use super::json::Json;
use super::protobuf::Protobuf;
use super::request::Envelope;
use super::span::Spans;
use crate::config::OtlpProtocol;
use crate::encode::chunk_writer::{ChunkWriter, Mark, SpanWriter};
use crate::encode::msgpack::Buffer;
use crate::encode::process::Process;
use crate::trace::{Segment, Shared, SpanView};

/// Memory for writing spans, and what requests have around them.
#[derive(Debug, Default)]
pub(in crate::encode) struct Scratch {
    pub(in crate::encode) spans: Spans,
    json: Json,
    protobuf: Protobuf,
    /// The last envelope, and the tracer that it is of. Weak, so that this does not keep the tracer alive; its address
    /// is not used for another tracer meanwhile.
    envelope: Option<(Weak<Shared>, Arc<Envelope>)>,
}

impl Scratch {
    /// What requests with this trace have around the spans.
    pub(in crate::encode) fn envelope(
        &mut self,
        protocol: OtlpProtocol,
        segment: &Segment,
        process: &Process,
    ) -> Arc<Envelope> {
        let tracer = segment.shared.get().map(Arc::downgrade).unwrap_or_default();
        if let Some((of, envelope)) = &self.envelope {
            if of.ptr_eq(&tracer) && envelope.protocol() == protocol {
                return Arc::clone(envelope);
            }
        }
        let envelope = Arc::new(Envelope::new(protocol, &segment.shared, process));
        self.envelope = Some((tracer, Arc::clone(&envelope)));
        envelope
    }
}

/// Writes spans as OTLP.
pub(in crate::encode) struct Otlp<'a> {
    pub(in crate::encode) protocol: OtlpProtocol,
    pub(in crate::encode) out: &'a mut Buffer,
    pub(in crate::encode) scratch: &'a mut Scratch,
    /// How many bytes a request has around its spans.
    pub(in crate::encode) around: usize,
}

impl ChunkWriter for Otlp<'_> {
    fn begin_chunk(&mut self, _: &SpanWriter<'_>, _: &SpanView<'_>, _: usize) -> usize {
        self.out.len()
    }

    fn span(&mut self, writer: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        let Scratch { spans, json, protobuf, .. } = &mut *self.scratch;
        match self.protocol {
            OtlpProtocol::HttpJson => {
                json.0.clear();
                spans.write(json, writer, span, is_head);
                // Also before the first span of a request, where it is left out when that is put together.
                self.out.raw(b",");
                self.out.raw(&json.0);
            }
            OtlpProtocol::HttpProtobuf | OtlpProtocol::Grpc => {
                protobuf.0.clear();
                spans.write(protobuf, writer, span, is_head);
                self.out.raw(&protobuf.0);
            }
        }
    }

    fn set_count(&mut self, _: usize, _: usize) {}

    fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), other_bytes: self.around, strings: 0 }
    }

    fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.bytes);
    }
}
