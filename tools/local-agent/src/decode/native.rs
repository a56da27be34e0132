//! Links and events as v0.4 and v0.7 write them (trace-payload §5 and §6).

use std::collections::BTreeMap;

use super::error::{Error, Result, Within};
use super::reader::Reader;
use crate::model::{Event, Link, Quoted, Text, Value};

/// Set on the wire when the flags are known, so that 0 can say "unknown".
const FLAGS_KNOWN: u32 = 1 << 31;

pub(super) fn links(reader: &mut Reader<'_>) -> Result<Vec<Link>> {
    list(reader, "an array of links", "link", link)
}

pub(super) fn events(reader: &mut Reader<'_>) -> Result<Vec<Event>> {
    list(reader, "an array of events", "event", event)
}

pub(super) fn list<T>(
    reader: &mut Reader<'_>,
    expected: &'static str,
    one: &'static str,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let len = reader.array(expected)?;
    let mut items = Vec::new();
    for nth in 0..len {
        reader.charge(size_of::<T>())?;
        items.push(item(reader).within(|| format!("{one} {nth}"))?);
    }
    Ok(items)
}

/// The flags of a link from their wire form.
pub(super) fn link_flags(wire: u32) -> Option<u32> {
    if wire == 0 { None } else { Some(wire & !FLAGS_KNOWN) }
}

fn link(reader: &mut Reader<'_>) -> Result<Link> {
    let start = reader.offset();
    let mut link = Link::default();
    let (mut low, mut span_id) = (None, None);
    for _ in 0..reader.map("a link map")? {
        let name = reader.str("a field name")?;
        let mut field = || -> Result<()> {
            match name {
                "trace_id" => low = Some(reader.id()?),
                "trace_id_high" => link.trace_id = u128::from(reader.id()?) << 64,
                "span_id" => span_id = Some(reader.id()?),
                "attributes" => {
                    link.attributes =
                        reader.text_map(|reader| reader.text("a text").map(Value::String))?;
                }
                "tracestate" => link.tracestate = reader.text("a text")?,
                "flags" => link.flags = link_flags(reader.u32("a 32-bit unsigned integer")?),
                _ => reader.unknown("a link", name)?,
            }
            Ok(())
        };
        field().within(|| Quoted(name).to_string())?;
    }
    let (Some(low), Some(span_id)) = (low, span_id) else {
        return Err(Error::new(start, "a link with `trace_id` and `span_id`", "not both"));
    };
    link.trace_id |= u128::from(low);
    link.span_id = span_id;
    Ok(link)
}

fn event(reader: &mut Reader<'_>) -> Result<Event> {
    let start = reader.offset();
    let mut event = Event::default();
    let (mut time, mut event_name) = (None, None);
    for _ in 0..reader.map("an event map")? {
        let name = reader.str("a field name")?;
        let mut field = || -> Result<()> {
            match name {
                "time_unix_nano" => time = Some(reader.uint("nanoseconds as an integer")?),
                "name" => event_name = Some(reader.text("a text")?),
                "attributes" => event.attributes = attributes(reader)?,
                _ => reader.unknown("an event", name)?,
            }
            Ok(())
        };
        field().within(|| Quoted(name).to_string())?;
    }
    let (Some(time), Some(name)) = (time, event_name) else {
        return Err(Error::new(start, "an event with `name` and `time_unix_nano`", "not both"));
    };
    event.time_unix_ns = time;
    event.name = name;
    Ok(event)
}

fn attributes(reader: &mut Reader<'_>) -> Result<BTreeMap<Text, Value>> {
    reader.text_map(|reader| attribute(reader, Nesting::Arrays))
}

#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Arrays,
    Scalars,
}

/// `{type, <value field>}`. The field of the type may be absent for the type's zero value, which some
/// encoders omit.
fn attribute(reader: &mut Reader<'_>, nesting: Nesting) -> Result<Value> {
    let start = reader.offset();
    let mut kind = None;
    let mut string = Text::default();
    let (mut boolean, mut int, mut double, mut array) = (false, 0, 0.0, Vec::new());
    for _ in 0..reader.map("a map with `type` and a value")? {
        match reader.str("a field name")? {
            "type" => kind = Some(reader.uint("a type from 0 to 4").within(|| "`type`".into())?),
            "string_value" => string = reader.text("a text").within(|| "`string_value`".into())?,
            "bool_value" => boolean = reader.bool().within(|| "`bool_value`".into())?,
            "int_value" => int = reader.int("an integer").within(|| "`int_value`".into())?,
            "double_value" => double = reader.float().within(|| "`double_value`".into())?,
            "array_value" if nesting == Nesting::Arrays => {
                array = array_value(reader).within(|| "`array_value`".into())?;
            }
            other => reader.unknown("an event attribute", other)?,
        }
    }
    match kind {
        Some(0) => Ok(Value::String(string)),
        Some(1) => Ok(Value::Bool(boolean)),
        Some(2) => Ok(Value::Int(int)),
        Some(3) => Ok(Value::Double(double)),
        Some(4) if nesting == Nesting::Arrays => Ok(Value::Array(array)),
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
    for _ in 0..reader.map("a map with `values`")? {
        match reader.str("a field name")? {
            "values" => {
                values = list(reader, "an array of values", "value", |reader| {
                    attribute(reader, Nesting::Scalars)
                })?;
            }
            other => reader.unknown("an array attribute", other)?,
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &serde_json::Value) -> Vec<u8> {
        fn convert(json: &serde_json::Value) -> rmpv::Value {
            match json {
                serde_json::Value::String(s) => s.as_str().into(),
                serde_json::Value::Bool(b) => (*b).into(),
                serde_json::Value::Array(a) => rmpv::Value::Array(a.iter().map(convert).collect()),
                serde_json::Value::Object(o) => rmpv::Value::Map(
                    o.iter().map(|(k, v)| (k.as_str().into(), convert(v))).collect(),
                ),
                serde_json::Value::Number(n) if n.is_f64() => n.as_f64().unwrap().into(),
                serde_json::Value::Number(n) => n.as_i64().unwrap().into(),
                serde_json::Value::Null => rmpv::Value::Nil,
            }
        }
        let mut body = Vec::new();
        rmpv::encode::write_value(&mut body, &convert(json)).unwrap();
        body
    }

    fn decoded(json: &serde_json::Value) -> std::result::Result<Value, String> {
        let body = encoded(json);
        attribute(&mut Reader::new(&body), Nesting::Arrays).map_err(|e| e.to_string())
    }

    #[test]
    fn attributes_keep_their_types() {
        use serde_json::json;
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
        use serde_json::json;
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
        let body = encoded(&serde_json::json!({"trace_id": 1}));
        assert!(link(&mut Reader::new(&body)).is_err());
    }
}
