//! What the strictest clients and servers take as a header: whatever else is sent, a receiver may refuse the whole
//! request for it, or see another header in it.

use super::chars::{self, BAGGAGE_KEY, trim};

/// Whether HTTP takes this as the name of a header: letters, digits and ``!#$%&'*+-.^_`|~``, one at least.
///
/// For propagators and bridges that make names of what they are given. Every client and server takes such a name;
/// HTTP/2 and gRPC want its letters in lower case.
///
/// ```
/// assert!(tracehound::is_header_name("ot-baggage-user"));
/// assert!(!tracehound::is_header_name("ot-baggage-user name"));
/// ```
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| chars::is(byte, BAGGAGE_KEY) || byte == b'%';
    !name.is_empty() && name.bytes().all(is_token)
}

/// The value that HTTP takes: without the blanks around it, which belong to no value; `None` where nothing is left,
/// or where a byte is in it that is not printable ASCII.
///
/// HTTP would allow more, but clients and servers refuse it: Rust's `HeaderValue::from_str`, gRPC's metadata, Python's
/// `requests`.
///
/// ```
/// use tracehound::header_value;
///
/// assert_eq!(header_value(" synthetics "), Some("synthetics"));
/// assert_eq!(header_value("a\r\nx-other: 1"), None);
/// assert_eq!(header_value("größe"), None);
/// ```
#[must_use]
pub fn header_value(value: &str) -> Option<&str> {
    std::str::from_utf8(printable(value.as_bytes())?).ok()
}

/// The same of bytes.
pub(super) fn printable(value: &[u8]) -> Option<&[u8]> {
    let value = trim(value);
    (!value.is_empty() && is_printable(value)).then_some(value)
}

/// Whether there is nothing but printable ASCII. Without a branch for each byte, so that many are looked at together.
pub(super) fn is_printable(value: &[u8]) -> bool {
    value.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_token() {
        let allowed: String =
            (0..=127u8).map(char::from).filter(|c| is_header_name(&c.to_string())).collect();
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        assert_eq!(allowed, format!("!#$%&'*+-.0123456789{letters}"));
        assert!(!is_header_name("") && !is_header_name("é"));
    }

    #[test]
    fn each_byte_is_seen_wherever_it_is() {
        assert!(is_printable(b""));
        for (byte, len) in (0..=255).flat_map(|byte| (1..=17).map(move |len| (byte, len))) {
            for (place, around) in (0..len).flat_map(|place| [(place, b' '), (place, b'~')]) {
                let mut value = vec![around; len];
                value[place] = byte;
                assert_eq!(is_printable(&value), matches!(byte, b' '..=b'~'), "{value:?}");
            }
        }
    }

    #[test]
    fn a_value_is_printable() {
        for (value, sent) in [
            ("a b", Some("a b")),
            (" \ta\t ", Some("a")),
            ("a\tb", None),
            ("a\u{7f}", None),
            ("a\0", None),
            ("a\n", None),
            ("\u{e9}", None),
            (" ", None),
            ("", None),
        ] {
            assert_eq!(header_value(value), sent, "{value:?}");
        }
    }
}
