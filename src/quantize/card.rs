//! Numbers of payment cards.

/// The ranges of the first six digits that issuers have: the first and the last of each.
const ISSUERS: &[(u32, u32)] = &[
    (100_000, 199_999),
    (222_100, 272_099),
    (300_000, 305_999),
    (309_000, 309_999),
    (340_000, 499_999),
    (500_000, 589_999),
    (600_000, 699_999),
];

/// Whether a text is the number of a payment card: 12 to 16 digits, with blanks and dashes between, that begin as an
/// issuer's do; with `checksum` also the last digit has to be right (Luhn).
///
/// ```
/// use tracehound::quantize::is_card_number;
///
/// assert!(is_card_number("4111 1111 1111 1111", true));
/// assert!(!is_card_number("4111 1111 1111 1112", true));
/// ```
#[must_use]
pub fn is_card_number(text: &str, checksum: bool) -> bool {
    let mut digits = Vec::with_capacity(16);
    for c in text.chars() {
        match c.to_digit(10) {
            Some(_) if digits.len() == 16 => return false,
            Some(digit) => digits.push(digit),
            None if matches!(c, ' ' | '-') => {}
            None => return false,
        }
    }
    let first = digits.iter().take(6).fold(0, |number, digit| number * 10 + digit);
    let is_issued = ISSUERS.iter().any(|(low, high)| (*low..=*high).contains(&first));
    digits.len() >= 12 && is_issued && (!checksum || luhn(&digits) % 10 == 0)
}

/// The sum of the digits, each second one from the end but one doubled.
fn luhn(digits: &[u32]) -> u32 {
    let weighted = digits.iter().rev().enumerate().map(|(index, digit)| match index % 2 {
        0 => *digit,
        _ if *digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    });
    weighted.sum()
}
