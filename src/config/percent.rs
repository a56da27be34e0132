//! Percent-encoded text (RFC 3986, section 2.1).

#![deny(clippy::arithmetic_side_effects)]

/// The text; `None` where an escape is not two hexadecimal digits, or the whole is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    String::from_utf8(bytes(text)?).ok()
}

/// The same for what need not be UTF-8.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high << 4 | low).ok()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}
