//! v0.3 and v0.4: an array of arrays of span maps (trace-payload §7.1).

use super::error::{Error, Result, Within};
use super::native;
use super::reader::Reader;
use crate::model::{Chunk, Span};

pub(super) fn body(reader: &mut Reader<'_>) -> Result<Vec<Chunk>> {
    reader.list("an array of chunks", "chunk", |reader| {
        Ok(Chunk { spans: reader.list("an array of spans", "span", span)? })
    })
}

/// Without these a span means nothing. Empty texts an agent can fill in.
const REQUIRED: [&str; 5] = ["trace_id", "span_id", "name", "start", "duration"];

/// A span map. Each field comes once at the most. Optional ones may be nil, which some tracers write for "none".
pub(super) fn span(reader: &mut Reader<'_>) -> Result<Span> {
    let start = reader.offset();
    let mut seen = Vec::new();
    let mut span = Span::default();
    for _ in 0..reader.map("a span map")? {
        let at = reader.offset();
        let name = reader.str("a field name")?;
        if seen.contains(&name) {
            return Err(Error::new(at, "each field once", format!("`{name}` again")));
        }
        if field(reader, &mut span, name).within(|| format!("`{name}`"))? {
            seen.push(name);
        } else {
            reader.unknown("a span", name)?;
        }
    }
    match REQUIRED.iter().find(|name| !seen.contains(name)) {
        Some(name) => Err(Error::new(start, format!("a span with `{name}`"), "none")),
        None => Ok(span),
    }
}

/// Reads a field, if it is one of a span's.
fn field(reader: &mut Reader<'_>, span: &mut Span, name: &str) -> Result<bool> {
    match name {
        "trace_id" => span.trace_id = reader.id()?.into(),
        "span_id" => span.span_id = reader.id()?,
        "name" => span.name = reader.text("a text")?,
        "start" => span.start_ns = reader.integer("nanoseconds as an integer")?,
        "duration" => span.duration_ns = reader.integer("nanoseconds as an integer")?,
        "parent_id" => span.parent_id = reader.optional(Reader::id)?,
        "service" => span.service = reader.optional(|reader| reader.text("a text"))?,
        "resource" => span.resource = reader.optional(|reader| reader.text("a text"))?,
        "type" => span.span_type = reader.optional(|reader| reader.text("a text"))?,
        "error" => span.error = reader.optional(|reader| reader.integer("a 32-bit integer"))?,
        "meta" => span.meta = reader.optional(|reader| reader.text_map(|r| r.text("a text")))?,
        "metrics" => span.metrics = reader.optional(|reader| reader.text_map(Reader::number))?,
        "meta_struct" => {
            span.meta_struct = reader.optional(|reader| reader.text_map(Reader::bytes_value))?
        }
        "span_links" => span.links = reader.optional(native::links)?,
        "span_events" => span.events = reader.optional(native::events)?,
        _ => return Ok(false),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use rmpv::Value;

    use super::super::{Encoding, Payload, decode};
    use super::*;
    use crate::model::Rule;

    fn payload(fields: &[(&str, Value)]) -> Result<Payload> {
        let mut map = vec![
            ("trace_id".into(), 1.into()),
            ("span_id".into(), 2.into()),
            ("name".into(), "op".into()),
            ("start".into(), 3.into()),
            ("duration".into(), 4.into()),
        ];
        map.retain(|(name, _): &(Value, Value)| {
            !fields.iter().any(|(n, _)| name.as_str() == Some(n))
        });
        map.extend(fields.iter().filter(|(n, _)| *n != "-").map(|(n, v)| ((*n).into(), v.clone())));
        let mut body = Vec::new();
        let value = Value::Array(vec![Value::Array(vec![Value::Map(map)])]);
        rmpv::encode::write_value(&mut body, &value).unwrap();
        decode(Encoding::V04, &body)
    }

    fn error(fields: &[(&str, Value)]) -> String {
        let text = payload(fields).unwrap_err().to_string();
        text.split_once(", ").unwrap().1.to_owned()
    }

    #[test]
    fn wrong_types_are_refused_by_name() {
        let map = |key: &str, value: Value| Value::Map(vec![(key.into(), value)]);
        let time = "nanoseconds as an integer";
        let table: [(&str, Value, &str, &str, &str); 10] = [
            ("start", "x".into(), "", time, "a string of 1 bytes"),
            ("start", u64::MAX.into(), "", time, "the integer 18446744073709551615"),
            ("duration", Value::F64(1.5), "", time, "the float 1.5"),
            ("trace_id", Value::Nil, "", "a 64-bit id", "nil"),
            ("error", true.into(), "", "a 32-bit integer", "the boolean true"),
            ("meta", map("k", 1.into()), "k", "a text", "the integer 1"),
            ("meta", map("\u{1b}", 1.into()), "\\u{1b}", "a text", "the integer 1"),
            ("metrics", map("k", "1".into()), "k", "a number", "a string of 1 bytes"),
            ("meta_struct", map("k", "1".into()), "k", "binary data", "a string of 1 bytes"),
            ("span_links", Value::Map(vec![]), "", "an array of links", "a map of 0"),
        ];
        for (name, value, key, expected, found) in table {
            let key = if key.is_empty() { String::new() } else { format!(", key \"{key}\"") };
            let place = format!("in chunk 0, span 0, `{name}`{key}");
            let error = error(&[(name, value)]);
            assert_eq!(error, format!("{place}: expected {expected}, found {found}"));
        }
    }

    #[test]
    fn a_span_without_a_name_is_refused() {
        let body = b"\x91\x91\x84\xa8trace_id\x01\xa7span_id\x01\xa5start\x01\xa8duration\x01";
        assert_eq!(
            decode(Encoding::V04, body).unwrap_err().to_string(),
            "byte 2, in chunk 0, span 0: expected a span with `name`, found none"
        );
    }

    #[test]
    fn a_field_that_comes_twice_is_refused() {
        let body = b"\x91\x91\x82\xa8trace_id\x01\xa8trace_id\x01";
        assert_eq!(
            decode(Encoding::V04, body).unwrap_err().to_string(),
            "byte 13, in chunk 0, span 0: expected each field once, found `trace_id` again"
        );
    }

    #[test]
    fn nil_stands_for_none_in_optional_fields() {
        let optional = "parent_id service resource type error meta metrics meta_struct span_links \
                        span_events";
        let fields: Vec<_> = optional.split(' ').map(|name| (name, Value::Nil)).collect();
        let decoded = payload(&fields).unwrap();
        assert_eq!(decoded, payload(&[("-", Value::Nil)]).unwrap());
        assert!(decoded.findings.is_empty());
    }

    #[test]
    fn unknown_fields_and_repeated_keys_are_reported_and_passed_over() {
        let twice = Value::Map(vec![("k".into(), "1".into()), ("k".into(), "2".into())]);
        let decoded = payload(&[("color", "red".into()), ("meta", twice)]).unwrap();
        let found: Vec<_> = decoded.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(found, [Rule::UnknownField, Rule::DuplicateKey]);
        assert_eq!(decoded.chunks[0].spans[0].meta("k"), Some("2"));
    }
}
