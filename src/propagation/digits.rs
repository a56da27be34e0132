//! Numbers in headers. By hand: `from_str_radix` takes signs, and formatting costs more than a whole header.

#![deny(clippy::arithmetic_side_effects)]

/// The bit that marks a digit in upper case.
const UPPER: u8 = 0x10;
const INVALID: u8 = 0x80;

#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and checks it")]
static NIBBLES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = match byte as u8 {
            digit @ b'0'..=b'9' => digit.wrapping_sub(b'0'),
            letter @ b'a'..=b'f' => letter.wrapping_sub(b'a' - 10),
            letter @ b'A'..=b'F' => letter.wrapping_sub(b'A' - 10) | UPPER,
            _ => INVALID,
        };
        byte += 1;
    }
    table
};

/// Which hexadecimal digits are allowed: the number is the lowest mark that is not.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Case {
    Lower = UPPER,
    Any = INVALID,
}

/// Up to 16 hexadecimal digits; `None` for an empty, longer or other text.
pub(super) fn parse_hex(digits: &[u8], case: Case) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut seen = 0;
    let mut value = 0;
    for digit in digits {
        let nibble = NIBBLES.get(usize::from(*digit)).copied().unwrap_or(INVALID);
        seen |= nibble;
        value = (value << 4) | u64::from(nibble & 0xf);
    }
    (seen < case as u8).then_some(value)
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn parse_byte(digits: [u8; 2]) -> Option<u8> {
    u8::try_from(parse_hex(&digits, Case::Any)?).ok()
}

/// A decimal number without a sign.
pub(super) fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

/// A decimal number with an optional minus sign.
pub(super) fn parse_integer(text: &[u8]) -> Option<i32> {
    let digits = text.strip_prefix(b"-");
    let value = i64::try_from(parse_decimal(digits.unwrap_or(text))?).ok()?;
    i32::try_from(if digits.is_some() { value.checked_neg()? } else { value }).ok()
}

/// 16 hexadecimal digits in lower case: 8 at once, and both times 8 side by side, as vectors have it.
///
/// The first digit is the lowest byte. One nibble to a byte, then `0` for all and, from ten on, what is between
/// the digits and the letters.
#[inline]
pub(crate) fn hex(value: u64) -> [u8; 16] {
    let bytes = value.swap_bytes();
    let halves = [bytes & 0xffff_ffff, bytes >> 32];
    let pairs = halves.map(|half| (half | (half << 16)) & 0x0000_ffff_0000_ffff);
    let bytes = pairs.map(|pair| (pair | (pair << 8)) & 0x00ff_00ff_00ff_00ff);
    let nibbles = bytes.map(|byte| ((byte >> 4) | (byte << 8)) & 0x0f0f_0f0f_0f0f_0f0f);
    let words = nibbles.map(|nibble| {
        let from_ten = nibble.wrapping_add(0x7676_7676_7676_7676) & 0x8080_8080_8080_8080;
        let letters = from_ten.wrapping_sub(from_ten >> 7) & 0x2727_2727_2727_2727;
        nibble.wrapping_add(0x3030_3030_3030_3030).wrapping_add(letters)
    });
    let mut digits = [0; 16];
    for (eight, word) in digits.chunks_exact_mut(8).zip(words) {
        eight.copy_from_slice(&word.to_le_bytes());
    }
    digits
}

/// Appends a template, and lends it to be filled in where it is.
///
/// Filled in elsewhere and then copied, it would be read in other pieces than it was written in; processors wait for
/// such reads.
#[inline]
pub(super) fn push_form<'t, const N: usize>(
    text: &'t mut Vec<u8>,
    form: &[u8; N],
) -> Option<&'t mut [u8; N]> {
    text.extend_from_slice(form);
    text.last_chunk_mut::<N>()
}

pub(super) fn push_hex(text: &mut Vec<u8>, value: u64) {
    text.extend_from_slice(&hex(value));
}

/// The digits of the numbers below 100.
#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and checks it")]
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut pair = 0;
    while pair < pairs.len() {
        pairs[pair] = [b'0' + (pair / 10) as u8, b'0' + (pair % 10) as u8];
        pair += 1;
    }
    pairs
};

#[inline]
pub(super) fn push_decimal(text: &mut Vec<u8>, value: u64) {
    match value {
        0..10 => text.push(b'0' | value as u8),
        _ => push_long_decimal(text, value),
    }
}

/// Two digits at a time, from the last; the zeros in front are left out.
fn push_long_decimal(text: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    for pair in digits.rchunks_exact_mut(2) {
        pair.copy_from_slice(PAIRS.get((value % 100) as usize).unwrap_or(b"00"));
        value /= 100;
    }
    let first = digits.iter().position(|digit| *digit != b'0').unwrap_or_default();
    text.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[inline]
pub(super) fn push_integer(text: &mut Vec<u8>, value: i32) {
    if value < 0 {
        text.push(b'-');
    }
    push_decimal(text, value.unsigned_abs().into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_a_number_is_refused() {
        for bad in ["", "g", "-1", "+1", " 1", "1 ", "0x1", "11111111111111111"] {
            assert_eq!(parse_hex(bad.as_bytes(), Case::Any), None, "{bad:?}");
        }
        assert_eq!(parse_hex(b"A", Case::Lower), None);
        assert_eq!(parse_hex(b"A", Case::Any), Some(10));
        for bad in ["", "-1", "+1", " 1", "1a", "18446744073709551616"] {
            assert_eq!(parse_decimal(bad.as_bytes()), None, "{bad:?}");
        }
        for bad in ["", "-", "--1", "+1", "2147483648", "-2147483649", "-18446744073709551615"] {
            assert_eq!(parse_integer(bad.as_bytes()), None, "{bad:?}");
        }
    }

    fn pushed(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        push(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn numbers_have_no_zeros_before_them() {
        let powers = (0..20).map(|exponent| 10u64.pow(exponent));
        let borders =
            powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(9)]);
        for value in borders.chain([99_999, 18_446_744_073_709_551_615]) {
            assert_eq!(pushed(|text| push_decimal(text, value)), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_back(value: u64, priority: i32) {
            let hex = pushed(|text| push_hex(text, value));
            prop_assert_eq!(&hex, &format!("{value:016x}"));
            prop_assert_eq!(parse_hex(hex.as_bytes(), Case::Lower), Some(value));
            let decimal = pushed(|text| push_decimal(text, value));
            prop_assert_eq!(&decimal, &value.to_string());
            prop_assert_eq!(parse_decimal(decimal.as_bytes()), Some(value));
            let integer = pushed(|text| push_integer(text, priority));
            prop_assert_eq!(&integer, &priority.to_string());
            prop_assert_eq!(parse_integer(integer.as_bytes()), Some(priority));
        }
    }
}
