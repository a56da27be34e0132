//! The door: an encoding and a body in, chunks out.

use super::error::{Result, Within};
use super::reader::Reader;
use super::{span_map, tag_form, v1, v05, v07};
use crate::model::{Chunk, Finding, Span};

/// The encodings of the trace endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `/v0.3/traces` and `/v0.4/traces`: an array of arrays of span maps.
    V04,
    /// `/v0.5/traces`: a table of strings, then arrays that refer to it.
    V05,
    /// `/v0.7/traces`: maps named like the agent's own messages.
    V07,
    /// `/v1.0/traces`: maps with integer keys, strings sent once.
    V1,
}

/// A decoded body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// In wire order; may contain empty chunks, as their number is what `X-Datadog-Trace-Count` says.
    pub chunks: Vec<Chunk>,
    /// What the model has no place for: unknown fields, keys that came twice, and the like.
    pub findings: Vec<Finding>,
}

/// Decodes a whole body.
///
/// # Errors
///
/// When the body is not exactly one value of the encoding.
pub fn decode(encoding: Encoding, body: &[u8]) -> std::result::Result<Payload, super::Error> {
    let mut reader = Reader::new(body);
    let mut chunks = match encoding {
        Encoding::V04 => span_map::body(&mut reader),
        Encoding::V05 => v05::body(&mut reader),
        Encoding::V07 => v07::body(&mut reader),
        Encoding::V1 => v1::body(&mut reader),
    }?;
    reader.finish()?;
    for chunk in &mut chunks {
        if encoding != Encoding::V1 {
            join_trace_ids(chunk);
        }
        for span in &mut chunk.spans {
            tag_form::adopt(span, &mut reader.findings);
        }
    }
    Ok(Payload { chunks, findings: reader.findings.into_vec() })
}

/// Reads an array of chunks with `chunk`, naming each in errors.
pub(super) fn chunks(
    reader: &mut Reader<'_>,
    mut chunk: impl FnMut(&mut Reader<'_>) -> Result<Chunk>,
) -> Result<Vec<Chunk>> {
    let len = reader.array("an array of chunks")?;
    let mut chunks = Vec::new();
    for nth in 0..len {
        reader.charge(size_of::<Chunk>())?;
        chunks.push(chunk(reader).within(|| format!("chunk {nth}"))?);
    }
    Ok(chunks)
}

/// Reads an array of spans with `span`, naming each in errors.
pub(super) fn spans(
    reader: &mut Reader<'_>,
    mut span: impl FnMut(&mut Reader<'_>) -> Result<Span>,
) -> Result<Vec<Span>> {
    let len = reader.array("an array of spans")?;
    let mut spans = Vec::new();
    for nth in 0..len {
        reader.charge(size_of::<Span>())?;
        spans.push(span(reader).within(|| format!("span {nth}"))?);
    }
    Ok(spans)
}

/// Before v1 a span has the low half of its trace id, and the first of its chunk the high half as a
/// tag. A malformed tag counts as absent here; `check` reports it.
fn join_trace_ids(chunk: &mut Chunk) {
    let high = chunk.spans.first().and_then(|span| span.meta("_dd.p.tid")).and_then(high_bits);
    let Some(high) = high else { return };
    for span in &mut chunk.spans {
        span.trace_id |= u128::from(high) << 64;
    }
}

/// The value of a well-formed `_dd.p.tid`.
pub(crate) fn high_bits(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() == 16 && digits { u64::from_str_radix(text, 16).ok() } else { None }
}

/// Whether the bytes are one MessagePack value, of any kind, and nothing else.
pub(crate) fn is_one_value(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.skip().and_then(|()| reader.finish()).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Encoding; 4] = [Encoding::V04, Encoding::V05, Encoding::V07, Encoding::V1];

    #[test]
    fn an_empty_list_is_a_payload_and_an_empty_body_is_not() {
        assert_eq!(decode(Encoding::V04, b"\x90"), Ok(Payload::default()));
        assert_eq!(
            decode(Encoding::V04, b"").unwrap_err().to_string(),
            "byte 0: expected 1 more byte, found the end of the body"
        );
    }

    #[test]
    fn bytes_after_the_payload_are_refused() {
        let error = decode(Encoding::V04, b"\x90\x90").unwrap_err();
        assert_eq!(error.to_string(), "byte 1: expected the end, found 1 more bytes");
    }

    #[test]
    fn the_high_half_of_a_trace_id_is_exactly_16_lower_case_digits() {
        assert_eq!(high_bits("640cfd8d00000000"), Some(0x640c_fd8d_0000_0000));
        for bad in ["", "640CFD8D00000000", "640cfd8d0000000", "+40cfd8d00000000"] {
            assert_eq!(high_bits(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics_the_decoder(body in proptest::collection::vec(any::<u8>(), 0..256)) {
            for encoding in ALL {
                drop(decode(encoding, &body));
            }
        }
    }
}
