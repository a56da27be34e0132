//! A chunk of v0.4 in the making.

use super::Limits;
use crate::encode::msgpack::Buffer;
use crate::encode::payload::Payload;
use crate::sampling::HASH_RATE;

/// Entries of a map.
#[derive(Debug, Default)]
struct Entries {
    bytes: Buffer,
    count: usize,
}

impl Entries {
    fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// Begins an entry, whose value the caller writes.
    fn key(&mut self, key: &[u8]) -> &mut Buffer {
        self.count += 1;
        self.bytes.str(key);
        &mut self.bytes
    }
}

/// Tags of a span, or of a chunk.
#[derive(Debug, Default)]
struct Tags {
    meta: Entries,
    metrics: Entries,
}

impl Tags {
    fn clear(&mut self) {
        self.meta.clear();
        self.metrics.clear();
    }
}

/// Takes the spans of a chunk, one after the other, and writes them.
#[derive(Debug)]
pub(super) struct ChunkWriter<'p> {
    payload: &'p mut Payload,
    chunk_bytes: usize,
    /// The tags that a chunk has on its first span.
    head: Tags,
    /// Those that are on each span.
    every: Tags,
    /// Where the array of spans begins in the payload, and how many there are so far.
    start: usize,
    spans: usize,
    /// Whether the first span of the chunk is still to be written.
    is_first: bool,
    /// The span that is being read.
    fields: Entries,
    tags: Tags,
    structs: Entries,
}

impl<'p> ChunkWriter<'p> {
    pub(super) fn new(payload: &'p mut Payload, limits: Limits) -> Self {
        ChunkWriter {
            payload,
            chunk_bytes: limits.chunk_bytes,
            head: Tags::default(),
            every: Tags::default(),
            start: 0,
            spans: 0,
            is_first: true,
            fields: Entries::default(),
            tags: Tags::default(),
            structs: Entries::default(),
        }
    }

    /// Begins a chunk.
    pub(super) fn begin(&mut self) {
        self.head.clear();
        self.every.clear();
        self.is_first = true;
        self.begin_part();
    }

    fn begin_part(&mut self) {
        // The header is that of the most spans, because it is not known how many there will be.
        self.start = self.payload.buffer.begin_array(usize::MAX);
        self.spans = 0;
    }

    pub(super) fn end(&mut self) {
        self.payload.buffer.set_count(self.start, self.spans);
        self.payload.end_chunk(self.spans, 0);
    }

    // ===== what is once in a chunk =====

    pub(super) fn of_chunk(&mut self, key: &str, value: &[u8]) {
        self.head.meta.key(key.as_bytes()).str(value);
    }

    pub(super) fn priority(&mut self, key: &str, value: i64) {
        self.head.metrics.key(key.as_bytes()).int(value);
    }

    pub(super) fn of_every_span(&mut self, key: &str, value: &[u8]) {
        self.every.meta.key(key.as_bytes()).str(value);
    }

    // ===== a span =====

    /// Begins a field. The caller writes the value into the buffer that is returned.
    pub(super) fn field(&mut self, key: &str) -> &mut Buffer {
        self.fields.key(key.as_bytes())
    }

    /// A string tag.
    pub(super) fn text(&mut self, key: &[u8], value: &[u8]) {
        let tags = if self.is_first && is_of_chunk(key) { &mut self.head } else { &mut self.tags };
        tags.meta.key(key).str(value);
    }

    /// Begins a numeric tag, as [`ChunkWriter::field`].
    pub(super) fn number(&mut self, key: &[u8]) -> &mut Buffer {
        let tags = if self.is_first && is_of_chunk(key) { &mut self.head } else { &mut self.tags };
        tags.metrics.key(key)
    }

    pub(super) fn structured(&mut self, key: &[u8], document: &[u8]) {
        self.structs.key(key).bin(document);
    }

    /// Writes the span that was read.
    pub(super) fn end_span(&mut self) {
        let before = self.payload.buffer.len();
        self.write();
        if self.spans > 0 && self.payload.buffer.len() - self.start > self.chunk_bytes {
            self.payload.buffer.truncate(before);
            self.end();
            self.begin_part();
            self.write();
        }
        self.spans += 1;
        self.is_first = false;
        self.fields.clear();
        self.tags.clear();
        self.structs.clear();
    }

    fn write(&mut self) {
        let is_head = self.spans == 0;
        let ChunkWriter { payload, head, every, fields, tags, structs, .. } = self;
        let out = &mut payload.buffer;
        let all = || [&*tags, &*every].into_iter().chain(is_head.then_some(&*head));
        let metas = || all().map(|tags| &tags.meta);
        let metrics = || all().map(|tags| &tags.metrics);
        let map = out.begin_map();
        let mut count = fields.count;
        out.raw(fields.bytes.as_bytes());
        count += map_of(out, "meta", metas);
        count += map_of(out, "metrics", metrics);
        count += map_of(out, "meta_struct", || std::iter::once(&*structs));
        out.set_count(map, count);
    }
}

/// Writes a field with these entries, if there are any. Returns how many fields these are.
fn map_of<'a, I: Iterator<Item = &'a Entries>>(
    out: &mut Buffer,
    key: &str,
    parts: impl Fn() -> I,
) -> usize {
    let entries = parts().map(|part| part.count).sum();
    if entries == 0 {
        return 0;
    }
    out.str(key.as_bytes());
    out.map(entries);
    parts().for_each(|part| out.raw(part.bytes.as_bytes()));
    1
}

/// Whether a tag is on the first span of each chunk.
fn is_of_chunk(key: &[u8]) -> bool {
    let of_decision = key.starts_with(b"_dd.p.") && key != HASH_RATE.as_bytes();
    let others = ["language", "_dd.tags.process", "_dd.tracer_kr", crate::sampling::PRIORITY];
    of_decision
        || key.starts_with(b"_dd.git.")
        || others.iter().any(|other| other.as_bytes() == key)
}
