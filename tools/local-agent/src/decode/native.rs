//! Links and events as v0.4 and v0.7 write them (trace-payload §5 and §6).

use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::reader::Reader;
use crate::model::{Event, Link, Text, Value};

/// Set on the wire when the flags are known, so that 0 can say "unknown".
const FLAGS_KNOWN: u32 = 1 << 31;

pub(super) fn links(reader: &mut Reader<'_>) -> Result<Vec<Link>> {
    reader.list("an array of links", "link", link)
}

pub(super) fn events(reader: &mut Reader<'_>) -> Result<Vec<Event>> {
    reader.list("an array of events", "event", event)
}

/// The flags of a link from their wire form.
pub(super) fn link_flags(wire: u32) -> Option<u32> {
    if wire == 0 { None } else { Some(wire & !FLAGS_KNOWN) }
}

fn link(reader: &mut Reader<'_>) -> Result<Link> {
    let start = reader.offset();
    let mut link = Link::default();
    let (mut low, mut span_id) = (None, None);
    reader.fields("a link", "a link map", |reader, name| {
        match name {
            "trace_id" => low = Some(reader.id()?),
            "trace_id_high" => link.trace_id = u128::from(reader.id()?) << 64,
            "span_id" => span_id = Some(reader.id()?),
            "attributes" => {
                link.attributes =
                    reader.text_map(|reader| reader.text("a text").map(Value::String))?;
            }
            "tracestate" => link.tracestate = reader.text("a text")?,
            "flags" => link.flags = link_flags(reader.integer("a 32-bit unsigned integer")?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let (Some(low), Some(span_id)) = (low, span_id) else {
        return Err(Error::new(start, "a link with `trace_id` and `span_id`", "not both"));
    };
    Ok(Link { trace_id: link.trace_id | u128::from(low), span_id, ..link })
}

fn event(reader: &mut Reader<'_>) -> Result<Event> {
    let start = reader.offset();
    let (mut time, mut name, mut attributes) = (None, None, BTreeMap::new());
    reader.fields("an event", "an event map", |reader, field| {
        match field {
            "time_unix_nano" => time = Some(reader.integer("nanoseconds as an integer")?),
            "name" => name = Some(reader.text("a text")?),
            "attributes" => {
                attributes = reader.text_map(|reader| attribute(reader, Nesting::Arrays))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let (Some(time_unix_ns), Some(name)) = (time, name) else {
        return Err(Error::new(start, "an event with `name` and `time_unix_nano`", "not both"));
    };
    Ok(Event { time_unix_ns, name, attributes })
}

/// What an attribute may hold: those in an array hold no arrays.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Arrays,
    Scalars,
}

/// `{type, <value field>}`. The field of the type may be absent for the type's zero value, which some
/// encoders omit.
fn attribute(reader: &mut Reader<'_>, nesting: Nesting) -> Result<Value> {
    let start = reader.offset();
    let mut kind: Option<u64> = None;
    let mut string = Text::default();
    let (mut boolean, mut int, mut double, mut array) = (false, 0, 0.0, Vec::new());
    let may_nest = nesting == Nesting::Arrays;
    reader.fields("an event attribute", "a map with `type` and a value", |reader, name| {
        match name {
            "type" => kind = Some(reader.integer("a type from 0 to 4")?),
            "string_value" => string = reader.text("a text")?,
            "bool_value" => boolean = reader.bool()?,
            "int_value" => int = reader.integer("an integer")?,
            "double_value" => double = reader.float()?,
            "array_value" if may_nest => array = array_value(reader)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match kind {
        Some(0) => Ok(Value::String(string)),
        Some(1) => Ok(Value::Bool(boolean)),
        Some(2) => Ok(Value::Int(int)),
        Some(3) => Ok(Value::Double(double)),
        Some(4) if may_nest => Ok(Value::Array(array)),
        other => {
            let expected = match nesting {
                Nesting::Arrays => "a `type` from 0 to 4",
                Nesting::Scalars => "a `type` from 0 to 3 in an array",
            };
            let found = other.map_or_else(|| "none".to_owned(), |kind| kind.to_string());
            Err(Error::new(start, expected, found))
        }
    }
}

fn array_value(reader: &mut Reader<'_>) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    reader.fields("an array attribute", "a map with `values`", |reader, name| {
        let is_known = name == "values";
        if is_known {
            let scalar = |reader: &mut Reader<'_>| attribute(reader, Nesting::Scalars);
            values = reader.list("an array of values", "value", scalar)?;
        }
        Ok(is_known)
    })?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(json: &serde_json::Value) -> std::result::Result<Value, String> {
        let body = rmp_serde::to_vec(json).unwrap();
        attribute(&mut Reader::new(&body), Nesting::Arrays).map_err(|e| e.to_string())
    }

    #[test]
    fn attributes_keep_their_types() {
        assert_eq!(decoded(&json!({"type": 3, "double_value": 0.0})), Ok(Value::Double(0.0)));
        assert_eq!(decoded(&json!({"int_value": 7, "type": 2})), Ok(Value::Int(7)));
        assert_eq!(decoded(&json!({"type": 1})), Ok(Value::Bool(false)));
        assert_eq!(
            decoded(
                &json!({"type": 4, "array_value": {"values": [{"type": 0, "string_value": "x"}]}})
            ),
            Ok(Value::Array(vec!["x".into()]))
        );
    }

    #[test]
    fn malformed_attributes_are_refused() {
        assert_eq!(
            decoded(&json!({"type": 3, "double_value": 1})).unwrap_err(),
            "byte 14, in `double_value`: expected a float, found the integer 1"
        );
        assert!(decoded(&json!({"type": 5})).unwrap_err().ends_with("0 to 4, found 5"));
        assert!(decoded(&json!({"string_value": "x"})).unwrap_err().ends_with("found none"));
        let nested = json!({"type": 4, "array_value": {"values": [{"type": 4}]}});
        assert!(decoded(&nested).unwrap_err().ends_with("from 0 to 3 in an array, found 4"));
    }

    #[test]
    fn known_flags_lose_their_marker_and_zero_is_unknown() {
        assert_eq!(link_flags(0x8000_0001), Some(1));
        assert_eq!(link_flags(0x8000_0000), Some(0));
        assert_eq!(link_flags(1), Some(1));
        assert_eq!(link_flags(0), None);
    }

    #[test]
    fn a_link_needs_both_ids() {
        let body = rmp_serde::to_vec(&json!({"trace_id": 1})).unwrap();
        assert!(link(&mut Reader::new(&body)).is_err());
    }
}
