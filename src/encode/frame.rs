//! What a payload has around its chunks.

use std::sync::Arc;

use hyper::body::Bytes;
use rmp::Marker;

use super::json_lines;
use super::otlp::Envelope;

/// The header of an array with a 32-bit count, which is filled in when the payload is complete.
pub(super) const HEADER: [u8; 5] = [Marker::Array32.to_u8(), 0, 0, 0, 0];

/// What a payload has around its chunks.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// The header of an array, which is written before the first chunk.
    Array,
    /// The messages of OTLP that the spans are in.
    Otlp(Arc<Envelope>),
    /// The object of a line.
    JsonLine,
}

impl Frame {
    /// How many bytes it takes of a body.
    pub(super) fn len(&self) -> usize {
        match self {
            Frame::Array => HEADER.len(),
            Frame::Otlp(envelope) => envelope.most_bytes(),
            Frame::JsonLine => json_lines::BEFORE.len() + json_lines::AFTER.len(),
        }
    }

    /// What is written before the first chunk.
    pub(super) fn header(&self) -> &'static [u8] {
        match self {
            Frame::Array => &HEADER,
            Frame::Otlp(_) | Frame::JsonLine => &[],
        }
    }

    /// What is written after each chunk.
    pub(super) fn chunk_end(&self) -> &'static [u8] {
        match self {
            Frame::Array | Frame::Otlp(_) => &[],
            Frame::JsonLine => json_lines::CHUNK_END,
        }
    }

    /// How many bytes before each chunk separate it from the one before, and are left out before the first one.
    pub(super) fn separator(&self) -> usize {
        match self {
            Frame::Array => 0,
            Frame::Otlp(envelope) => usize::from(envelope.is_json()),
            Frame::JsonLine => 1,
        }
    }

    /// The body with these chunks, of which there are so many, in parts.
    pub(super) fn enclose(&self, chunks: impl Iterator<Item = Bytes>, count: usize) -> Vec<Bytes> {
        let mut parts = vec![Bytes::new()];
        parts.extend(chunks);
        if let Some(first) = parts.get_mut(1) {
            *first = first.slice(self.separator().min(first.len())..);
        }
        let (before, after) = match self {
            Frame::Array => {
                let mut header = HEADER;
                write_count(&mut header, count);
                (Bytes::copy_from_slice(&header), Bytes::new())
            }
            Frame::Otlp(envelope) => {
                let spans = parts.iter().map(Bytes::len).sum();
                (envelope.before(spans).into(), Bytes::from_static(envelope.after()))
            }
            Frame::JsonLine => {
                (Bytes::from_static(json_lines::BEFORE), Bytes::from_static(json_lines::AFTER))
            }
        };
        if let Some(first) = parts.first_mut() {
            *first = before;
        }
        if !after.is_empty() {
            parts.push(after);
        }
        parts
    }

    /// Whether chunks of payloads with these two frames can be in one body.
    pub(super) fn goes_with(&self, other: &Frame) -> bool {
        match (self, other) {
            (Frame::Array, Frame::Array) | (Frame::JsonLine, Frame::JsonLine) => true,
            (Frame::Otlp(one), Frame::Otlp(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

/// Writes the count into the [`HEADER`] with which `body` begins.
pub(super) fn write_count(body: &mut [u8], elements: usize) {
    let count = u32::try_from(elements).unwrap_or(u32::MAX);
    if let Some(header) = body.split_first_mut().and_then(|(_, rest)| rest.first_chunk_mut()) {
        *header = count.to_be_bytes();
    }
}
