//! Which bytes each part of a header may have. One table with a bit for each part: a look-up takes less time than
//! comparisons.

#![deny(clippy::arithmetic_side_effects)]

/// A key of `x-datadog-tags`.
pub(super) const TAG_KEY: u8 = 1;
/// A value of `x-datadog-tags`.
pub(super) const TAG_VALUE: u8 = 1 << 1;
/// A key of `tracestate`, but for its `@`.
pub(super) const STATE_KEY: u8 = 1 << 2;
/// A value of `tracestate`.
pub(super) const STATE_VALUE: u8 = 1 << 3;
/// The name of a tag in the `dd` member, as it is.
pub(super) const MEMBER_NAME: u8 = 1 << 4;
/// A value in the `dd` member, as it is.
pub(super) const MEMBER_VALUE: u8 = 1 << 5;
/// A key of `baggage`, as it is.
pub(super) const BAGGAGE_KEY: u8 = 1 << 6;
/// A value of `baggage`, as it is.
pub(super) const BAGGAGE_VALUE: u8 = 1 << 7;

/// Beside letters and digits; values of baggage allow the second as well. A `%` is always escaped, so that it is never
/// taken for an escape.
const BAGGAGE_SIGNS: [&[u8]; 2] = [b"!#$&'*+-.^_`|~", b"()/:<>?@[]{}"];

const fn has(signs: &[u8], byte: u8) -> bool {
    match signs {
        [first, rest @ ..] => *first == byte || has(rest, byte),
        [] => false,
    }
}

const fn classes(byte: u8) -> u8 {
    let printable = matches!(byte, b' '..=b'~');
    let graphic = matches!(byte, b'!'..=b'~');
    let state_key = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let baggage = byte.is_ascii_alphanumeric() || has(BAGGAGE_SIGNS[0], byte);
    let all = [
        (TAG_KEY, graphic && !has(b",=", byte)),
        (TAG_VALUE, printable && byte != b','),
        (STATE_KEY, state_key),
        (STATE_VALUE, printable && !has(b",=", byte)),
        (MEMBER_NAME, graphic && !has(b",=;:", byte)),
        (MEMBER_VALUE, printable && !has(b",=;~", byte)),
        (BAGGAGE_KEY, baggage),
        (BAGGAGE_VALUE, baggage || has(BAGGAGE_SIGNS[1], byte)),
    ];
    let mut classes = 0;
    let mut rest = all.as_slice();
    while let [(class, is_in), behind @ ..] = rest {
        classes |= if *is_in { *class } else { 0 };
        rest = behind;
    }
    classes
}

#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and checks it")]
static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = classes(byte as u8);
        byte += 1;
    }
    table
};

pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

pub(super) fn all(text: &[u8], class: u8) -> bool {
    text.iter().all(|byte| is(*byte, class))
}

/// What is in the class at the beginning, and the rest.
pub(super) fn span(text: &str, class: u8) -> (&str, &str) {
    let end = text.bytes().position(|byte| !is(byte, class)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Without the spaces and tabs around it: the optional whitespace of HTTP.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// The same for what is known to be text.
pub(super) fn trim_str(text: &str) -> &str {
    match text.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => text.trim_matches([' ', '\t']),
        _ => text,
    }
}

/// What is before the first of an ASCII character, and what is behind it.
///
/// Texts here are a few bytes long, for which a plain loop is faster than the search of `str`.
pub(super) fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    let (before, behind) = text.split_at_checked(place)?;
    Some((before, behind.get(1..)?))
}

/// The parts between an ASCII character; one at least.
pub(super) fn split(text: &str, at: u8) -> impl Iterator<Item = &str> + Clone {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match split_once(text, at) {
            Some((before, behind)) => {
                rest = Some(behind);
                Some(before)
            }
            None => rest.take(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_classes_are_those_of_the_protocols() {
        let alphanumeric = |others: &str| -> String {
            let is_in = |c: &char| c.is_ascii_alphanumeric() || others.contains(*c);
            ('\0'..='\u{7f}').filter(is_in).collect()
        };
        let without = |first: char, others: &str| -> String {
            (first..='~').filter(|c| !others.contains(*c)).collect()
        };
        for (class, expected) in [
            (TAG_KEY, without('!', ",=")),
            (TAG_VALUE, without(' ', ",")),
            (STATE_KEY, "*-/0123456789_abcdefghijklmnopqrstuvwxyz".to_owned()),
            (STATE_VALUE, without(' ', ",=")),
            (MEMBER_NAME, without('!', ",=;:")),
            (MEMBER_VALUE, without(' ', ",=;~")),
            (BAGGAGE_KEY, alphanumeric("!#$&'*+-.^_`|~")),
            (BAGGAGE_VALUE, alphanumeric("!#$&'*+-.^_`|~()/:<>?@[]{}")),
        ] {
            let members = (0..=255).filter(|byte| is(*byte, class)).map(char::from);
            assert_eq!(members.collect::<String>(), expected);
        }
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        for (text, trimmed) in
            [(" \t a b\t ", "a b"), ("\n", "\n"), (" \t", ""), ("", ""), ("a ", "a")]
        {
            assert_eq!(trim(text.as_bytes()), trimmed.as_bytes());
            assert_eq!(trim_str(text), trimmed);
        }
    }

    #[test]
    fn a_span_ends_before_what_is_not_in_the_class() {
        assert_eq!(span("ab=c", TAG_KEY), ("ab", "=c"));
        assert_eq!(span("abé", TAG_KEY), ("ab", "é"));
        assert_eq!(span("ab", TAG_KEY), ("ab", ""));
        assert_eq!(span("", TAG_KEY), ("", ""));
    }

    proptest! {
        #[test]
        fn parts_are_those_of_the_standard_library(text in "[a,é]{0,9}") {
            prop_assert_eq!(split(&text, b',').collect::<Vec<_>>(), text.split(',').collect::<Vec<_>>());
            prop_assert_eq!(split_once(&text, b','), text.split_once(','));
        }
    }
}
