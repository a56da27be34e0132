//! The payload format v0.5: all strings once, and chunks, which are arrays of spans, which are arrays of numbers.
//!
//! The order of the fields is that of the agent's `pkg/trace/api` decoder. There is no field for links and events, which
//! become tags of JSON, and none for structured tags: whoever picks the format has to see that there are none.

use std::borrow::Cow;

use rmp::Marker;

use super::chunk_writer::{ChunkWriter, Mark, SpanWriter};
use super::dictionary::Dictionary;
use super::msgpack::{Buffer, cut, split_key, text_pair};
use super::payload::HEADER;
use super::repeated::Tags;
use super::strings::Vacancy;
use super::tag_writer::TagWriter;
use crate::text::Text;
use crate::trace::{Digests, SpanKind, SpanView, digest};

/// Writes spans as v0.5.
pub(super) struct V05<'a> {
    pub(super) out: &'a mut Buffer,
    /// The strings, in the order of their numbers.
    pub(super) strings: &'a mut Buffer,
    pub(super) dictionary: &'a mut Dictionary,
    /// String tags and numeric tags of the span so far.
    texts: usize,
    numbers: usize,
}

/// The header of a span, an array of twelve.
const SPAN: u8 = Marker::FixArray(12).to_u8();

/// An array of two: the strings and the chunks.
const PAIR: u8 = Marker::FixArray(2).to_u8();

/// Begins a payload.
pub(super) fn begin_payload(strings: &mut Buffer, dictionary: &mut Dictionary) {
    dictionary.clear();
    strings.raw(&[PAIR]);
    strings.raw(&HEADER);
    strings.str(b"");
}

impl<'a> V05<'a> {
    pub(super) fn new(
        out: &'a mut Buffer,
        strings: &'a mut Buffer,
        dictionary: &'a mut Dictionary,
    ) -> Self {
        V05 { out, strings, dictionary, texts: 0, numbers: 0 }
    }

    /// The number of a string.
    #[inline(always)]
    fn index_of(&mut self, text: &[u8]) -> u32 {
        match self.dictionary.strings.literal(text) {
            Some(number) => number,
            None => self.search(text),
        }
    }

    #[inline(never)]
    fn search(&mut self, text: &[u8]) -> u32 {
        let number = self.find(text);
        self.dictionary.strings.note(text, number);
        number
    }

    /// As [`V05::index_of`], for what is seldom a literal.
    #[inline(always)]
    fn find(&mut self, text: &[u8]) -> u32 {
        match self.dictionary.strings.find(text, self.strings.as_bytes()) {
            Ok(number) => number,
            Err(vacancy) => self.add(text, vacancy),
        }
    }

    #[inline(never)]
    fn add(&mut self, text: &[u8], vacancy: Vacancy) -> u32 {
        let text = &*match cut(text) {
            Cow::Borrowed(whole) => Cow::Borrowed(whole),
            // What is left of it may be known, and belongs elsewhere.
            Cow::Owned(short) => return self.search(&short),
        };
        self.strings.str(text);
        self.dictionary.strings.add(text, vacancy, self.strings.len() - text.len())
    }

    #[inline(always)]
    fn pair(&mut self, key: &[u8], value: &[u8]) {
        self.texts += 1;
        let (key, value) = (self.index_of(key), self.find(value));
        self.out.small_pair(key, value);
    }

    /// Begins a numeric tag. The caller writes the value into the buffer that is returned.
    #[inline(always)]
    fn numeric(&mut self, key: &[u8]) -> &mut Buffer {
        self.numbers += 1;
        let key = self.index_of(key);
        self.dictionary.numbers.small(key);
        &mut self.dictionary.numbers
    }

    fn take(&mut self, key: &[u8]) {
        self.dictionary.taken.add(digest(key), key);
    }

    #[inline(always)]
    fn service(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>) -> u32 {
        match &span.record.service {
            Some(service) => self.index_of(service.as_bytes()),
            None if self.dictionary.service > 0 => self.dictionary.service,
            None => {
                let number = self.index_of(spans.segment.shared.span_service.as_bytes());
                self.dictionary.service = number;
                number
            }
        }
    }
}

impl ChunkWriter for V05<'_> {
    fn begin_chunk(&mut self, _: &SpanWriter<'_>, _: &SpanView<'_>, spans: usize) -> usize {
        self.out.begin_array(spans)
    }

    fn span(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        let record = span.record;
        let service = self.service(spans, span);
        let name = self.index_of(record.name.as_bytes());
        let resource = match record.resource.as_ref().filter(|resource| !resource.is_empty()) {
            Some(resource) => self.index_of(resource.as_bytes()),
            None => name,
        };
        self.out.key_small(SPAN, service);
        self.out.small_pair(name, resource);
        self.out.u64(spans.segment.trace_id.low());
        self.out.u64(record.id.map_or(0, |id| id.get()));
        match record.parent {
            Some(parent) => self.out.u64(parent.get()),
            None => self.out.small(0),
        }
        self.out.i64(span.start_ns());
        self.out.uint(span.duration_ns().unwrap_or_default());
        self.out.small(record.error.into());
        let meta = self.out.begin_map();
        self.dictionary.taken.clear();
        self.dictionary.numbers.clear();
        (self.texts, self.numbers) = (0, 0);
        spans.tags(self, span, spans.is_of_tracer(span), is_head);
        self.out.end_map(meta, self.texts);
        self.out.map(self.numbers);
        self.out.raw(self.dictionary.numbers.as_bytes());
        let span_type = record.span_type.as_ref().map_or(0, |text| self.index_of(text.as_bytes()));
        self.out.small(span_type);
    }

    fn set_count(&mut self, array: usize, spans: usize) {
        self.out.set_count(array, spans);
    }

    #[inline]
    fn mark(&self) -> Mark {
        let strings = self.dictionary.strings.len();
        Mark { bytes: self.out.len(), other_bytes: self.strings.len(), strings }
    }

    fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.bytes);
        self.strings.truncate(mark.other_bytes);
        self.dictionary.truncate(mark.strings);
    }
}

impl TagWriter for V05<'_> {
    const HAS_LINKS: bool = false;

    fn has_events(&self, _: bool) -> bool {
        false
    }

    fn text_entry(&mut self, entry: &[u8]) {
        let (key, value) = text_pair(entry);
        self.take(key);
        self.pair(key, value);
    }

    fn number_entry(&mut self, entry: &[u8]) {
        let (key, value) = split_key(entry);
        self.take(key);
        self.numeric(key).raw(value);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.take(key.as_bytes());
        self.pair(key.as_bytes(), value.as_bytes());
    }

    fn number(&mut self, key: &str, value: f64) {
        self.take(key.as_bytes());
        self.numeric(key.as_bytes()).number(value);
    }

    #[inline]
    fn taken(&self) -> Digests {
        self.dictionary.taken.digests
    }

    #[inline]
    fn is_taken(&self, digest: u32, key: &[u8]) -> bool {
        self.dictionary.taken.has(digest, key)
    }

    #[inline(always)]
    fn own_text(&mut self, key: &[u8], value: &[u8]) {
        self.pair(key, value);
    }

    #[inline(always)]
    fn own_integer(&mut self, key: &[u8], value: i64) {
        self.numeric(key).integral(value);
    }

    #[inline(always)]
    fn own_float(&mut self, key: &[u8], value: f64) {
        self.numeric(key).number(value);
    }

    fn kind(&mut self, kind: SpanKind) {
        self.pair(b"span.kind", kind.as_str().as_bytes());
    }

    fn repeated(&mut self, tags: &Tags, are_of_tracer: bool) {
        if tags.len() == 0 {
            return;
        }
        let lines = self.dictionary.lines(are_of_tracer);
        if lines.are_known {
            self.texts += tags.len();
            return self.out.raw(lines.tags.as_bytes());
        }
        let start = self.out.len();
        for (key, value) in tags.iter() {
            self.one_repeated(key, value);
        }
        let lines = self.dictionary.lines(are_of_tracer);
        lines.tags.clear();
        lines.tags.raw(self.out.as_bytes().get(start..).unwrap_or_default());
        lines.are_known = true;
    }

    fn one_repeated(&mut self, key: &Text, value: &Text) {
        self.pair(key.as_bytes(), value.as_bytes());
    }
}
