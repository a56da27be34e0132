//! Reads v1.0.

use super::Limits;
use super::chunk::ChunkWriter;
use super::reader::Reader;
use crate::encode::payload::Payload;
use crate::encode::span_tags::{HOSTNAME, LANGUAGE, ORIGIN, RUNTIME_ID, TRACE_ID_HIGH};
use crate::encode::v1::fields::{KINDS, TAGS, chunk, event, kind_of, link, payload, span};
use crate::encode::{events, links};
use crate::id::{SpanId, TraceId};
use crate::propagation::hex;
use crate::sampling::{DECISION_MAKER, PRIORITY};
use crate::text::Text;
use crate::trace::{EventValue, SamplingMechanism, SpanEvent, SpanLink};

/// Reads a payload.
pub(super) fn read(body: &[u8], into: &mut Payload, limits: Limits) -> Option<()> {
    let mut source = Source {
        reader: Reader(body),
        strings: vec![&[]],
        process: Process::default(),
        native_events: limits.native_events,
    };
    let mut writer = ChunkWriter::new(into, limits);
    for _ in 0..source.reader.map()? {
        match source.field()? {
            payload::LANGUAGE => source.process.language = Some(source.string()?),
            payload::RUNTIME_ID => source.process.runtime_id = Some(source.string()?),
            payload::HOSTNAME => source.process.hostname = Some(source.string()?),
            payload::ATTRIBUTES => {
                for _ in 0..source.reader.array()? / 3 {
                    let tag = source.text_attribute()?;
                    source.process.attributes.push(tag);
                }
            }
            payload::CHUNKS => {
                for _ in 0..source.reader.array()? {
                    source.chunk(&mut writer)?;
                }
            }
            // They are on the spans as well, or v0.4 does not have them.
            payload::LANGUAGE_VERSION
            | payload::TRACER_VERSION
            | payload::ENV
            | payload::APP_VERSION => _ = source.string()?,
            _ => return None,
        }
    }
    Some(())
}

/// What is left to be read, and what it refers to.
struct Source<'a> {
    reader: Reader<'a>,
    /// The strings so far, by number.
    strings: Vec<&'a [u8]>,
    process: Process<'a>,
    native_events: bool,
}

/// What the payload says about the process.
#[derive(Default)]
struct Process<'a> {
    language: Option<&'a [u8]>,
    runtime_id: Option<&'a [u8]>,
    hostname: Option<&'a [u8]>,
    attributes: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Source<'a> {
    fn field(&mut self) -> Option<u8> {
        u8::try_from(self.reader.uint()?).ok()
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        if self.reader.is_text() {
            let text = self.reader.text()?;
            self.strings.push(text);
            return Some(text);
        }
        self.strings.get(usize::try_from(self.reader.uint()?).ok()?).copied()
    }

    fn text(&mut self) -> Option<Text> {
        std::str::from_utf8(self.string()?).ok().map(Text::copy)
    }

    /// An attribute that can only be a string.
    fn text_attribute(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let key = self.string()?;
        (self.field()? == kind_of::TEXT).then_some(())?;
        Some((key, self.string()?))
    }

    fn trace_id(&mut self) -> Option<TraceId> {
        TraceId::new(u128::from_be_bytes(self.reader.bin()?.try_into().ok()?))
    }

    fn chunk(&mut self, writer: &mut ChunkWriter<'_>) -> Option<()> {
        writer.begin();
        if let Some(language) = self.process.language {
            writer.of_chunk(LANGUAGE, language);
        }
        for (key, value) in &self.process.attributes {
            writer.text(key, value);
        }
        let mut trace_id = None;
        for _ in 0..self.reader.map()? {
            match self.field()? {
                chunk::PRIORITY => writer.priority(PRIORITY, self.reader.int()?),
                chunk::ORIGIN => writer.of_every_span(ORIGIN, self.string()?),
                chunk::ATTRIBUTES => {
                    for _ in 0..self.reader.array()? / 3 {
                        let (key, value) = self.text_attribute()?;
                        writer.text(key, value);
                    }
                }
                chunk::TRACE_ID => trace_id = Some(self.trace_id()?),
                chunk::MECHANISM => {
                    let mechanism = SamplingMechanism::new(u8::try_from(self.reader.uint()?).ok()?);
                    writer.of_chunk(DECISION_MAKER, mechanism.to_string().as_bytes());
                }
                chunk::SPANS => {
                    // It is the last field.
                    let trace_id = trace_id?;
                    if trace_id.high() != 0 {
                        writer.of_chunk(TRACE_ID_HIGH, &hex(trace_id.high()));
                    }
                    for _ in 0..self.reader.array()? {
                        writer.field("trace_id").u64(trace_id.low());
                        self.span(writer)?;
                        writer.end_span();
                    }
                }
                _ => return None,
            }
        }
        writer.end();
        Some(())
    }

    fn span(&mut self, writer: &mut ChunkWriter<'_>) -> Option<()> {
        for _ in 0..self.reader.map()? {
            match self.field()? {
                span::SERVICE => writer.field("service").str(self.string()?),
                span::NAME => writer.field("name").str(self.string()?),
                span::RESOURCE => writer.field("resource").str(self.string()?),
                span::SPAN_ID => writer.field("span_id").u64(self.reader.uint()?),
                span::PARENT_ID => writer.field("parent_id").u64(self.reader.uint()?),
                span::START => writer.field("start").i64(self.reader.int()?),
                span::DURATION => writer.field("duration").uint(self.reader.uint()?),
                span::ERROR => writer.field("error").uint(self.reader.bool()?.into()),
                span::ATTRIBUTES => {
                    for _ in 0..self.reader.array()? / 3 {
                        self.tag(writer)?;
                    }
                }
                span::TYPE => writer.field("type").str(self.string()?),
                span::LINKS => {
                    let count = self.reader.array()?;
                    let all = (0..count).map(|_| self.link()).collect::<Option<Vec<_>>>()?;
                    links::native(writer.field("span_links"), &all);
                }
                span::EVENTS => {
                    let count = self.reader.array()?;
                    let all = (0..count).map(|_| self.event()).collect::<Option<Vec<_>>>()?;
                    match self.native_events {
                        true => events::native(writer.field("span_events"), &all),
                        false => writer.text(b"events", events::json(&all).as_bytes()),
                    }
                }
                span::KIND => {
                    let kind = self.field()?;
                    let (_, kind) = KINDS.iter().find(|(number, _)| *number == kind)?;
                    writer.text(b"span.kind", kind.as_str().as_bytes());
                }
                field => {
                    let (key, _) = TAGS.iter().find(|(_, other)| *other == field)?;
                    writer.text(key.as_bytes(), self.string()?);
                }
            }
        }
        Some(())
    }

    fn tag(&mut self, writer: &mut ChunkWriter<'_>) -> Option<()> {
        let key = self.string()?;
        match self.field()? {
            kind_of::TEXT => writer.text(key, self.string()?),
            kind_of::F64 => writer.number(key).number(self.reader.f64()?),
            kind_of::I64 => {
                writer.number(key).integral(self.reader.int()?);
                // Local roots are told by this.
                if key == b"process_id" {
                    let Process { runtime_id, hostname, .. } = &self.process;
                    for (key, value) in [(RUNTIME_ID, runtime_id), (HOSTNAME, hostname)] {
                        if let Some(value) = value {
                            writer.text(key.as_bytes(), value);
                        }
                    }
                }
            }
            kind_of::BYTES => writer.structured(key, self.reader.bin()?),
            _ => return None,
        }
        Some(())
    }

    fn link(&mut self) -> Option<SpanLink> {
        let (mut trace_id, mut span_id) = (None, None);
        let (mut attributes, mut tracestate, mut flags) = (Vec::new(), None, None);
        for _ in 0..self.reader.map()? {
            match self.field()? {
                link::TRACE_ID => trace_id = self.trace_id(),
                link::SPAN_ID => span_id = SpanId::new(self.reader.uint()?),
                link::ATTRIBUTES => {
                    for _ in 0..self.reader.array()? / 3 {
                        let key = self.text()?;
                        (self.field()? == kind_of::TEXT).then_some(())?;
                        attributes.push((key, self.text()?));
                    }
                }
                link::TRACESTATE => tracestate = Some(self.text()?),
                link::FLAGS => flags = Some(u32::try_from(self.reader.uint()?).ok()?),
                _ => return None,
            }
        }
        Some(SpanLink { attributes, tracestate, flags, ..SpanLink::new(trace_id?, span_id?) })
    }

    fn event(&mut self) -> Option<SpanEvent> {
        let mut event = SpanEvent::new(Text::EMPTY);
        for _ in 0..self.reader.map()? {
            match self.field()? {
                event::TIME => event.unix_ns = self.reader.uint()?,
                event::NAME => event.name = self.text()?,
                event::ATTRIBUTES => {
                    for _ in 0..self.reader.array()? / 3 {
                        let key = self.text()?;
                        event.attributes.push((key, self.value()?));
                    }
                }
                _ => return None,
            }
        }
        Some(event)
    }

    /// The type of an attribute of an event, and its value.
    fn value(&mut self) -> Option<EventValue> {
        Some(match self.field()? {
            kind_of::TEXT => EventValue::Text(self.text()?),
            kind_of::BOOL => EventValue::Bool(self.reader.bool()?),
            kind_of::F64 => EventValue::F64(self.reader.f64()?),
            kind_of::I64 => EventValue::I64(self.reader.int()?),
            kind_of::ARRAY => {
                let values = (0..self.reader.array()? / 2).map(|_| self.value());
                EventValue::Array(values.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}
