//! What is put around the chunks of a payload when it is sent, in formats where that is not written before them.

use std::sync::Arc;

use hyper::body::Bytes;

use super::otlp::Envelope;

/// What is before the chunks of a line of JSON, and after them.
const BEFORE: &[u8] = b"{\"traces\":[";
const AFTER: &[u8] = b"]}\n";
/// What ends a chunk there.
pub(super) const CHUNK_END: &[u8] = b"]";

/// What is put around chunks when they are sent.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// The messages of OTLP that the spans are in.
    Otlp(Arc<Envelope>),
    /// The object of a line.
    JsonLine,
}

impl Frame {
    /// How many bytes it adds to a body, at the most.
    pub(super) fn len(&self) -> usize {
        match self {
            Frame::Otlp(envelope) => envelope.most_bytes(),
            Frame::JsonLine => BEFORE.len() + AFTER.len(),
        }
    }

    /// What is written after each chunk.
    pub(super) fn chunk_end(&self) -> &'static [u8] {
        match self {
            Frame::Otlp(_) => b"",
            Frame::JsonLine => CHUNK_END,
        }
    }

    /// How many bytes before each chunk separate it from the one before, and are left out before the first one.
    fn separator(&self) -> usize {
        match self {
            Frame::Otlp(envelope) => usize::from(envelope.is_json()),
            Frame::JsonLine => 1,
        }
    }

    /// The body with these chunks, in parts.
    pub(super) fn enclose(&self, chunks: impl Iterator<Item = Bytes>) -> Vec<Bytes> {
        let mut chunks: Vec<Bytes> = chunks.collect();
        if let Some(first) = chunks.first_mut() {
            *first = first.slice(self.separator().min(first.len())..);
        }
        let (before, after): (Bytes, &'static [u8]) = match self {
            Frame::Otlp(envelope) => {
                let spans = chunks.iter().map(Bytes::len).sum();
                (envelope.before(spans).into(), envelope.after())
            }
            Frame::JsonLine => (Bytes::from_static(BEFORE), AFTER),
        };
        chunks.insert(0, before);
        chunks.push(Bytes::from_static(after));
        chunks
    }

    /// Whether chunks of payloads with these two can be in one body.
    pub(super) fn goes_with(&self, other: &Frame) -> bool {
        match (self, other) {
            (Frame::JsonLine, Frame::JsonLine) => true,
            (Frame::Otlp(one), Frame::Otlp(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}
