//! v1.0: maps of numbered fields, and strings that are written out once and are numbers from then on.

use std::collections::HashMap;
use std::io;

use rmpv::Value as Msgpack;
use serde_json::{Map, Value as Json, json};

use super::{array, invalid, json, typed, value};
use crate::span::Span;

/// The chunks of a v1.0 payload (`/v1.0/traces`), as v0.4 has them: what a payload or a chunk says once is on the spans
/// that have it as a tag there.
///
/// # Errors
///
/// `InvalidData` for what an agent refuses, and for what none does but no encoder should write: a field or an attribute
/// twice, a string that is written out though it has a number, a field whose value is empty.
pub fn v1(payload: &[u8]) -> io::Result<Vec<Vec<Span>>> {
    let mut reader = Reader { strings: vec![String::new()], process: Process::default() };
    let mut chunks = None;
    for (field, value) in fields(value(payload)?)? {
        match field {
            3 => reader.process.language = Some(reader.string(value)?),
            6 => reader.process.runtime_id = Some(reader.string(value)?),
            8 => reader.process.hostname = Some(reader.string(value)?),
            2 | 4 | 5 | 7 | 9 => _ = reader.string(value)?,
            10 => reader.process.attributes = reader.attributes(value)?,
            11 => {
                let read = array(value)?.into_iter().map(|chunk| reader.chunk(chunk));
                chunks = Some(read.collect::<io::Result<Vec<Chunk>>>()?);
            }
            _ => return Err(unknown("payload", field)),
        }
    }
    // Only now: what is known of the process may come behind the chunks.
    let chunks = chunks.ok_or_else(|| invalid("there are no chunks".to_owned()))?;
    let chunks = chunks.into_iter().map(|chunk| chunk.with(&reader.process));
    typed(Json::Array(chunks.collect::<io::Result<_>>()?))
}

/// What the payload says about the process.
#[derive(Default)]
struct Process {
    language: Option<String>,
    runtime_id: Option<String>,
    hostname: Option<String>,
    attributes: Vec<(String, Attribute)>,
}

enum Attribute {
    Text(String),
    Bool(bool),
    F64(Json),
    I64(Json),
    /// As v0.4 has it, decoded.
    Bytes(Json),
    Array(Vec<Attribute>),
}

/// A chunk as it is in the payload.
struct Chunk {
    /// What the first span has as tags in v0.4.
    head: Tags,
    origin: Option<String>,
    trace_id: u128,
    spans: Vec<(Map<String, Json>, Tags)>,
}

struct Reader {
    /// In the order in which they came up.
    strings: Vec<String>,
    process: Process,
}

/// A span in the making, with the tags of v0.4.
#[derive(Default)]
struct Tags {
    meta: Map<String, Json>,
    metrics: Map<String, Json>,
    structs: Map<String, Json>,
}

impl Tags {
    fn text(&mut self, key: &str, value: impl Into<Json>) -> io::Result<()> {
        once(&mut self.meta, key, value.into())
    }
}

impl Chunk {
    /// The spans as v0.4 has them.
    fn with(self, process: &Process) -> io::Result<Json> {
        let Chunk { mut head, origin, trace_id, spans } = self;
        if trace_id >> 64 != 0 {
            head.text("_dd.p.tid", format!("{:016x}", trace_id >> 64))?;
        }
        let language = process.language.clone();
        for (key, value) in language.into_iter().map(|language| ("language", language)) {
            head.text(key, value)?;
        }
        for (key, value) in &process.attributes {
            if let Attribute::Text(value) = value {
                head.text(key, value.clone())?;
            }
        }
        let mut all = Vec::new();
        for (mut fields, mut tags) in spans {
            let more = std::mem::take(&mut head);
            for (key, value) in more.meta {
                once(&mut tags.meta, &key, value)?;
            }
            for (key, value) in more.metrics {
                once(&mut tags.metrics, &key, value)?;
            }
            if let Some(origin) = &origin {
                tags.text("_dd.origin", origin.clone())?;
            }
            // Local roots are told by their number of the process.
            if tags.metrics.contains_key("process_id") {
                let Process { runtime_id, hostname, .. } = process;
                for (key, value) in [("runtime-id", runtime_id), ("_dd.hostname", hostname)] {
                    if let Some(value) = value {
                        tags.text(key, value.clone())?;
                    }
                }
            }
            fields.insert("trace_id".to_owned(), json!(trace_id as u64));
            fields.insert("meta".to_owned(), tags.meta.into());
            fields.insert("metrics".to_owned(), tags.metrics.into());
            fields.insert("meta_struct".to_owned(), tags.structs.into());
            all.push(Json::Object(fields));
        }
        Ok(Json::Array(all))
    }
}

impl Reader {
    fn string(&mut self, value: Msgpack) -> io::Result<String> {
        if let Some(text) = value.as_str() {
            if self.strings.iter().any(|known| known == text) {
                return Err(invalid(format!("{text:?} is written out though it has a number")));
            }
            self.strings.push(text.to_owned());
            return Ok(text.to_owned());
        }
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        let known = number.and_then(|number| self.strings.get(number));
        known.cloned().ok_or_else(|| invalid(format!("{value} is no string so far")))
    }

    fn chunk(&mut self, chunk: Msgpack) -> io::Result<Chunk> {
        let (mut head, mut origin, mut trace_id, mut spans) = (Tags::default(), None, 0, None);
        for (field, value) in fields(chunk)? {
            match field {
                1 => once(&mut head.metrics, "_sampling_priority_v1", json(value)?)?,
                2 => origin = Some(self.string(value)?),
                3 => {
                    for (key, value) in self.attributes(value)? {
                        let Attribute::Text(value) = value else {
                            return Err(invalid(format!("{key:?} of a chunk is no text")));
                        };
                        head.text(&key, value)?;
                    }
                }
                4 => {
                    let read = array(value)?.into_iter().map(|span| self.span(span));
                    spans = Some(read.collect::<io::Result<Vec<_>>>()?);
                }
                6 => trace_id = wide_id(&value)?,
                7 => head.text("_dd.p.dm", format!("-{value}"))?,
                _ => return Err(unknown("chunk", field)),
            }
        }
        Ok(Chunk { head, origin, trace_id, spans: spans.unwrap_or_default() })
    }

    fn span(&mut self, span: Msgpack) -> io::Result<(Map<String, Json>, Tags)> {
        let (mut map, mut tags) = (Map::new(), Tags::default());
        for (field, value) in fields(span)? {
            match field {
                1 => once(&mut map, "service", self.string(value)?.into())?,
                2 => once(&mut map, "name", self.string(value)?.into())?,
                3 => once(&mut map, "resource", self.string(value)?.into())?,
                4 => once(&mut map, "span_id", unsigned(value)?)?,
                5 => once(&mut map, "parent_id", unsigned(value)?)?,
                6 => once(&mut map, "start", unsigned(value)?)?,
                7 => once(&mut map, "duration", unsigned(value)?)?,
                8 => {
                    let error =
                        value.as_bool().ok_or_else(|| invalid("error is no bool".into()))?;
                    once(&mut map, "error", json!(i32::from(error)))?;
                }
                9 => {
                    for (key, value) in self.attributes(value)? {
                        add(&mut tags, &key, value)?;
                    }
                }
                10 => once(&mut map, "type", self.string(value)?.into())?,
                11 => {
                    let links = array(value)?.into_iter().map(|link| self.link(link));
                    once(&mut map, "span_links", links.collect::<io::Result<Json>>()?)?;
                }
                12 => {
                    let events = array(value)?.into_iter().map(|event| self.event(event));
                    once(&mut map, "span_events", events.collect::<io::Result<Json>>()?)?;
                }
                13 => tags.text("env", self.string(value)?)?,
                14 => tags.text("version", self.string(value)?)?,
                15 => tags.text("component", self.string(value)?)?,
                16 => {
                    let kinds = ["internal", "server", "client", "producer", "consumer"];
                    let kind = value.as_u64().and_then(|kind| usize::try_from(kind).ok());
                    let kind = kind.and_then(|kind| kinds.get(kind.checked_sub(1)?));
                    tags.text("span.kind", *kind.ok_or_else(|| unknown("kind", 0))?)?;
                }
                _ => return Err(unknown("span", field)),
            }
        }
        Ok((map, tags))
    }

    fn link(&mut self, link: Msgpack) -> io::Result<Json> {
        let mut map = Map::new();
        for (field, value) in fields(link)? {
            match field {
                1 => {
                    let id = wide_id(&value)?;
                    once(&mut map, "trace_id", json!(id as u64))?;
                    once(&mut map, "trace_id_high", json!((id >> 64) as u64))?;
                }
                2 => once(&mut map, "span_id", unsigned(value)?)?,
                3 => {
                    let mut attributes = Map::new();
                    for (key, value) in self.attributes(value)? {
                        let Attribute::Text(value) = value else {
                            return Err(invalid(format!("{key:?} of a link is no text")));
                        };
                        once(&mut attributes, &key, value.into())?;
                    }
                    once(&mut map, "attributes", attributes.into())?;
                }
                4 => once(&mut map, "tracestate", self.string(value)?.into())?,
                5 => once(&mut map, "flags", unsigned(value)?)?,
                _ => return Err(unknown("link", field)),
            }
        }
        Ok(Json::Object(map))
    }

    fn event(&mut self, event: Msgpack) -> io::Result<Json> {
        let mut map = Map::new();
        for (field, value) in fields(event)? {
            match field {
                1 => once(&mut map, "time_unix_nano", unsigned(value)?)?,
                2 => once(&mut map, "name", self.string(value)?.into())?,
                3 => {
                    let mut attributes = Map::new();
                    for (key, value) in self.attributes(value)? {
                        once(&mut attributes, &key, of_event(value)?)?;
                    }
                    once(&mut map, "attributes", attributes.into())?;
                }
                _ => return Err(unknown("event", field)),
            }
        }
        Ok(Json::Object(map))
    }

    /// `[key, type, value, key, type, value, ..]`
    fn attributes(&mut self, list: Msgpack) -> io::Result<Vec<(String, Attribute)>> {
        let mut left = array(list)?.into_iter();
        let mut attributes = Vec::new();
        while let Some(key) = left.next() {
            let (Some(kind), Some(value)) = (left.next(), left.next()) else {
                return Err(invalid("an attribute is not three values".to_owned()));
            };
            attributes.push((self.string(key)?, self.attribute(&kind, value)?));
        }
        if attributes.is_empty() {
            return Err(invalid("empty attributes are written".to_owned()));
        }
        Ok(attributes)
    }

    fn attribute(&mut self, kind: &Msgpack, value: Msgpack) -> io::Result<Attribute> {
        Ok(match (kind.as_u64(), value) {
            (Some(1), value) => Attribute::Text(self.string(value)?),
            (Some(2), Msgpack::Boolean(value)) => Attribute::Bool(value),
            (Some(3), Msgpack::F64(value)) => Attribute::F64(json(value.into())?),
            (Some(4), Msgpack::Integer(value)) => Attribute::I64(json(Msgpack::Integer(value))?),
            (Some(5), Msgpack::Binary(bytes)) => Attribute::Bytes(json(super::value(&bytes)?)?),
            (Some(6), value) => {
                let mut left = array(value)?.into_iter();
                let mut values = Vec::new();
                while let Some(kind) = left.next() {
                    let value = left.next();
                    let value = value.ok_or_else(|| invalid("half a value of an array".into()))?;
                    values.push(self.attribute(&kind, value)?);
                }
                Attribute::Array(values)
            }
            (_, value) => return Err(invalid(format!("{value} is not of the type {kind}"))),
        })
    }
}

/// As v0.4 has it.
fn add(tags: &mut Tags, key: &str, value: Attribute) -> io::Result<()> {
    match value {
        Attribute::Text(text) => tags.text(key, text),
        Attribute::Bool(value) => tags.text(key, value.to_string()),
        Attribute::F64(number) | Attribute::I64(number) => once(&mut tags.metrics, key, number),
        Attribute::Bytes(document) => once(&mut tags.structs, key, document),
        Attribute::Array(values) => {
            let mut each = values.into_iter().enumerate();
            each.try_for_each(|(at, value)| add(tags, &format!("{key}.{at}"), value))
        }
    }
}

fn of_event(value: Attribute) -> io::Result<Json> {
    Ok(match value {
        Attribute::Text(text) => json!({"type": 0, "string_value": text}),
        Attribute::Bool(value) => json!({"type": 1, "bool_value": value}),
        Attribute::I64(number) => json!({"type": 2, "int_value": number}),
        Attribute::F64(number) => json!({"type": 3, "double_value": number}),
        Attribute::Array(values) => {
            let values = values.into_iter().map(of_event).collect::<io::Result<Json>>()?;
            json!({"type": 4, "array_value": {"values": values}})
        }
        Attribute::Bytes(_) => return Err(invalid("bytes in an event".to_owned())),
    })
}

/// The numbered fields of a map, each of them there once.
fn fields(map: Msgpack) -> io::Result<Vec<(u64, Msgpack)>> {
    let Msgpack::Map(entries) = map else { return Err(invalid(format!("{map} is no map"))) };
    let mut seen = HashMap::new();
    let field = |(key, value): (Msgpack, Msgpack)| {
        let key = key.as_u64().ok_or_else(|| invalid(format!("{key} is no field")))?;
        match seen.insert(key, ()) {
            None => Ok((key, value)),
            Some(()) => Err(invalid(format!("the field {key} is there twice"))),
        }
    };
    entries.into_iter().map(field).collect()
}

fn once(map: &mut Map<String, Json>, key: &str, value: Json) -> io::Result<()> {
    match map.insert(key.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(invalid(format!("{key:?} is there twice"))),
    }
}

fn unsigned(value: Msgpack) -> io::Result<Json> {
    value.as_u64().map(Json::from).ok_or_else(|| invalid(format!("{value} is no number")))
}

/// 16 bytes, most significant first.
fn wide_id(value: &Msgpack) -> io::Result<u128> {
    let bytes = match value {
        Msgpack::Binary(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    };
    bytes.map(u128::from_be_bytes).ok_or_else(|| invalid(format!("{value} is no trace id")))
}

fn unknown(of: &str, field: u64) -> io::Error {
    invalid(format!("the {of} has an unknown field {field}"))
}
