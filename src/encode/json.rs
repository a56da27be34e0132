//! The JSON that the payload formats need, written behind what is there.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a text.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    // Writing into a vector does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// Writes a number that is finite.
pub(super) fn float(out: &mut Vec<u8>, number: f64) {
    let _ = serde_json::to_writer(out, &number);
}

/// Writes what is the same in JSON: a whole number, or a truth value.
pub(super) fn plain(out: &mut Vec<u8>, value: impl Display) {
    let _ = write!(out, "{value}");
}

/// Writes the comma before an entry of an object or an array, unless it is the first one.
pub(super) fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), None | Some(b'{' | b'[')) {
        out.push(b',');
    }
}

/// Begins an entry of an object. The name needs no escapes.
pub(super) fn name(out: &mut Vec<u8>, name: &str) {
    comma(out);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// As [`name`], for any text.
pub(super) fn key(out: &mut Vec<u8>, key: &str) {
    comma(out);
    text(out, key);
    out.push(b':');
}

/// Writes an object.
pub(super) fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'{');
    write(out);
    out.push(b'}');
}

/// Writes bytes as text in base64 (RFC 4648, section 4).
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push(b'"');
    for three in bytes.chunks(3) {
        let at = |place: usize| three.get(place).copied().map_or(0, u32::from);
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = DIGITS.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            out.push(if place > three.len() { b'=' } else { digit });
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_vectors_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            base64(&mut out, bytes.as_bytes());
            assert_eq!(out, format!("\"{text}\"").into_bytes());
        }
        let mut out = Vec::new();
        base64(&mut out, &[0xff, 0xfe, 0xfb]);
        assert_eq!(out, b"\"//77\"");
    }

    #[test]
    fn entries_are_separated() {
        let mut out = b"{".to_vec();
        name(&mut out, "a");
        text(&mut out, "\"\n\u{7f}é");
        name(&mut out, "b");
        float(&mut out, 1.5);
        out.push(b'}');
        assert_eq!(out, "{\"a\":\"\\\"\\n\u{7f}é\",\"b\":1.5}".as_bytes());
    }
}
