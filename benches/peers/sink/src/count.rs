//! How many spans a payload holds.

use rmp::Marker;

/// In a payload of Datadog's versions 0.3 and 0.4: an array of traces, which are arrays of spans.
pub(crate) fn datadog(payload: &[u8]) -> Option<u64> {
    let mut rest = payload;
    let traces = array(&mut rest)?;
    let mut spans = 0;
    for _ in 0..traces {
        let length = array(&mut rest)?;
        spans += length;
        skip(&mut rest, length)?;
    }
    rest.is_empty().then_some(spans)
}

/// In a payload of Datadog's version 0.5: the strings, and traces as before.
pub(crate) fn v05(payload: &[u8]) -> Option<u64> {
    let mut rest = payload;
    if array(&mut rest)? != 2 {
        return None;
    }
    skip(&mut rest, 1)?;
    datadog(rest)
}

/// In a payload of Datadog's version 1.0: a map in which 11 are the traces, maps in which 4 are the spans.
pub(crate) fn v1(payload: &[u8]) -> Option<u64> {
    let mut rest = payload;
    let mut spans = 0;
    for _ in 0..map(&mut rest)? {
        if key(&mut rest)? != 11 {
            skip(&mut rest, 1)?;
            continue;
        }
        for _ in 0..array(&mut rest)? {
            for _ in 0..map(&mut rest)? {
                if key(&mut rest)? == 4 {
                    let length = array(&mut rest)?;
                    spans += length;
                    skip(&mut rest, length)?;
                } else {
                    skip(&mut rest, 1)?;
                }
            }
        }
    }
    rest.is_empty().then_some(spans)
}

fn map(rest: &mut &[u8]) -> Option<u64> {
    match marker(rest)? {
        Marker::FixMap(length) => Some(length.into()),
        Marker::Map16 => number(rest, 2),
        Marker::Map32 => number(rest, 4),
        _ => None,
    }
}

/// Of a map: a small number.
fn key(rest: &mut &[u8]) -> Option<u8> {
    match marker(rest)? {
        Marker::FixPos(key) => Some(key),
        _ => None,
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

/// A number of so many bytes, most significant first.
fn number(rest: &mut &[u8], length: usize) -> Option<u64> {
    Some(take(rest, length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn marker(rest: &mut &[u8]) -> Option<Marker> {
    Some(Marker::from_u8(*take(rest, 1)?.first()?))
}

fn array(rest: &mut &[u8]) -> Option<u64> {
    match marker(rest)? {
        Marker::FixArray(length) => Some(length.into()),
        Marker::Array16 => number(rest, 2),
        Marker::Array32 => number(rest, 4),
        _ => None,
    }
}

/// Passes over so many values, and whatever is in them.
fn skip(rest: &mut &[u8], values: u64) -> Option<()> {
    let mut left = values;
    while left > 0 {
        left -= 1;
        let (bytes, inside) = match marker(rest)? {
            Marker::FixPos(_) | Marker::FixNeg(_) => (0, 0),
            Marker::Null | Marker::True | Marker::False => (0, 0),
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            Marker::FixStr(length) => (length.into(), 0),
            Marker::Str8 | Marker::Bin8 => (number(rest, 1)?, 0),
            Marker::Str16 | Marker::Bin16 => (number(rest, 2)?, 0),
            Marker::Str32 | Marker::Bin32 => (number(rest, 4)?, 0),
            Marker::FixArray(length) => (0, length.into()),
            Marker::Array16 => (0, number(rest, 2)?),
            Marker::Array32 => (0, number(rest, 4)?),
            Marker::FixMap(length) => (0, 2 * u64::from(length)),
            Marker::Map16 => (0, 2 * number(rest, 2)?),
            Marker::Map32 => (0, 2 * number(rest, 4)?),
            _ => return None,
        };
        take(rest, usize::try_from(bytes).ok()?)?;
        left += inside;
    }
    Some(())
}

/// In an `ExportTraceServiceRequest` of OTLP: `resource_spans` (1), their `scope_spans` (2), their `spans` (2).
pub(crate) fn otlp(payload: &[u8]) -> Option<u64> {
    fields(payload, &[1, 2, 2])
}

/// How many fields there are on a path of field numbers through nested messages.
fn fields(message: &[u8], path: &[u64]) -> Option<u64> {
    let Some((wanted, inner)) = path.split_first() else { return Some(1) };
    let mut rest = message;
    let mut count = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        match key & 7 {
            0 => drop(varint(&mut rest)?),
            1 => drop(take(&mut rest, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let value = take(&mut rest, length)?;
                if key >> 3 == *wanted {
                    count += fields(value, inner)?;
                }
            }
            5 => drop(take(&mut rest, 4)?),
            _ => return None,
        }
    }
    Some(count)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_all_traces_count_whatever_is_in_them() {
        // [[{"a": [1, "xy"], "b": {}}, {}], [], [{}]]
        let payload = b"\x93\x92\x82\xa1a\x92\x01\xa2xy\xa1b\x80\x80\x90\x91\x80";
        assert_eq!(datadog(payload), Some(3));
        assert_eq!(datadog(&payload[..payload.len() - 1]), None);
        assert_eq!(datadog(b"\x90\x00"), None);
        assert_eq!(datadog(b"{}"), None);
    }

    #[test]
    fn spans_count_behind_strings_and_in_their_field() {
        // [["", "a"], [[{}, {}], [{}]]]
        let payload = b"\x92\x92\xa0\xa1a\x92\x92\x80\x80\x91\x80";
        assert_eq!(v05(payload), Some(3));
        assert_eq!(v05(&payload[1..]), None);
        // {3: "rust", 11: [{6: 1, 4: [{}, {}]}, {4: [{1: 1}]}]}
        let payload = b"\x82\x03\xa4rust\x0b\x92\x82\x06\x01\x04\x92\x80\x80\x81\x04\x91\x81\x01\x01";
        assert_eq!(v1(payload), Some(3));
        assert_eq!(v1(&payload[..payload.len() - 1]), None);
    }

    #[test]
    fn spans_of_all_scopes_count() {
        // Two resources; the first has a scope with two spans beside its own fields.
        let payload = b"\x0a\x0a\x0a\x00\x12\x06\x12\x00\x12\x02\x09x\x0a\x04\x12\x02\x12\x00";
        assert_eq!(otlp(payload), Some(3));
        assert_eq!(otlp(&payload[..5]), None);
        assert_eq!(otlp(b""), Some(0));
    }
}
