//! The door: an encoding and a body in, chunks out.

use super::reader::Reader;
use super::trace_id::join_trace_ids;
use super::{span_map, tag_form, v1, v05, v07};
use crate::model::{Chunk, Finding};

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Encoding; 4] = [Encoding::V04, Encoding::V05, Encoding::V07, Encoding::V1];

    #[test]
    fn a_body_is_one_payload_and_nothing_else() {
        assert_eq!(decode(Encoding::V04, b"\x90"), Ok(Payload::default()));
        let error = |body| decode(Encoding::V04, body).unwrap_err().to_string();
        assert_eq!(error(b""), "byte 0: expected 1 more byte, found the end of the body");
        assert_eq!(error(b"\x90\x90"), "byte 1: expected the end, found 1 more bytes");
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
