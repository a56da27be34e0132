//! The payload format v1.0: a map of numbered fields, in which a string is written out where it occurs first, and is a
//! number from then on.
//!
//! The numbers are those of the agent's `pkg/proto/datadog/trace/idx`. Empty fields are not written. What a payload or a
//! chunk says once is not among the tags of its spans.
//!
//! The strings are numbered in the order of the bytes: nothing may be moved that has been written.

use std::borrow::Cow;
use std::time::SystemTime;

use rmp::Marker;

use super::chunk_writer::{ChunkWriter, Common, Mark, SpanWriter};
use super::dictionary::Dictionary;
use super::msgpack::{Buffer, cut, split_key, text_pair};
use super::repeated::Tags;
use super::strings::Vacancy;
use super::tag_writer::TagWriter;
use crate::clock::unix_ns;
use crate::sampling::{HASH_RATE, Tag};
use crate::text::Text;
use crate::trace::{Digests, Segment, SpanKind, SpanView, digest};

mod extras;
pub(super) mod fields;

use fields::{KINDS, TAGS, chunk, kind_of, payload, span};

/// The last fixed array of bytes in a header of two bytes: 16 of them follow.
const TRACE_ID_HEADER: [u8; 2] = [Marker::Bin8.to_u8(), 16];

/// Writes spans as v1.0.
pub(super) struct V1<'a> {
    pub(super) out: &'a mut Buffer,
    pub(super) dictionary: &'a mut Dictionary,
    /// Tags of the span so far.
    tags: usize,
    /// Which of [`TAGS`] stand in their fields, a bit for each.
    in_fields: u8,
}

impl<'a> V1<'a> {
    pub(super) fn new(out: &'a mut Buffer, dictionary: &'a mut Dictionary) -> Self {
        V1 { out, dictionary, tags: 0, in_fields: 0 }
    }

    /// Begins a payload: all that is before the number of its chunks.
    pub(super) fn begin_payload(&mut self, common: &Common, segment: &Segment) {
        self.dictionary.clear();
        let (process, shared) = (&common.process, &*segment.shared);
        let texts = [
            (payload::LANGUAGE, Some("rust")),
            // Absent only if the compiler did not tell its version (see build.rs).
            (payload::LANGUAGE_VERSION, option_env!("TRACEHOUND_RUSTC_VERSION")),
            (payload::TRACER_VERSION, Some(env!("CARGO_PKG_VERSION"))),
            (payload::RUNTIME_ID, Some(process.runtime_id())),
            (payload::ENV, shared.env.as_deref()),
            (payload::HOSTNAME, process.hostname.as_deref()),
            (payload::APP_VERSION, shared.version.as_deref()),
        ];
        let source_code = process.source_code.tags().count();
        let there = texts.iter().filter(|(_, text)| text.is_some()).count();
        self.out.map(there + usize::from(source_code > 0) + 1);
        for (key, text) in texts {
            if let Some(text) = text {
                self.field(key, text.as_bytes());
            }
        }
        if source_code > 0 {
            self.out.raw(&[payload::ATTRIBUTES]);
            self.out.array(3 * source_code);
            for (key, value) in process.source_code.tags() {
                self.pair(key.as_bytes(), value.as_bytes());
            }
        }
        self.out.raw(&[payload::CHUNKS]);
    }

    /// Writes a string, or its number. Returns the number.
    #[inline(always)]
    fn string(&mut self, text: &[u8]) -> u32 {
        match self.dictionary.strings.find(text, self.out.as_bytes()) {
            Ok(number) => {
                self.out.small(number);
                number
            }
            Err(vacancy) => self.new_string(text, vacancy),
        }
    }

    #[inline(never)]
    fn new_string(&mut self, text: &[u8], vacancy: Vacancy) -> u32 {
        let text = &*match cut(text) {
            Cow::Borrowed(whole) => Cow::Borrowed(whole),
            // What is left of it may be known, and belongs elsewhere.
            Cow::Owned(short) => return self.string_apart(&short),
        };
        self.out.str(text);
        self.dictionary.strings.add(text, vacancy, self.out.len() - text.len())
    }

    #[inline(never)]
    fn string_apart(&mut self, text: &[u8]) -> u32 {
        let number = self.string(text);
        self.dictionary.strings.note(text, number);
        number
    }

    /// Writes a field that is a string, and as a rule a literal. Returns the string's number.
    #[inline(always)]
    fn field(&mut self, field: u8, text: &[u8]) -> u32 {
        match self.dictionary.strings.literal(text) {
            Some(number) => {
                self.out.key_small(field, number);
                number
            }
            None => {
                self.out.raw(&[field]);
                self.string_apart(text)
            }
        }
    }

    /// Writes the key of an attribute, as a rule a literal, and the type of its value.
    #[inline(always)]
    fn key(&mut self, key: &[u8], kind: u8) {
        match self.dictionary.strings.literal(key) {
            Some(number) => self.out.small_and(number, kind),
            None => {
                self.string_apart(key);
                self.out.raw(&[kind]);
            }
        }
    }

    /// Writes an attribute that is a string.
    #[inline(always)]
    fn pair(&mut self, key: &[u8], value: &[u8]) {
        self.key(key, kind_of::TEXT);
        self.string(value);
    }

    fn take(&mut self, key: &[u8]) {
        self.dictionary.taken.add(digest(key), key);
    }

    #[inline(always)]
    fn service(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>) {
        match &span.record.service {
            Some(service) => _ = self.field(span::SERVICE, service.as_bytes()),
            None if self.dictionary.service > 0 => {
                self.out.key_small(span::SERVICE, self.dictionary.service);
            }
            None => {
                let service = &spans.segment.shared.span_service;
                self.dictionary.service = self.field(span::SERVICE, service.as_bytes());
            }
        }
    }

    /// Writes the tags that have fields: the span's own, and of those that all spans repeat what it does not have.
    /// Returns how many there are.
    #[inline(always)]
    fn tag_fields(&mut self, span: &SpanView<'_>, tags: &Tags, are_of_tracer: bool) -> usize {
        self.in_fields = 0;
        let lines = self.dictionary.lines(are_of_tracer);
        if lines.are_known && !span.may_have(Self::FIELDS) {
            if lines.field_count > 0 {
                self.out.raw(lines.fields.as_bytes());
            }
            return lines.field_count;
        }
        self.each_tag_field(span, tags)
    }

    fn each_tag_field(&mut self, span: &SpanView<'_>, tags: &Tags) -> usize {
        let mut count = 0;
        for (at, (key, field)) in TAGS.into_iter().enumerate() {
            let own = span.text(key);
            let value = match own {
                Some(_) => own,
                None if span.has(key) => None,
                None => tags.get(key),
            };
            if let Some(value) = value {
                self.field(field, value.as_bytes());
                self.in_fields |= u8::from(own.is_some()) << at;
                count += 1;
            }
        }
        count
    }

    /// Writes the attributes of a span. Returns whether there are any.
    #[inline(always)]
    fn attributes(
        &mut self,
        spans: &SpanWriter<'_>,
        span: &SpanView<'_>,
        is_of_tracer: bool,
        is_head: bool,
    ) -> bool {
        let before = self.out.len();
        let most = spans.most_tags(span, is_of_tracer, is_head);
        let array = self.out.key_begin_array(span::ATTRIBUTES, 3 * most);
        self.tags = 0;
        self.dictionary.taken.clear();
        spans.tags(self, span, is_of_tracer, is_head);
        if span.record.extras.is_some() {
            self.structs(span.structs());
        }
        debug_assert!(self.tags <= most, "{} tags, and not at most {most}", self.tags);
        self.out.set_count(array, 3 * self.tags);
        if self.tags == 0 {
            self.out.truncate(before);
        }
        self.tags > 0
    }
}

impl ChunkWriter for V1<'_> {
    fn begin_chunk(&mut self, spans: &SpanWriter<'_>, first: &SpanView<'_>, count: usize) -> usize {
        let SpanWriter { segment, decision, .. } = spans;
        let upstream = segment.upstream.as_deref();
        let origin = upstream.and_then(|context| context.origin.as_deref());
        let mechanism = decision.and_then(|decision| decision.mechanism);
        // All there can be fit into a header of one byte.
        let map = self.out.begin_map();
        let mut fields = 2;
        self.out.raw(&[chunk::TRACE_ID]);
        self.out.raw(&TRACE_ID_HEADER);
        self.out.raw(&segment.trace_id.get().to_be_bytes());
        if let Some(decision) = decision {
            self.out.raw(&[chunk::PRIORITY]);
            self.out.int(decision.priority.get().into());
            fields += 1;
        }
        if let Some(mechanism) = mechanism {
            self.out.key_small(chunk::MECHANISM, mechanism.get().into());
            fields += 1;
        }
        if let Some(origin) = origin {
            self.field(chunk::ORIGIN, origin.as_bytes());
            fields += 1;
        }
        fields += usize::from(self.chunk_attributes(spans, first));
        self.out.set_count(map, fields);
        self.out.raw(&[chunk::SPANS]);
        self.out.begin_array(count)
    }

    fn span(&mut self, spans: &SpanWriter<'_>, span: &SpanView<'_>, is_head: bool) {
        let record = span.record;
        let has_both = !span.links().is_empty() && !span.events().is_empty();
        let map = self.out.len();
        // One more than what fits into a header of one byte is possible only with these two.
        self.out.map(if has_both { 16 } else { 0 });
        self.service(spans, span);
        let name = self.field(span::NAME, record.name.as_bytes());
        match record.resource.as_ref().filter(|resource| !resource.is_empty()) {
            Some(resource) => _ = self.field(span::RESOURCE, resource.as_bytes()),
            None => self.out.key_small(span::RESOURCE, name),
        }
        self.out.key_u64(span::SPAN_ID, record.id.map_or(0, |id| id.get()));
        let start = u64::try_from(span.start_ns()).unwrap_or_else(|_| now());
        self.out.key_u64(span::START, start);
        self.out.key_uint(span::DURATION, span.duration_ns().unwrap_or_default());
        let mut fields = 6;
        if let Some(parent) = record.parent {
            self.out.key_u64(span::PARENT_ID, parent.get());
            fields += 1;
        }
        if record.error {
            self.out.raw(&[span::ERROR, Marker::True.to_u8()]);
            fields += 1;
        }
        if let Some(span_type) = record.span_type.as_ref().filter(|text| !text.is_empty()) {
            self.field(span::TYPE, span_type.as_bytes());
            fields += 1;
        }
        if let Some(kind) = record.kind {
            let number = KINDS.iter().find(|(_, other)| *other == kind).map_or(0, |(n, _)| *n);
            self.out.raw(&[span::KIND, number]);
            fields += 1;
        }
        let is_of_tracer = spans.is_of_tracer(span);
        fields += self.tag_fields(span, spans.repeated_of(is_of_tracer), is_of_tracer);
        fields += usize::from(self.attributes(spans, span, is_of_tracer, is_head));
        if record.extras.is_some() {
            fields += self.links_and_events(span);
        }
        match has_both {
            true => self.out.set_count(map, fields),
            // At most 15, so nothing is moved.
            false => self.out.end_map(map, fields),
        }
    }

    fn set_count(&mut self, array: usize, spans: usize) {
        self.out.set_count(array, spans);
    }

    #[inline]
    fn mark(&self) -> Mark {
        let strings = self.dictionary.strings.len();
        Mark { bytes: self.out.len(), string_bytes: 0, strings }
    }

    fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.bytes);
        self.dictionary.truncate(mark.strings);
    }
}

impl V1<'_> {
    /// Writes the propagated tags, and the rate of the decision of a local root. Returns whether there are any.
    fn chunk_attributes(&mut self, spans: &SpanWriter<'_>, first: &SpanView<'_>) -> bool {
        let upstream = spans.segment.upstream.as_deref();
        let before = self.out.len();
        let most = upstream.map_or(0, |context| context.tags().count()) + 1;
        let array = self.out.key_begin_array(chunk::ATTRIBUTES, 3 * most);
        let mut count = 0;
        for (key, value) in upstream.into_iter().flat_map(|context| context.tags()) {
            self.pair(key.as_bytes(), value.as_bytes());
            count += 1;
        }
        if first.is_local_root() {
            spans.decision_tags(false, |tag| {
                if let Tag::Text(HASH_RATE, rate) = tag {
                    self.pair(HASH_RATE.as_bytes(), rate.as_bytes());
                    count += 1;
                }
            });
        }
        self.out.set_count(array, 3 * count);
        if count == 0 {
            self.out.truncate(before);
        }
        count > 0
    }
}

/// A span that starts before 1970 starts now, as with every tracer that writes v1.0.
#[cold]
fn now() -> u64 {
    u64::try_from(unix_ns(SystemTime::now())).unwrap_or_default()
}

impl TagWriter for V1<'_> {
    const FIELDS: Digests = Digests::of(&[b"env", b"version", b"component"]);

    fn is_elsewhere(&mut self, key: &str) -> bool {
        self.take(key.as_bytes());
        true
    }

    fn text_entry(&mut self, entry: &[u8]) {
        let (key, value) = text_pair(entry);
        self.take(key);
        self.own_text(key, value);
    }

    fn number_entry(&mut self, entry: &[u8]) {
        let (key, value) = split_key(entry);
        self.take(key);
        self.tags += 1;
        self.key(key, kind_of::I64);
        self.out.raw(value);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.take(key.as_bytes());
        self.own_text(key.as_bytes(), value.as_bytes());
    }

    fn number(&mut self, key: &str, value: f64) {
        self.take(key.as_bytes());
        self.own_float(key.as_bytes(), value);
    }

    #[inline]
    fn taken(&self) -> Digests {
        self.dictionary.taken.digests
    }

    #[inline]
    fn is_taken(&self, digest: u32, key: &[u8]) -> bool {
        self.dictionary.taken.has(digest, key)
    }

    fn has_field(&self, key: &[u8]) -> bool {
        let at = TAGS.iter().position(|(name, _)| name.as_bytes() == key);
        at.is_some_and(|at| self.in_fields & (1 << at) != 0)
    }

    #[inline(always)]
    fn own_text(&mut self, key: &[u8], value: &[u8]) {
        self.tags += 1;
        self.pair(key, value);
    }

    #[inline(always)]
    fn own_integer(&mut self, key: &[u8], value: i64) {
        self.tags += 1;
        self.key(key, kind_of::I64);
        self.out.int(value);
    }

    #[inline(always)]
    fn own_float(&mut self, key: &[u8], value: f64) {
        self.tags += 1;
        self.key(key, kind_of::F64);
        self.out.f64(value);
    }

    fn kind(&mut self, _: SpanKind) {}

    #[inline(always)]
    fn repeated(&mut self, tags: &Tags, are_of_tracer: bool) {
        let lines = self.dictionary.lines(are_of_tracer);
        if lines.are_known {
            if lines.tag_count > 0 {
                self.tags += lines.tag_count;
                self.out.raw(lines.tags.as_bytes());
            }
            return;
        }
        self.all_repeated(tags, are_of_tracer);
    }

    fn one_repeated(&mut self, key: &Text, value: &Text) {
        if !TAGS.iter().any(|(name, _)| key == *name) {
            self.own_text(key.as_bytes(), value.as_bytes());
        }
    }
}

impl V1<'_> {
    /// Writes all tags that spans repeat, and notes how they are written when their strings have numbers.
    fn all_repeated(&mut self, tags: &Tags, are_of_tracer: bool) {
        for (key, value) in tags.iter() {
            self.one_repeated(key, value);
        }
        let (mut field_lines, mut tag_lines, mut field_count, mut tag_count) =
            (Buffer::default(), Buffer::default(), 0, 0);
        for (key, value) in tags.iter() {
            let field = TAGS.iter().find(|(name, _)| key == *name);
            let value = cut(value.as_bytes());
            let numbers = (
                field.is_some() || self.dictionary.known(key.as_bytes(), self.out).is_some(),
                self.dictionary.known(&value, self.out),
            );
            let (true, Some(value)) = numbers else { return };
            match field {
                Some((_, field)) => {
                    field_lines.raw(&[*field]);
                    field_lines.small(value);
                    field_count += 1;
                }
                None => {
                    let key = self.dictionary.known(key.as_bytes(), self.out).unwrap_or_default();
                    tag_lines.small(key);
                    tag_lines.raw(&[kind_of::TEXT]);
                    tag_lines.small(value);
                    tag_count += 1;
                }
            }
        }
        let lines = self.dictionary.lines(are_of_tracer);
        (lines.fields, lines.tags) = (field_lines, tag_lines);
        (lines.field_count, lines.tag_count) = (field_count, tag_count);
        lines.are_known = true;
    }
}
