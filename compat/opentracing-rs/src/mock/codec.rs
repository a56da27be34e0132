//! The mock tracer's contexts in carriers.

use std::fmt::Write as _;

use super::context::MockContext;
use crate::{Baggage, Error, TextMapReader, TextMapWriter};

const TRACE_ID: &str = "mock-trace-id";
const SPAN_ID: &str = "mock-span-id";
const BAGGAGE: &str = "mock-baggage-";

// ===== text =====

pub(super) fn write_text(
    context: &MockContext,
    carrier: &mut dyn TextMapWriter,
    encode: impl Fn(&str) -> String,
) {
    carrier.set(TRACE_ID, &context.trace_id.to_string());
    carrier.set(SPAN_ID, &context.span_id.to_string());
    for (key, value) in context.baggage.iter() {
        carrier.set(&format!("{BAGGAGE}{}", encode(key)), &encode(value));
    }
}

pub(super) fn read_text(
    carrier: &dyn TextMapReader,
    decode: impl Fn(&str) -> Option<String>,
) -> Result<Option<MockContext>, Error> {
    let mut baggage = Baggage::new();
    let mut is_whole = true;
    carrier.for_each(&mut |key, value| {
        let Some((prefix, key)) = key.split_at_checked(BAGGAGE.len()) else { return };
        if prefix.eq_ignore_ascii_case(BAGGAGE) {
            match (decode(key), decode(value)) {
                (Some(key), Some(value)) => baggage.set(key, value),
                _ => is_whole = false,
            }
        }
    });
    let (trace_id, span_id) = match (carrier.get(TRACE_ID), carrier.get(SPAN_ID)) {
        (None, None) => return Ok(None),
        (Some(trace_id), Some(span_id)) => (trace_id, span_id),
        _ => return Err(Error::span_context_corrupted("one of the two ids is missing")),
    };
    if !is_whole {
        return Err(Error::span_context_corrupted("an item of the baggage is not encoded well"));
    }
    let id = |text: &str| text.parse::<u64>().map_err(Error::span_context_corrupted);
    Ok(Some(MockContext { trace_id: id(trace_id)?, span_id: id(span_id)?, baggage }))
}

/// Percent-encoding that survives HTTP, which knows no upper case in names: only lower case, digits, `-`,
/// `_` and `.` stand for themselves.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => escaped.push(char::from(byte)),
            _ => drop(write!(escaped, "%{byte:02x}")),
        }
    }
    escaped
}

pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        rest = after;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

// ===== bytes =====

/// Both ids, then names and values of the baggage, each behind its length; all numbers big-endian.
pub(super) fn write_binary(context: &MockContext, bytes: &mut Vec<u8>) {
    bytes.extend(context.trace_id.to_be_bytes());
    bytes.extend(context.span_id.to_be_bytes());
    for text in context.baggage.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
}

pub(super) fn read_binary(bytes: &[u8]) -> Result<Option<MockContext>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut rest = bytes;
    let read = read_context(&mut rest);
    read.map(Some).ok_or_else(|| Error::span_context_corrupted("it is cut off or not text"))
}

fn read_context(rest: &mut &[u8]) -> Option<MockContext> {
    let (trace_id, span_id) = (number(rest)?, number(rest)?);
    let mut baggage = Baggage::new();
    while !rest.is_empty() {
        baggage.set(text(rest)?, text(rest)?);
    }
    Some(MockContext { trace_id, span_id, baggage })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_be_bytes(*number))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_leaves_nothing_that_http_changes() {
        for text in ["", "a-b_c.9", "Ab%C", "ключ =\r\n\u{0}"] {
            let escaped = escape(text);
            assert!(escaped.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
            assert_eq!(unescape(&escaped).as_deref(), Some(text));
        }
        for bad in ["%", "%4", "%+1", "%zz", "%ff"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    #[test]
    fn bytes_that_are_cut_anywhere_are_no_context() {
        let baggage = Baggage::new().with("key", "wörth");
        let context = MockContext { trace_id: 1, span_id: u64::MAX, baggage };
        let mut bytes = Vec::new();
        write_binary(&context, &mut bytes);
        assert_eq!(read_binary(&bytes).unwrap(), Some(context));
        for length in (1..bytes.len()).filter(|length| *length != 16) {
            assert!(read_binary(&bytes[..length]).is_err(), "{length}");
        }
    }
}
