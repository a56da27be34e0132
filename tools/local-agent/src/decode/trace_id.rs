//! The high half of a trace id, which travels apart from the low one before v1 (trace-payload §3).

use crate::model::Chunk;

/// Before v1 a span has the low half of its trace id, and the first of its chunk the high half as a
/// tag. A malformed tag counts as absent here; `check` reports it.
pub(super) fn join_trace_ids(chunk: &mut Chunk) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_half_of_a_trace_id_is_exactly_16_lower_case_digits() {
        assert_eq!(high_bits("640cfd8d00000000"), Some(0x640c_fd8d_0000_0000));
        for bad in ["", "640CFD8D00000000", "640cfd8d0000000", "+40cfd8d00000000"] {
            assert_eq!(high_bits(bad), None, "{bad}");
        }
    }
}
