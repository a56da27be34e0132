//! Addresses of peers, which are many, as one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::Ipv6Addr;

const BLOCKED: &str = "blocked-ip-address";

/// Addresses that are the same for everybody: the host itself, and the metadata services of clouds.
const KNOWN: [&str; 5] = ["127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "169.254.170.2"];

const SCHEMES: [&str; 5] = ["dnspoll", "ftp", "file", "http", "https"];

/// The hosts of peers, in a list with commas or alone, with `blocked-ip-address` for IP addresses: what the Agent makes
/// of the peer tags of statistics, so that not each address is a peer of its own.
///
/// Octets of IPv4 are separated by dots, dashes or underscores. A scheme or `ip-` before the address stays, and so does
/// what follows it, such as a port. Entries that are then the same become one. `127.0.0.1`, `::1` and the metadata
/// services of clouds stay.
///
/// ```
/// assert_eq!(tracehound::quantize::peer_address("10.1.2.3:53,db-1"), "blocked-ip-address:53,db-1");
/// ```
#[must_use]
pub fn peer_address(hosts: &str) -> Cow<'_, str> {
    // Most values are one host, and statistics ask for each span.
    if !hosts.contains(',') {
        return blocked(hosts).map_or(Cow::Borrowed(hosts), Cow::Owned);
    }
    let mut seen = HashSet::new();
    let mut changed = false;
    let mut written = String::new();
    for host in hosts.split(',') {
        let host = match blocked(host) {
            Some(blocked) => {
                changed = true;
                Cow::Owned(blocked)
            }
            None => Cow::Borrowed(host),
        };
        if seen.contains(&host) {
            changed = true;
            continue;
        }
        if !seen.is_empty() {
            written.push(',');
        }
        written.push_str(&host);
        seen.insert(host);
    }
    if changed { Cow::Owned(written) } else { Cow::Borrowed(hosts) }
}

fn blocked(host: &str) -> Option<String> {
    let (prefix, rest) = host.split_at(prefix(host));
    let (address, suffix) = address(rest)?;
    (!KNOWN.contains(&address)).then(|| [prefix, BLOCKED, suffix].concat())
}

/// The length of `ip-`, or of a scheme with two or three slashes.
fn prefix(host: &str) -> usize {
    if host.starts_with("ip-") {
        return "ip-".len();
    }
    let Some((scheme, rest)) = host.split_once(":/") else { return 0 };
    let slashes = rest.bytes().take(2).take_while(|byte| *byte == b'/').count();
    if slashes > 0 && SCHEMES.contains(&scheme) { scheme.len() + 2 + slashes } else { 0 }
}

/// The address at the beginning, and what follows it.
fn address(text: &str) -> Option<(&str, &str)> {
    if let Some(bracketed) = text.strip_prefix('[') {
        return bracketed.split_once(']').filter(|(address, _)| is_v6(address));
    }
    if is_v6(text) {
        return Some((text, ""));
    }
    let separator = text.chars().find(|c| !c.is_ascii_digit())?;
    if !matches!(separator, '.' | '-' | '_') {
        return None;
    }
    let mut rest = text;
    for octet in 0..4 {
        if octet > 0 {
            rest = rest.strip_prefix(separator)?;
        }
        let (number, behind) = rest.split_at(digits(rest));
        let leading_zero = number.len() > 1 && number.starts_with('0');
        if leading_zero || number.parse::<u8>().is_err() {
            return None;
        }
        rest = behind;
    }
    Some(text.split_at(text.len() - rest.len()))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn is_v6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}
