//! A payload being written, and one that is complete.

use hyper::body::Bytes;
use rmp::Marker;

use super::msgpack::Buffer;

/// An array header of 32 bits: the count is known when the payload is complete.
pub(super) const HEADER: [u8; 5] = [Marker::Array32.to_u8(), 0, 0, 0, 0];

/// A chunk within a payload.
#[derive(Clone, Copy, Debug)]
struct Part {
    end: usize,
    spans: usize,
}

/// Chunks that are being written one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(super) buffer: Buffer,
    parts: Vec<Part>,
}

impl Payload {
    /// Writes into memory that has served before.
    pub(crate) fn reusing(memory: Vec<u8>) -> Self {
        Payload { buffer: Buffer::reusing(memory), parts: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Bytes that have been written.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn span_count(&self) -> u64 {
        spans(&self.parts)
    }

    /// What has been written since the last chunk is a chunk.
    pub(super) fn end_chunk(&mut self, spans: usize) {
        self.parts.push(Part { end: self.buffer.len(), spans });
    }

    /// No more chunks.
    pub(crate) fn seal(self) -> Sealed {
        let mut body = self.buffer.into_vec();
        write_count(&mut body, self.parts.len());
        Sealed { body: body.into(), parts: self.parts }
    }
}

/// A complete payload: the body of a request.
#[derive(Debug)]
pub(crate) struct Sealed {
    body: Bytes,
    parts: Vec<Part>,
}

impl Sealed {
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.parts.len()
    }

    pub(crate) fn span_count(&self) -> u64 {
        spans(&self.parts)
    }

    /// One body with the chunks of several payloads, in parts; sharing them costs nothing.
    pub(crate) fn together(payloads: &[Sealed]) -> Vec<Bytes> {
        if let [one] = payloads {
            return vec![one.body.clone()];
        }
        let mut header = HEADER;
        write_count(&mut header, payloads.iter().map(Sealed::chunk_count).sum());
        let chunks = |payload: &Sealed| payload.body.slice(HEADER.len().min(payload.body.len())..);
        std::iter::once(Bytes::copy_from_slice(&header))
            .chain(payloads.iter().map(chunks))
            .collect()
    }

    #[cfg(test)]
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Two payloads with half the chunks each, or the same again when there is one chunk only.
    pub(crate) fn split(self) -> Result<(Sealed, Sealed), Sealed> {
        let half = self.parts.len() / 2;
        let Some((first, second)) = self.parts.split_at_checked(half) else { return Err(self) };
        let Some(middle) = first.last().map(|part| part.end) else { return Err(self) };
        let part = |from: usize, to: usize, parts: &[Part]| {
            let mut body = HEADER.to_vec();
            body.extend_from_slice(self.body.get(from..to)?);
            write_count(&mut body, parts.len());
            let shift = from.saturating_sub(HEADER.len());
            let parts =
                parts.iter().map(|part| Part { end: part.end.saturating_sub(shift), ..*part });
            Some(Sealed { parts: parts.collect(), body: body.into() })
        };
        match (part(HEADER.len(), middle, first), part(middle, self.body.len(), second)) {
            (Some(first), Some(second)) => Ok((first, second)),
            _ => Err(self),
        }
    }

    /// The memory, for the next payload, if nobody else holds it.
    pub(crate) fn into_memory(self) -> Option<Vec<u8>> {
        self.body.try_into_mut().ok().map(Vec::from)
    }

    #[cfg(test)]
    pub(crate) fn of_size(bytes: usize) -> Self {
        Sealed { body: vec![0; bytes].into(), parts: vec![Part { end: bytes, spans: 1 }] }
    }
}

fn spans(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.spans as u64))
}

fn write_count(body: &mut [u8], chunks: usize) {
    let count = u32::try_from(chunks).unwrap_or(u32::MAX);
    if let Some(header) = body.split_first_mut().and_then(|(_, rest)| rest.first_chunk_mut()) {
        *header = count.to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(payload: &Sealed) -> Vec<String> {
        rmp_serde::from_slice(&payload.body()).unwrap()
    }

    #[test]
    fn the_parts_of_a_split_are_payloads_of_their_own() {
        let mut payload = Payload::default();
        payload.buffer.raw(&HEADER);
        for text in ["a", "bb", "ccc", "dddd", "eeeee"] {
            payload.buffer.str(text.as_bytes());
            payload.end_chunk(text.len());
        }
        let whole = payload.seal();
        assert_eq!(decoded(&whole), ["a", "bb", "ccc", "dddd", "eeeee"]);
        let (first, second) = whole.split().unwrap();
        assert_eq!((decoded(&first), first.span_count()), (vec!["a".into(), "bb".into()], 3));
        let (second, third) = second.split().unwrap();
        assert_eq!((decoded(&second), second.chunk_count()), (vec!["ccc".into()], 1));
        assert_eq!((decoded(&third), third.span_count()), (vec!["dddd".into(), "eeeee".into()], 9));
        assert!(second.split().is_err());
    }

    #[test]
    fn several_payloads_are_one_body() {
        let payload = |texts: &[&str]| {
            let mut payload = Payload::default();
            payload.buffer.raw(&HEADER);
            for text in texts {
                payload.buffer.str(text.as_bytes());
                payload.end_chunk(1);
            }
            payload.seal()
        };
        let payloads = [payload(&["a", "bb"]), payload(&["ccc"])];
        let body = Sealed::together(&payloads).concat();
        let texts: Vec<String> = rmp_serde::from_slice(&body).unwrap();
        assert_eq!(texts, ["a", "bb", "ccc"]);
        assert_eq!(Sealed::together(&payloads[1..]).concat(), payloads[1].body());
    }

    #[test]
    fn memory_comes_back_when_nobody_holds_it() {
        let body = Sealed::of_size(1000);
        let shared = body.body();
        assert!(body.into_memory().is_none());
        drop(shared);
        assert!(Sealed::of_size(1000).into_memory().unwrap().capacity() >= 1000);
    }
}
