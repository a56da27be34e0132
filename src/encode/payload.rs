//! A payload while it is written, and when it is complete.

use hyper::body::Bytes;
use rmp::Marker;

use super::format::Format;
use super::frame::Frame;
use super::msgpack::Buffer;

/// The header of an array with a 32-bit count, which is filled in when the payload is complete.
pub(super) const HEADER: [u8; 5] = [Marker::Array32.to_u8(), 0, 0, 0, 0];
/// A chunk within a payload: where it ends, and how many spans it has.
#[derive(Clone, Copy, Debug)]
struct Part {
    end: usize,
    spans: usize,
}

/// A payload that is being written: one chunk behind the other.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(super) format: Format,
    /// For formats that have one; known when the first chunk is written.
    frame: Option<Frame>,
    pub(super) buffer: Buffer,
    /// The strings of v0.5, which come before the chunks.
    pub(super) strings: Buffer,
    string_count: usize,
    /// Where the number of chunks is in `buffer`.
    header: usize,
    parts: Vec<Part>,
}

impl Payload {
    /// A payload that is written into memory of an earlier one.
    pub(crate) fn new(format: Format, memory: Memory) -> Self {
        let (buffer, strings) = (Buffer::reusing(memory.chunks), Buffer::reusing(memory.strings));
        let (frame, parts) = (None, Vec::new());
        Payload { format, frame, buffer, strings, string_count: 0, header: 0, parts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many bytes have been written, with what will be around them.
    pub(crate) fn len(&self) -> usize {
        match self.buffer.len() + self.strings.len() {
            0 => 0,
            written => written + self.around(),
        }
    }

    /// How many bytes will be around its chunks.
    pub(super) fn around(&self) -> usize {
        self.frame.as_ref().map_or(0, Frame::len)
    }

    #[cfg(test)]
    pub(crate) fn span_count(&self) -> u64 {
        spans(&self.parts)
    }

    /// A payload of v0.4 to which chunks can be added that are written already.
    pub(super) fn of_v04() -> Self {
        let mut payload = Payload::new(Format::V04, Memory::default());
        payload.buffer.raw(&HEADER);
        payload
    }

    /// Frees memory that it does not use.
    pub(crate) fn shrink(&mut self) {
        self.buffer.shrink();
        self.strings.shrink();
    }

    /// Whether anything is written, if only what is before the first chunk.
    pub(super) fn has_begun(&self) -> bool {
        self.buffer.len() > 0
    }

    /// For formats in which nothing is written before the first chunk.
    pub(super) fn begin_in(&mut self, frame: Frame) {
        self.frame = Some(frame);
    }

    /// All is written that is before the number of chunks.
    pub(super) fn begin_chunks(&mut self) {
        self.header = self.buffer.len();
        self.buffer.raw(&HEADER);
    }

    /// Ends a chunk: all that was written since the end of the one before. The payload now has so many strings.
    pub(super) fn end_chunk(&mut self, spans: usize, strings: usize) {
        self.string_count = strings;
        self.buffer.raw(self.frame.as_ref().map_or(b"", Frame::chunk_end));
        self.parts.push(Part { end: self.buffer.len(), spans });
    }

    /// Completes the payload.
    pub(crate) fn seal(self) -> Sealed {
        let Payload { format, frame, mut buffer, mut strings, string_count, header, parts } = self;
        let mut start = 0;
        if frame.is_none() {
            buffer.set_count(header, parts.len());
            strings.set_count(1, string_count);
            start = header + HEADER.len();
        }
        let [body, strings] = [buffer, strings].map(|buffer| Bytes::from(buffer.into_vec()));
        Sealed { format, frame, body, strings, start, parts }
    }
}

/// A complete payload: the body of a request, or a part of one.
///
/// It can be divided between its chunks if the format allows it. The parts share the memory, so nothing is copied.
#[derive(Debug)]
pub(crate) struct Sealed {
    format: Format,
    frame: Option<Frame>,
    /// The payload as it was written, with its header. After a division, this has more than the chunks of this part.
    pub(super) body: Bytes,
    /// What is before it in a request.
    pub(super) strings: Bytes,
    /// Where in `body` the first chunk of this part begins.
    start: usize,
    /// The chunks of this part. Their ends are offsets in `body`.
    parts: Vec<Part>,
}

/// The memory of a payload.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    chunks: Vec<u8>,
    strings: Vec<u8>,
}

impl Memory {
    pub(crate) fn capacity(&self) -> usize {
        self.chunks.capacity() + self.strings.capacity()
    }
}

impl Sealed {
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The length of the body of a request with these chunks alone.
    pub(crate) fn len(&self) -> usize {
        match self.is_whole() {
            true => self.strings.len() + self.body.len(),
            false => self.end() - self.start + self.around(),
        }
    }

    /// How many bytes a body of some of its chunks has around them.
    fn around(&self) -> usize {
        self.frame.as_ref().map_or(HEADER.len(), Frame::len)
    }

    /// Whether one body can have the chunks of both.
    pub(crate) fn goes_with(&self, other: &Sealed) -> bool {
        let fit = match (&self.frame, &other.frame) {
            (Some(one), Some(two)) => one.goes_with(two),
            (None, None) => true,
            _ => false,
        };
        fit && self.format == other.format && self.format.is_divisible()
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

    /// Whether its memory is the body of a request.
    fn is_whole(&self) -> bool {
        let is_divided = self.start != HEADER.len() || self.end() != self.body.len();
        self.frame.is_none() && (!is_divided || !self.format.is_divisible())
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
                let parts = [&one.strings, &one.body].into_iter();
                return parts.filter(|part| !part.is_empty()).cloned().collect();
            }
        }
        if let Some(frame) = payloads.clone().next().and_then(|first| first.frame.as_ref()) {
            return frame.enclose(payloads.map(Sealed::chunks));
        }
        let mut header = HEADER;
        write_count(&mut header, payloads.clone().map(Sealed::chunk_count).sum());
        std::iter::once(Bytes::copy_from_slice(&header))
            .chain(payloads.map(Sealed::chunks))
            .collect()
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
        let most = max_bytes.saturating_sub(self.around()) + self.start;
        let chunks = self.parts.partition_point(|part| part.end <= most).max(1);
        if chunks >= self.parts.len() {
            return None;
        }
        let rest = self.parts.split_off(chunks);
        let parts = std::mem::replace(&mut self.parts, rest);
        let (format, frame, body) = (self.format, self.frame.clone(), self.body.clone());
        let front = Sealed { format, frame, body, strings: Bytes::new(), start: self.start, parts };
        self.start = front.end();
        Some(front)
    }

    /// The memory, for the next payload, unless another part shares it.
    pub(crate) fn into_memory(self) -> Option<Memory> {
        let [chunks, strings] =
            [self.body, self.strings].map(|part| part.try_into_mut().ok().map(Vec::from));
        Some(Memory { chunks: chunks?, strings: strings.unwrap_or_default() })
    }

    /// A payload of chunks with these sizes in bytes, of one span each.
    #[cfg(test)]
    pub(crate) fn of_sizes(chunks: impl IntoIterator<Item = usize>) -> Self {
        let mut payload = Payload::of_v04();
        for bytes in chunks {
            payload.buffer.raw(&vec![0; bytes]);
            payload.end_chunk(1, 0);
        }
        payload.seal()
    }

    /// A payload of one chunk whose body has so many bytes.
    #[cfg(test)]
    pub(crate) fn of_size(bytes: usize) -> Self {
        Self::of_sizes([bytes - HEADER.len()])
    }
}

fn spans(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.spans as u64).sum()
}

/// Writes the count into a [`HEADER`].
fn write_count(header: &mut [u8; 5], elements: usize) {
    let [_, count @ ..] = header;
    *count = u32::try_from(elements).unwrap_or(u32::MAX).to_be_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(payload: &Sealed) -> Vec<String> {
        rmp_serde::from_slice(&payload.body()).unwrap()
    }

    fn texts(texts: &[&str]) -> Sealed {
        let mut payload = Payload::of_v04();
        for text in texts {
            payload.buffer.str(text.as_bytes());
            payload.end_chunk(text.len(), 0);
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
