//! v1: maps with integer keys, strings sent once, typed attributes (trace-payload §7.4).
//!
//! What v1 keeps beside the spans goes back to where v0.4 has it: a payload's or chunk's fields to
//! the chunk's first span, the origin to every span, a span's promoted fields to its tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attributes::Strings;
use super::error::{Error, Result, Within};
use super::native::link_flags;
use super::reader::Reader;
use crate::model::{Chunk, Event, Finding, Link, Quoted, Rule, Span, Text, Value};

/// Tags that v1 has a field for, at some level.
const PROMOTED: [&str; 9] = [
    "env",
    "version",
    "component",
    "span.kind",
    "_dd.p.tid",
    "_sampling_priority_v1",
    "_dd.p.dm",
    "_dd.origin",
    "_dd.span_links",
];

/// By number; the first is none.
const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];

pub(super) fn body(reader: &mut Reader<'_>) -> Result<Vec<Chunk>> {
    let mut strings = Strings::new();
    let mut list = Vec::new();
    let mut tags: Vec<(Text, Value)> = Vec::new();
    let strings = &mut strings;
    keyed(reader, "a payload map", |reader, key| {
        match key {
            3 => tags.push((reader.share("language")?, Value::String(strings.text(reader)?))),
            6 => tags.push((reader.share("runtime-id")?, Value::String(strings.text(reader)?))),
            8 => tags.push((reader.share("_dd.hostname")?, Value::String(strings.text(reader)?))),
            // Not shown; and spans carry the environment (7) themselves, as their field 13.
            2 | 4 | 5 | 7 | 9 => drop(strings.text(reader)?),
            10 => tags.extend(strings.attributes(reader)?),
            11 => {
                list =
                    reader.list("an array of chunks", "chunk", |reader| chunk(reader, strings))?
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    for span in list.iter_mut().filter_map(|chunk| chunk.spans.first_mut()) {
        tags.iter().try_for_each(|(key, value)| set_default(reader, span, key, value))?;
    }
    Ok(list)
}

fn chunk(reader: &mut Reader<'_>, strings: &mut Strings) -> Result<Chunk> {
    let start = reader.offset();
    let mut chunk = Chunk::default();
    let (mut trace_id, mut priority, mut mechanism) = (None, None, None);
    let mut origin = Text::default();
    let mut tags = Vec::new();
    keyed(reader, "a chunk map", |reader, key| {
        match key {
            1 => priority = Some(reader.integer::<i32>("a 32-bit integer")?),
            2 => origin = strings.text(reader)?,
            3 => tags = strings.attributes(reader)?,
            4 => {
                chunk.spans =
                    reader.list("an array of spans", "span", |reader| span(reader, strings))?
            }
            5 => drop(reader.bool()?),
            6 => trace_id = Some(id128(reader)?),
            7 => mechanism = Some(reader.integer::<u32>("a 32-bit unsigned integer")?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let Some(trace_id) = trace_id else {
        return Err(Error::new(start, "a chunk with a trace id (6)", "none"));
    };
    let origin_key = reader.share("_dd.origin")?;
    for span in &mut chunk.spans {
        span.trace_id = trace_id;
        if !origin.is_empty() {
            set_default(reader, span, &origin_key, &Value::String(Arc::clone(&origin)))?;
        }
    }
    tags.extend(priority.map(|is| ("_sampling_priority_v1".into(), Value::Int(is.into()))));
    tags.extend(mechanism.map(|is| ("_dd.p.dm".into(), Value::String(format!("-{is}").into()))));
    let high = Some(trace_id >> 64).filter(|high| *high != 0);
    tags.extend(high.map(|is| ("_dd.p.tid".into(), Value::String(format!("{is:016x}").into()))));
    if let Some(first) = chunk.spans.first_mut() {
        tags.iter().try_for_each(|(key, value)| set_default(reader, first, key, value))?;
    }
    Ok(chunk)
}

fn span(reader: &mut Reader<'_>, strings: &mut Strings) -> Result<Span> {
    let mut span = Span::default();
    let mut tags = Vec::new();
    keyed(reader, "a span map", |reader, key| {
        match key {
            1 => span.service = strings.text(reader)?,
            2 => span.name = strings.text(reader)?,
            3 => span.resource = strings.text(reader)?,
            4 => span.span_id = reader.integer("a 64-bit id")?,
            5 => span.parent_id = reader.integer("a 64-bit id")?,
            6 => span.start_ns = reader.integer("nanoseconds as an integer")?,
            7 => span.duration_ns = reader.integer("nanoseconds as an integer")?,
            8 => span.error = reader.bool()?.into(),
            9 => tags = strings.attributes(reader)?,
            10 => span.span_type = strings.text(reader)?,
            11 => span.links = reader.list("an array of links", "link", |r| link(r, strings))?,
            12 => {
                span.events = reader.list("an array of events", "event", |r| event(r, strings))?
            }
            13 => promote(&mut span, "env", strings.text(reader)?),
            14 => promote(&mut span, "version", strings.text(reader)?),
            15 => promote(&mut span, "component", strings.text(reader)?),
            16 => {
                let start = reader.offset();
                let kind: u64 = reader.integer("a span kind from 0 to 5")?;
                let name = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind));
                let unknown = || Error::new(start, "a span kind from 0 to 5", kind.to_string());
                promote(&mut span, "span.kind", (*name.ok_or_else(unknown)?).into());
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    for (key, value) in &tags {
        if PROMOTED.contains(&&**key) {
            let text = format!("the attribute {} belongs in the v1 field made for it", Quoted(key));
            reader.findings.push(Finding::new(Rule::DuplicateKey, text));
        }
        set_default(reader, &mut span, key, value)?;
    }
    Ok(span)
}

fn link(reader: &mut Reader<'_>, strings: &mut Strings) -> Result<Link> {
    let mut link = Link::default();
    keyed(reader, "a link map", |reader, key| {
        match key {
            1 => link.trace_id = id128(reader)?,
            2 => link.span_id = reader.integer("a 64-bit id")?,
            3 => link.attributes = strings.attributes(reader)?.into_iter().collect(),
            4 => link.tracestate = strings.text(reader)?,
            5 => link.flags = link_flags(reader.integer("a 32-bit unsigned integer")?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(link)
}

fn event(reader: &mut Reader<'_>, strings: &mut Strings) -> Result<Event> {
    let mut event = Event::default();
    keyed(reader, "an event map", |reader, key| {
        match key {
            1 => event.time_unix_ns = reader.integer("nanoseconds as an integer")?,
            2 => event.name = strings.text(reader)?,
            3 => event.attributes = strings.attributes(reader)?.into_iter().collect(),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(event)
}

/// Reads a map with integer keys; `field` says whether it knows the key. An unknown one cannot be
/// passed over, since the strings in it would be numbered, and so cannot a repeated one.
fn keyed<'a>(
    reader: &mut Reader<'a>,
    expected: &'static str,
    mut field: impl FnMut(&mut Reader<'a>, u64) -> Result<bool>,
) -> Result<()> {
    let mut seen = Vec::new();
    for _ in 0..reader.map(expected)? {
        let start = reader.offset();
        let key = reader.integer("an integer key")?;
        if seen.contains(&key) {
            return Err(Error::new(start, "each key once", format!("{key} again")));
        }
        seen.push(key);
        if !field(reader, key).within(|| format!("key {key}"))? {
            let expected = match key {
                1 => "no string table (1), which tracers do not send",
                _ => "a known key",
            };
            return Err(Error::new(start, expected, key.to_string()));
        }
    }
    Ok(())
}

fn id128(reader: &mut Reader<'_>) -> Result<u128> {
    let start = reader.offset();
    let bytes = reader.bin("a 16-byte trace id")?;
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| {
        Error::new(start, "a 16-byte trace id", format!("binary data of {} bytes", bytes.len()))
    })?;
    Ok(u128::from_be_bytes(bytes))
}

fn promote(span: &mut Span, key: &str, value: Text) {
    if !value.is_empty() {
        span.meta.insert(key.into(), value);
    }
}

/// Adds a tag in the form v0.4 gives it, unless the span has it: lists and maps become one tag per
/// leaf, named by its path.
#[expect(clippy::cast_precision_loss, reason = "as the agent does: numeric tags are floats")]
fn set_default(reader: &mut Reader<'_>, span: &mut Span, key: &Text, value: &Value) -> Result<()> {
    fn set<V>(map: &mut BTreeMap<Text, V>, key: &Text, value: V) {
        map.entry(Arc::clone(key)).or_insert(value);
    }

    reader.charge_entry::<Value>(key)?;
    match value {
        Value::String(text) => set(&mut span.meta, key, Arc::clone(text)),
        Value::Bool(value) => set(&mut span.meta, key, value.to_string().into()),
        Value::Int(value) => set(&mut span.metrics, key, *value as f64),
        Value::Double(value) => set(&mut span.metrics, key, *value),
        Value::Bytes(bytes) => set(&mut span.meta_struct, key, Arc::clone(bytes)),
        Value::Array(values) => {
            for (nth, value) in values.iter().enumerate() {
                let path = join(reader, key, &nth.to_string())?;
                set_default(reader, span, &path, value)?;
            }
        }
        Value::Map(entries) => {
            for (name, value) in entries {
                let path = join(reader, key, name)?;
                set_default(reader, span, &path, value)?;
            }
        }
    }
    Ok(())
}

fn join(reader: &mut Reader<'_>, key: &str, name: &str) -> Result<Text> {
    reader.charge(key.len().saturating_add(name.len()))?;
    Ok(format!("{key}.{name}").into())
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, decode};
    use super::*;

    fn with_span(span: &[u8]) -> Vec<u8> {
        let mut body = b"\x81\x0b\x91\x82\x06\xc4\x10".to_vec();
        body.extend([7; 16]);
        body.extend(b"\x04\x91");
        body.extend(span);
        body
    }

    fn error(body: &[u8]) -> String {
        decode(Encoding::V1, body).unwrap_err().to_string()
    }

    #[test]
    fn lists_and_maps_become_a_tag_per_leaf() {
        let body = with_span(b"\x81\x09\x93\xa1a\x06\x96\x02\xc3\x04\xff\x07\x93\xa1k\x01\xa1v");
        let payload = decode(Encoding::V1, &body).unwrap();
        let span = &payload.chunks[0].spans[0];
        assert_eq!(span.meta("a.0"), Some("true"));
        assert_eq!(span.metric("a.1"), Some(-1.0));
        assert_eq!(span.meta("a.2.k"), Some("v"));
        assert_eq!(span.trace_id, u128::from_be_bytes([7; 16]));
    }

    #[test]
    fn a_field_repeated_as_attribute_is_reported_and_the_field_wins() {
        let body = with_span(b"\x82\x0d\xa4prod\x09\x93\xa3env\x01\xa3dev");
        let payload = decode(Encoding::V1, &body).unwrap();
        assert_eq!(payload.chunks[0].spans[0].meta("env"), Some("prod"));
        assert_eq!(payload.findings[0].rule, Rule::DuplicateKey);
    }

    #[test]
    fn malformed_maps_are_refused() {
        assert_eq!(
            error(b"\x81\x01\x90"),
            "byte 1: expected no string table (1), which tracers do not send, found 1"
        );
        assert_eq!(error(b"\x82\x03\xa0\x03\xa0"), "byte 3: expected each key once, found 3 again");
        assert_eq!(
            error(b"\x81\x0b\x91\x80"),
            "byte 3, in key 11, chunk 0: expected a chunk with a trace id (6), found none"
        );
        assert_eq!(
            error(b"\x81\x0b\x91\x81\x06\xc4\x01\x00"),
            "byte 5, in key 11, chunk 0, key 6: \
             expected a 16-byte trace id, found binary data of 1 bytes"
        );
        assert!(error(&with_span(b"\x81\x10\x06")).ends_with("a span kind from 0 to 5, found 6"));
        assert!(error(&with_span(b"\x81\x08\x01")).ends_with("a boolean, found the integer 1"));
    }
}
