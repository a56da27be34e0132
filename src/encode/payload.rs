//! A payload while it is written, and when it is complete.

use hyper::body::Bytes;

use super::format::Format;
use super::frame::{Frame, write_count};
use super::msgpack::Buffer;

/// A chunk within a payload: where it ends, and how many spans it has.
#[derive(Clone, Copy, Debug)]
struct Part {
    end: usize,
    spans: usize,
}

/// A payload that is being written: one chunk behind the other.
#[derive(Debug)]
pub(crate) struct Payload {
    format: Format,
    /// Known when the first chunk is written.
    frame: Option<Frame>,
    pub(super) buffer: Buffer,
    parts: Vec<Part>,
}

impl Payload {
    /// A payload that is written into memory of an earlier one.
    pub(crate) fn new(format: Format, memory: Vec<u8>) -> Self {
        Payload { format, frame: None, buffer: Buffer::reusing(memory), parts: Vec::new() }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many bytes its body has so far, to within a few bytes.
    pub(crate) fn len(&self) -> usize {
        let around = self.frame.as_ref().map_or(0, |frame| frame.len() - frame.header().len());
        if self.is_empty() { 0 } else { self.buffer.len() + around }
    }

    #[cfg(test)]
    pub(crate) fn span_count(&self) -> u64 {
        spans(&self.parts)
    }

    /// Frees memory that it does not use.
    pub(crate) fn shrink(&mut self) {
        self.buffer.shrink();
    }

    /// Begins the first chunk, unless that was begun before. Returns how many bytes the payload has around its chunks.
    pub(super) fn begin(&mut self, frame: impl FnOnce() -> Frame) -> usize {
        let frame = self.frame.get_or_insert_with(|| {
            let frame = frame();
            self.buffer.raw(frame.header());
            frame
        });
        frame.len()
    }

    /// Ends a chunk: all that was written since the end of the one before.
    pub(super) fn end_chunk(&mut self, spans: usize) {
        self.buffer.raw(self.frame.as_ref().map_or(&[], Frame::chunk_end));
        self.parts.push(Part { end: self.buffer.len(), spans });
    }

    /// Completes the payload.
    pub(crate) fn seal(self) -> Sealed {
        let Payload { format, frame, buffer, parts } = self;
        let frame = frame.unwrap_or(Frame::Array);
        let mut body = buffer.into_vec();
        let start = frame.header().len();
        if let Frame::Array = frame {
            write_count(&mut body, parts.len());
        }
        Sealed { format, frame, body: body.into(), start, parts }
    }
}

/// A complete payload: the body of a request, or a part of one.
///
/// It can be divided between its chunks. The parts share the memory, so nothing is copied.
#[derive(Debug)]
pub(crate) struct Sealed {
    format: Format,
    frame: Frame,
    /// The payload as it was written, with its header. After a division, this has more than the chunks of this part.
    body: Bytes,
    /// Where in `body` the first chunk of this part begins.
    start: usize,
    /// The chunks of this part. Their ends are offsets in `body`.
    parts: Vec<Part>,
}

impl Sealed {
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The length of the body of a request with these chunks alone.
    pub(crate) fn len(&self) -> usize {
        self.end() - self.start + self.frame.len()
    }

    fn end(&self) -> usize {
        self.parts.last().map_or(self.start, |part| part.end)
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.parts.len()
    }

    pub(crate) fn span_count(&self) -> u64 {
        spans(&self.parts)
    }

    /// Whether the memory is the body.
    fn is_whole(&self) -> bool {
        self.frame.len() == self.frame.header().len()
            && self.start == self.frame.header().len()
            && self.end() == self.body.len()
    }

    /// Whether one body can have the chunks of both.
    pub(crate) fn goes_with(&self, other: &Sealed) -> bool {
        self.format == other.format
            && self.format.is_divisible()
            && self.frame.goes_with(&other.frame)
    }

    fn chunks(&self) -> Bytes {
        self.body.slice(self.start..self.end())
    }

    /// One body with the chunks of several payloads of one format, which [is divisible](Format::is_divisible) if they
    /// are more than one. It is in parts that share the memory of the payloads.
    pub(crate) fn together<'a>(payloads: impl Iterator<Item = &'a Sealed> + Clone) -> Vec<Bytes> {
        let mut rest = payloads.clone();
        if let (Some(one), None) = (rest.next(), rest.next()) {
            if one.is_whole() {
                return vec![one.body.clone()];
            }
        }
        let Some(one) = payloads.clone().next() else { return Vec::new() };
        let count = payloads.clone().map(Sealed::chunk_count).sum();
        one.frame.enclose(payloads.map(Sealed::chunks), count)
    }

    #[cfg(test)]
    pub(crate) fn body(&self) -> Bytes {
        Sealed::together(std::iter::once(self)).concat().into()
    }

    /// Splits off the first chunks: as many as fit into a body of `max_bytes`, and at least one. `None` if that is all
    /// of them, or if the format cannot be divided.
    pub(crate) fn split_front(&mut self, max_bytes: usize) -> Option<Sealed> {
        if !self.format.is_divisible() {
            return None;
        }
        let most = max_bytes.saturating_sub(self.frame.len()) + self.start;
        let chunks = self.parts.partition_point(|part| part.end <= most).max(1);
        if chunks >= self.parts.len() {
            return None;
        }
        let rest = self.parts.split_off(chunks);
        let parts = std::mem::replace(&mut self.parts, rest);
        let (format, frame, body) = (self.format, self.frame.clone(), self.body.clone());
        let front = Sealed { format, frame, body, start: self.start, parts };
        self.start = front.end();
        Some(front)
    }

    /// The memory, for the next payload, unless another part shares it.
    pub(crate) fn into_memory(self) -> Option<Vec<u8>> {
        self.body.try_into_mut().ok().map(Vec::from)
    }

    /// A payload of chunks with these sizes in bytes, of one span each.
    #[cfg(test)]
    pub(crate) fn of_sizes(chunks: impl IntoIterator<Item = usize>) -> Self {
        let mut payload = Payload::new(Format::V04, Vec::new());
        payload.begin(|| Frame::Array);
        for bytes in chunks {
            payload.buffer.raw(&vec![0; bytes]);
            payload.end_chunk(1);
        }
        payload.seal()
    }

    /// A payload of one chunk whose body has so many bytes.
    #[cfg(test)]
    pub(crate) fn of_size(bytes: usize) -> Self {
        Self::of_sizes([bytes - Frame::Array.len()])
    }
}

fn spans(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.spans as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::super::frame::HEADER;
    use super::*;

    fn decoded(payload: &Sealed) -> Vec<String> {
        rmp_serde::from_slice(&payload.body()).unwrap()
    }

    fn texts(texts: &[&str]) -> Sealed {
        let mut payload = Payload::new(Format::V04, Vec::new());
        payload.begin(|| Frame::Array);
        for text in texts {
            payload.buffer.str(text.as_bytes());
            payload.end_chunk(text.len());
        }
        payload.seal()
    }

    #[test]
    fn the_parts_of_a_split_are_payloads_of_their_own() {
        let mut whole = texts(&["a", "bb", "ccc", "dddd", "eeeee"]);
        assert_eq!(decoded(&whole), ["a", "bb", "ccc", "dddd", "eeeee"]);
        let bytes = whole.len();
        let first = whole.split_front(HEADER.len() + 5).unwrap();
        assert_eq!((decoded(&first), first.span_count()), (vec!["a".into(), "bb".into()], 3));
        assert_eq!(first.len() + whole.len(), bytes + HEADER.len());
        let mut second = whole.split_front(0).unwrap();
        assert_eq!((decoded(&second), second.chunk_count()), (vec!["ccc".into()], 1));
        assert_eq!((decoded(&whole), whole.span_count()), (vec!["dddd".into(), "eeeee".into()], 9));
        assert_eq!(second.body().len(), second.len());
        assert!(second.split_front(0).is_none());
        assert_eq!(decoded(&second), ["ccc"]);
    }

    #[test]
    fn as_many_chunks_are_split_off_as_fit() {
        for (max_bytes, expected) in [(0, 1), (12, 1), (13, 2), (16, 2), (17, 3), (20, 3)] {
            let mut whole = texts(&["aaa", "bbb", "ccc", "ddd"]);
            let front = whole.split_front(max_bytes).unwrap();
            assert_eq!(front.chunk_count(), expected, "{max_bytes}");
            assert_eq!(decoded(&front).len() + decoded(&whole).len(), 4);
        }
        let mut whole = texts(&["aaa", "bbb"]);
        assert!(whole.split_front(13).is_none());
        assert_eq!(decoded(&whole).len(), 2);
    }

    #[test]
    fn several_payloads_are_one_body() {
        let mut payloads = [texts(&["a", "bb"]), texts(&["ccc", "d"])];
        let front = payloads[1].split_front(0).unwrap();
        let together = |payloads: &[Sealed]| -> Vec<String> {
            rmp_serde::from_slice(&Sealed::together(payloads.iter()).concat()).unwrap()
        };
        assert_eq!(together(&payloads), ["a", "bb", "d"]);
        assert_eq!(together(&[front]), ["ccc"]);
        let whole = Sealed::together(payloads[..1].iter());
        assert_eq!((whole.len(), together(&payloads[..1])), (1, vec!["a".into(), "bb".into()]));
    }

    #[test]
    fn memory_comes_back_when_nobody_holds_it() {
        let body = Sealed::of_size(1000);
        let shared = body.chunks();
        assert!(body.into_memory().is_none());
        drop(shared);
        assert!(Sealed::of_size(1000).into_memory().unwrap().capacity() >= 1000);
    }
}
