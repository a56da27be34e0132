//! v0.5: a table of strings, then spans as arrays that refer to it (trace-payload §7.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{Error, Result, Within};
use super::reader::Reader;
use crate::model::{Chunk, Finding, Rule, Span, Text};

/// Elements of a span.
const SPAN_LEN: usize = 12;

pub(super) fn body(reader: &mut Reader<'_>) -> Result<Vec<Chunk>> {
    expect_len(reader, 2, "an array of a string table and chunks")?;
    let table = table(reader).within(|| "the string table".into())?;
    reader.list("an array of chunks", "chunk", |reader| {
        Ok(Chunk {
            spans: reader.list("an array of spans", "span", |reader| span(reader, &table))?,
        })
    })
}

fn table(reader: &mut Reader<'_>) -> Result<Vec<Text>> {
    let len = reader.array("an array of strings")?;
    let mut table = Vec::new();
    for nth in 0..len {
        table.push(reader.text("a text").within(|| format!("string {nth}"))?);
    }
    if table.first().is_none_or(|first| !first.is_empty()) {
        let text = "the string table does not begin with the empty string";
        reader.findings.push(Finding::new(Rule::StringTable, text));
    }
    Ok(table)
}

fn span(reader: &mut Reader<'_>, table: &[Text]) -> Result<Span> {
    expect_len(reader, SPAN_LEN, "an array of 12")?;
    Ok(Span {
        service: text(reader, table).within(|| "service".into())?,
        name: text(reader, table).within(|| "name".into())?,
        resource: text(reader, table).within(|| "resource".into())?,
        trace_id: reader.id().within(|| "trace id".into())?.into(),
        span_id: reader.id().within(|| "span id".into())?,
        parent_id: reader.id().within(|| "parent id".into())?,
        start_ns: reader.integer("nanoseconds as an integer").within(|| "start".into())?,
        duration_ns: reader.integer("nanoseconds as an integer").within(|| "duration".into())?,
        error: reader.integer("a 32-bit integer").within(|| "error".into())?,
        meta: map(reader, table, |reader| text(reader, table)).within(|| "meta".into())?,
        metrics: map(reader, table, |reader| reader.number()).within(|| "metrics".into())?,
        span_type: text(reader, table).within(|| "type".into())?,
        ..Span::default()
    })
}

fn expect_len(reader: &mut Reader<'_>, len: usize, expected: &'static str) -> Result<()> {
    let start = reader.offset();
    match reader.array(expected)? {
        found if found == len => Ok(()),
        found => Err(Error::new(start, expected, format!("an array of {found}"))),
    }
}

/// An index into the table.
fn text(reader: &mut Reader<'_>, table: &[Text]) -> Result<Text> {
    let start = reader.offset();
    let index: u32 = reader.integer("an index into the string table")?;
    let text = usize::try_from(index).ok().and_then(|index| table.get(index));
    text.map(Arc::clone).ok_or_else(|| {
        let expected = format!("an index below {}, the length of the string table", table.len());
        Error::new(start, expected, index.to_string())
    })
}

fn map<V>(
    reader: &mut Reader<'_>,
    table: &[Text],
    value: impl FnMut(&mut Reader<'_>) -> Result<V>,
) -> Result<BTreeMap<Text, V>> {
    reader.map_of("a map of string indices", |reader| text(reader, table), value)
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, decode};
    use super::*;

    #[test]
    fn shapes_are_exact_and_indices_inside_the_table() {
        let table: [(&[u8], &str); 3] = [
            (
                b"\x93\x90\x90\x90",
                "byte 0: expected an array of a string table and chunks, found an array of 3",
            ),
            (
                b"\x92\x91\xa0\x91\x91\x91\x00",
                "byte 5, in chunk 0, span 0: expected an array of 12, found an array of 1",
            ),
            (
                b"\x92\x91\xa0\x91\x91\x9c\x00\x01\x00\x01\x01\x00\x00\x00\x00\x80\x80\x00",
                "byte 7, in chunk 0, span 0, name: \
                 expected an index below 1, the length of the string table, found 1",
            ),
        ];
        for (body, expected) in table {
            assert_eq!(decode(Encoding::V05, body).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_table_without_the_empty_string_is_reported() {
        let payload = decode(Encoding::V05, b"\x92\x91\xa1x\x90").unwrap();
        assert_eq!(payload.findings[0].rule, Rule::StringTable);
    }
}
