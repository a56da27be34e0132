//! Texts as the agent reads them before it compares them.

use std::borrow::Cow;

/// The longest text, in characters.
const MAX_CHARS: usize = 200;
const MAX_SERVICE_CHARS: usize = 100;

/// The value of a tag: in lower case, letters, digits and `_ - : . /`. It begins with a letter or a colon; a run of
/// other characters is one `_`, and none is at the end.
pub(super) fn tag(value: &str) -> Cow<'_, str> {
    shortened(value, MAX_CHARS)
}

/// The name of a service.
pub(super) fn service(value: &str) -> Cow<'_, str> {
    shortened(value, MAX_SERVICE_CHARS)
}

fn shortened(value: &str, most: usize) -> Cow<'_, str> {
    let is_plain =
        |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b':' | b'.' | b'/' | b'-');
    if value.len() <= most
        && value.bytes().all(|byte| is_plain(&byte) || byte.is_ascii_digit())
        && value.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first == b':')
    {
        return value.into();
    }
    let mut text = String::new();
    let mut chars = 0;
    for c in value.chars().flat_map(char::to_lowercase) {
        if chars == most {
            break;
        }
        let is_first = text.is_empty();
        let is_taken =
            c.is_alphabetic() || c == ':' || !is_first && (c.is_numeric() || "-./".contains(c));
        if is_taken {
            text.push(c);
        } else if is_first || text.ends_with('_') {
            continue;
        } else {
            text.push('_');
        }
        chars += 1;
    }
    text.truncate(text.trim_end_matches('_').len());
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_by_the_agent() {
        for (value, expected) in [
            ("", ""),
            ("prod", "prod"),
            ("Prod", "prod"),
            ("prod EU", "prod_eu"),
            ("a__b", "a_b"),
            ("a!?b", "a_b"),
            ("__prod__", "prod"),
            ("1st-env", "st-env"),
            (":a", ":a"),
            ("a1.b/c-d", "a1.b/c-d"),
            ("ÜBER", "über"),
            ("a😀", "a"),
        ] {
            assert_eq!(tag(value), expected, "{value}");
        }
        assert_eq!(tag(&"é".repeat(300)).chars().count(), 200);
        assert_eq!(tag(&"X".repeat(300)).len(), 200);
        assert_eq!(service(&"x".repeat(300)).len(), 100);
    }
}
