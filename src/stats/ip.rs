//! Addresses in the names of peers, which would make a group of each: they are replaced.

use std::borrow::Cow;
use std::net::Ipv6Addr;

const BLOCKED: &str = "blocked-ip-address";

/// Of the machine itself, or of the same name on all machines of a cloud.
const KEPT: [&str; 5] = ["127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "169.254.170.2"];

const SCHEMES: [&str; 5] = ["dnspoll:", "ftp:", "file:", "http:", "https:"];

/// The value of a peer tag without addresses. Names that are then the same are there once.
pub(super) fn quantize(value: &str) -> Cow<'_, str> {
    // Without one of these it is no address, and most values are none.
    if !value.contains(['.', ':', '-', '_', ',']) {
        return value.into();
    }
    if !value.contains(',') {
        return piece(value);
    }
    let mut pieces: Vec<Cow<'_, str>> = Vec::new();
    for piece in value.split(',').map(piece) {
        if !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
    pieces.join(",").into()
}

fn piece(text: &str) -> Cow<'_, str> {
    let rest = without_prefix(text);
    let Some((address, suffix)) = address(rest) else { return text.into() };
    if KEPT.contains(&address) {
        return text.into();
    }
    let prefix = text.strip_suffix(rest).unwrap_or_default();
    format!("{prefix}{BLOCKED}{suffix}").into()
}

fn without_prefix(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix("ip-") {
        return rest;
    }
    let after_scheme = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = after_scheme.and_then(|rest| rest.strip_prefix("//"));
    rest.map_or(text, |rest| rest.strip_prefix('/').unwrap_or(rest))
}

/// The address that a text begins with, and what follows.
fn address(text: &str) -> Option<(&str, &str)> {
    if let Some((inside, suffix)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return inside.parse::<Ipv6Addr>().ok().map(|_| (inside, suffix));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((text, ""));
    }
    text.split_at_checked(v4_len(text)?)
}

/// How long the IPv4 address is that a text begins with: four numbers with one separator.
fn v4_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut separator = None;
    for field in 0..4 {
        if field > 0 {
            let found = *bytes.get(at)?;
            let is_right = *separator.get_or_insert(found) == found;
            if !is_right || !matches!(found, b'.' | b'-' | b'_') {
                return None;
            }
            at += 1;
        }
        let rest = bytes.get(at..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = rest.get(..digits)?;
        let has_zero_before = digits > 1 && number.first() == Some(&b'0');
        let value =
            number.iter().take(4).fold(0, |value, digit| 10 * value + u32::from(digit - b'0'));
        if digits == 0 || digits > 3 || has_zero_before || value > 255 {
            return None;
        }
        at += digits;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_begins_a_name_and_what_follows_is_kept() {
        for (text, expected) in [
            ("10.0.0.7.example.com", "blocked-ip-address.example.com"),
            ("10.0-0.7", "10.0-0.7"),
            ("256.0.0.1", "256.0.0.1"),
            ("a10.0.0.7", "a10.0.0.7"),
            ("[10.0.0.7]:80", "[10.0.0.7]:80"),
            ("[::1]:80", "[::1]:80"),
            ("ftp:/10.0.0.7", "ftp:/10.0.0.7"),
            ("127.0.0.1:5432", "127.0.0.1:5432"),
            ("h1,h1,h2", "h1,h2"),
            ("é.10.0.0.7", "é.10.0.0.7"),
        ] {
            assert_eq!(quantize(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_value_is_too_strange(text in "(ip-|http://)?[0-9a-f.:_,\\[\\]é-]{0,40}", any in ".{0,40}") {
            quantize(&any);
            let once = quantize(&text).into_owned();
            prop_assert_eq!(quantize(&once), once.as_str(), "twice is as once: {}", text);
        }
    }
}
