//! v1's strings, sent once, and its typed attributes (trace-payload §7.4).

use std::sync::Arc;

use super::error::{Error, Result, Within};
use super::head::Head;
use super::reader::Reader;
use crate::model::{Quoted, Text, Value};

/// The texts so far, in byte order; a text stands in the body once and by its number afterwards.
pub(super) struct Strings {
    table: Vec<Text>,
}

/// Deeper values are refused: no tracer writes them, and reading them recurses.
const DEEPEST: usize = 32;

impl Strings {
    pub(super) fn new() -> Self {
        Self { table: vec![Text::default()] }
    }

    pub(super) fn text(&mut self, reader: &mut Reader<'_>) -> Result<Text> {
        let start = reader.offset();
        match reader.head()? {
            Head::Str(len) => {
                let text = reader.utf8(len)?;
                let text = reader.share(text)?;
                reader.charge(size_of::<Text>())?;
                self.table.push(Arc::clone(&text));
                Ok(text)
            }
            Head::UInt(id) => {
                let text = usize::try_from(id).ok().and_then(|index| self.table.get(index));
                text.map(Arc::clone).ok_or_else(|| {
                    let expected = format!("a string id below {}", self.table.len());
                    Error::new(start, expected, id.to_string())
                })
            }
            other => Err(other.instead_of("a text or the id of one", start)),
        }
    }

    /// A flat array of keys, types and values.
    pub(super) fn attributes(&mut self, reader: &mut Reader<'_>) -> Result<Vec<(Text, Value)>> {
        self.triplets(reader, DEEPEST)
    }

    fn triplets(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Vec<(Text, Value)>> {
        let len = groups(reader, 3, "an array of keys, types and values")?;
        let mut attributes = Vec::new();
        for _ in 0..len {
            reader.charge(size_of::<(Text, Value)>())?;
            let key = self.text(reader)?;
            let value =
                self.value(reader, depth).within(|| format!("attribute {}", Quoted(&key)))?;
            attributes.push((key, value));
        }
        Ok(attributes)
    }

    /// A type, then the value.
    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
        const TYPE: &str = "an attribute type from 1 to 7";

        let start = reader.offset();
        let Some(below) = depth.checked_sub(1) else {
            let expected = format!("at most {DEEPEST} values inside one another");
            return Err(Error::new(start, expected, "more"));
        };
        match reader.integer::<u64>(TYPE)? {
            1 => self.text(reader).map(Value::String),
            2 => reader.bool().map(Value::Bool),
            3 => reader.float().map(Value::Double),
            4 => reader.integer("a 64-bit signed integer").map(Value::Int),
            5 => reader.bytes_value().map(Value::Bytes),
            6 => {
                let len = groups(reader, 2, "an array of types and values")?;
                let mut values = Vec::new();
                for nth in 0..len {
                    reader.charge(size_of::<Value>())?;
                    values.push(self.value(reader, below).within(|| format!("element {nth}"))?);
                }
                Ok(Value::Array(values))
            }
            7 => self.triplets(reader, below).map(Value::Map),
            other => Err(Error::new(start, TYPE, other.to_string())),
        }
    }
}

/// The number of groups of `size` in an array that must hold whole ones.
fn groups(reader: &mut Reader<'_>, size: usize, expected: &'static str) -> Result<usize> {
    let start = reader.offset();
    let len = reader.array(expected)?;
    match (len.checked_rem(size), len.checked_div(size)) {
        (Some(0), Some(groups)) => Ok(groups),
        _ => {
            let expected = format!("{expected} with a length divisible by {size}");
            Err(Error::new(start, expected, len.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> std::result::Result<Vec<(Text, Value)>, String> {
        let mut reader = Reader::new(body);
        let read = Strings::new().attributes(&mut reader).map_err(|e| e.to_string())?;
        reader.finish().map_err(|e| e.to_string())?;
        Ok(read)
    }

    #[test]
    fn texts_are_numbered_in_byte_order() {
        // a: "b", b: ["a", "", {"c": "c"}]
        let body = b"\x96\xa1a\x01\xa1b\x02\x06\x96\x01\x01\x01\x00\x07\x93\xa1c\x01\x03";
        let nested = Value::Map(vec![("c".into(), "c".into())]);
        assert_eq!(
            read(body).unwrap(),
            [
                ("a".into(), "b".into()),
                ("b".into(), Value::Array(vec!["a".into(), "".into(), nested])),
            ]
        );
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_its_place() {
        let table: [(&[u8], &str); 5] = [
            (b"\x93\x01\x02\xc3", "byte 1: expected a string id below 1, found 1"),
            (
                b"\x92\xa1a\x01",
                "byte 0: expected an array of keys, types and values with a length divisible by 3, found 2",
            ),
            (
                b"\x93\xa1a\x06\x91\x01",
                "byte 4, in attribute \"a\": expected an array of types and values with a length divisible by 2, found 1",
            ),
            (
                b"\x93\xa1a\x03\x01",
                "byte 4, in attribute \"a\": expected a float, found the integer 1",
            ),
            (
                b"\x93\xa1a\x08\x01",
                "byte 3, in attribute \"a\": expected an attribute type from 1 to 7, found 8",
            ),
        ];
        for (body, expected) in table {
            assert_eq!(read(body).unwrap_err(), expected);
        }
    }

    #[test]
    fn nesting_ends() {
        let mut body = b"\x93\xa1a".to_vec();
        for _ in 0..100 {
            body.extend(b"\x06\x92");
        }
        body.extend(b"\x02\xc3");
        assert!(read(&body).unwrap_err().contains("at most 32 values inside one another"));
    }
}
