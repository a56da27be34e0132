//! The header `forwarded` (RFC 7239): `for=192.0.2.60;proto=http, for="[2001:db8::1]:80"`.

use std::net::IpAddr;

use super::client_ip::address;

/// The addresses behind `for=`, in their order, at most so many; none where the header is not written as it has to be.
/// `unknown` and names of nodes (`_hidden`) are no addresses.
pub(super) fn addresses(header: &str, most: usize) -> Vec<IpAddr> {
    read(header, most).unwrap_or_default()
}

fn read(header: &str, most: usize) -> Option<Vec<IpAddr>> {
    let mut found = Vec::new();
    let mut rest = header.trim();
    while !rest.is_empty() && found.len() < most {
        let (name, value) = rest.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let behind = if value.starts_with('"') {
            let end = quoted_end(value)?;
            let (quoted, behind) = value.split_at(end);
            keep(name, quoted.trim_matches('"'), &mut found);
            behind
        } else {
            // Addresses of version 6 have to be quoted, and are not always.
            let end = value.find([';', ',', ' ', '\t']).unwrap_or(value.len());
            let (token, behind) = value.split_at(end);
            keep(name, token, &mut found);
            behind
        };
        rest = next(behind)?;
    }
    Some(found)
}

fn keep(name: &str, value: &str, found: &mut Vec<IpAddr>) {
    if name.eq_ignore_ascii_case("for") {
        found.extend(address(value));
    }
}

/// Behind the closing quote.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

/// Behind the separator of pairs or elements.
fn next(behind: &str) -> Option<&str> {
    let behind = behind.trim_start();
    if behind.is_empty() {
        return Some(behind);
    }
    Some(behind.strip_prefix([';', ','])?.trim_start())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_and_a_mistake_discards_the_header() {
        for (header, expected) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("For=\"[2001:db8::1]:4711\", for=192.0.2.1:80", "2001:db8::1,192.0.2.1"),
            ("by=10.0.0.1;for=\"8.8.8.8\"", "8.8.8.8"),
            ("for=unknown, for=_hidden, for=1.1.1.1", "1.1.1.1"),
            ("proto=\"a\\\"b\";for=1.1.1.1", "1.1.1.1"),
            ("for=1.1.1.1,", "1.1.1.1"),
            ("for=\"1.1.1.1", ""),
            ("for=1.1.1.1 x", ""),
            ("1.1.1.1", ""),
            ("=1.1.1.1", ""),
            ("a b=1.1.1.1", ""),
            ("", ""),
        ] {
            let found: Vec<_> = addresses(header, 9).iter().map(ToString::to_string).collect();
            assert_eq!(found.join(","), expected, "{header}");
        }
    }
}
