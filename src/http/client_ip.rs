//! The address of the client, as the proxies on the way say it.

use std::net::{IpAddr, Ipv6Addr};

use super::forwarded;

/// The headers that proxies set, in the order in which they count. All are asked until one says a global address.
pub(super) const HEADERS: [&str; 10] = [
    "x-forwarded-for",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "forwarded",
    "forwarded-for",
    "x-cluster-client-ip",
    "fastly-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
];

/// How many addresses of a header are read.
const MAX_ADDRESSES: usize = 100;

/// The address that is meant: the first global one that a header says, else the peer's if that is global or no header
/// says any, else the first private one. The headers are given in the order in which they count.
pub(super) fn resolve<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    peer: Option<IpAddr>,
) -> Option<IpAddr> {
    let mut private = None;
    for (name, value) in headers {
        let addresses = match name.eq_ignore_ascii_case("forwarded") {
            true => forwarded::addresses(value, MAX_ADDRESSES),
            false => value.split(',').take(MAX_ADDRESSES).filter_map(address).collect(),
        };
        if let Some(global) = addresses.iter().find(|address| is_global(**address)) {
            return Some(*global);
        }
        private = private.or(addresses.first().copied());
    }
    match peer {
        Some(peer) if private.is_none() || is_global(peer) => Some(peer),
        _ => private,
    }
}

/// An address, maybe with a port: `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some((bracketed, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
        return bracketed.parse::<Ipv6Addr>().ok().filter(|_| is_port).map(canonical);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (host, port) = text.split_once(':')?;
    host.parse().ok().filter(|_| is_number(port)).map(IpAddr::V4)
}

fn canonical(address: Ipv6Addr) -> IpAddr {
    IpAddr::V6(address).to_canonical()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an address is one of the internet, and not of a host or a network of somebody's own, nor of documents.
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_own = v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared;
            !(is_own || v4.is_documentation() || a == 0 || a >= 240)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            let is_link_local = first & 0xffc0 == 0xfe80;
            let is_unique_local = first & 0xfe00 == 0xfc00;
            let is_site_local = first & 0xffc0 == 0xfec0;
            let is_documentation = (first, second) == (0x2001, 0xdb8);
            let is_own = is_link_local || is_unique_local || is_site_local;
            !(v6.is_loopback() || v6.is_unspecified() || is_own || is_documentation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        for (text, expected) in [
            (" 1.2.3.4 ", Some("1.2.3.4")),
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("2001:DB8:0::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("", None),
            ("1.2.3", None),
            ("1.2.3.256", None),
            ("01.2.3.4", None),
            ("1.2.3.4:", None),
            ("1.2.3.4:x", None),
            ("1.2.3.4:80:80", None),
            ("[1.2.3.4]", None),
            ("[::1", None),
            ("[::1]x", None),
            ("fe80::1%eth0", None),
            ("localhost", None),
            ("é", None),
            ("unknown", None),
        ] {
            assert_eq!(
                address(text).map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_of_networks_of_ones_own_are_not_global() {
        for (text, expected) in [
            ("8.8.8.8", true),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("192.0.2.60", false),
            ("255.255.255.255", false),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("fec0::1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(address(text).map(is_global), Some(expected), "{text}");
        }
    }
}
