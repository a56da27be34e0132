//! Reads v0.5.

use super::Limits;
use super::chunk::ChunkWriter;
use super::reader::Reader;
use crate::encode::payload::Payload;

/// Reads what is before the chunks, and the chunks.
pub(super) fn read(
    strings: &[u8],
    chunks: &[u8],
    into: &mut Payload,
    limits: Limits,
) -> Option<()> {
    let mut table = Reader(strings);
    (table.array()? == 2).then_some(())?;
    let strings = (0..table.array()?).map(|_| table.text()).collect::<Option<Vec<_>>>()?;
    let mut reader = Reader(chunks);
    let mut writer = ChunkWriter::new(into, limits);
    for _ in 0..reader.array()? {
        writer.begin();
        for _ in 0..reader.array()? {
            span(&mut reader, &strings, &mut writer)?;
        }
        writer.end();
    }
    Some(())
}

fn span<'a>(
    reader: &mut Reader<'a>,
    strings: &[&'a [u8]],
    writer: &mut ChunkWriter<'_>,
) -> Option<()> {
    (reader.array()? == 12).then_some(())?;
    for key in ["service", "name", "resource"] {
        writer.field(key).str(string(reader, strings)?);
    }
    for key in ["trace_id", "span_id"] {
        writer.field(key).u64(reader.uint()?);
    }
    match reader.uint()? {
        0 => {}
        parent => writer.field("parent_id").u64(parent),
    }
    writer.field("start").i64(reader.int()?);
    writer.field("duration").uint(reader.uint()?);
    match reader.uint()? {
        0 => {}
        error => writer.field("error").uint(error),
    }
    for _ in 0..reader.map()? {
        let key = string(reader, strings)?;
        writer.text(key, string(reader, strings)?);
    }
    for _ in 0..reader.map()? {
        let key = string(reader, strings)?;
        writer.number(key).raw(reader.number()?);
    }
    match string(reader, strings)? {
        [] => {}
        span_type => writer.field("type").str(span_type),
    }
    writer.end_span();
    Some(())
}

fn string<'a>(reader: &mut Reader<'a>, strings: &[&'a [u8]]) -> Option<&'a [u8]> {
    strings.get(usize::try_from(reader.uint()?).ok()?).copied()
}
