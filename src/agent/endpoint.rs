//! Where the agent is: a URL, a host and a port, a socket found on disk, or the default.
//!
//! The order is that of every Datadog tracer; a setting that cannot be used is reported and the next one
//! is taken. What is reported never repeats the setting's value, which may hold a password.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// The port of the agent's trace receiver, unless its `receiver_port` says otherwise.
const DEFAULT_PORT: u16 = 8126;

/// Where the agent opens its Unix socket by default.
const DEFAULT_SOCKET: &str = "/var/run/datadog/apm.socket";

/// The longest URL that is looked at: far below the limit of an HTTP request line, far above any address.
const MAX_URL_BYTES: usize = 2048;

/// The address of an agent; its `Display` is the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// HTTP over TCP.
    Http {
        host: Host,
        port: u16,
        /// What comes before `/v0.4/traces`: empty, or starting with a slash and not ending with one.
        path_prefix: String,
    },
    /// HTTP over a Unix socket.
    Unix { path: PathBuf },
}

/// The host of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A name to look up; only letters, digits, `-`, `.` and `_`.
    Name(String),
    /// An address that needs no lookup.
    Ip(IpAddr),
}

/// The settings that say where the agent is, as text; an empty one counts as absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AddressSettings<'a> {
    /// `DD_TRACE_AGENT_URL`.
    pub(crate) url: Option<&'a str>,
    /// `DD_AGENT_HOST`.
    pub(crate) host: Option<&'a str>,
    /// `DD_TRACE_AGENT_PORT`.
    pub(crate) port: Option<&'a str>,
}

/// The agent's address, and what is wrong with the settings, one line each.
///
/// The URL counts first, then host and port (either alone is enough), then the default socket if
/// `socket_exists`, then `http://localhost:8126`. A socket named by the URL need not exist yet.
pub(crate) fn resolve(
    settings: &AddressSettings<'_>,
    socket_exists: &dyn Fn(&Path) -> bool,
) -> (Endpoint, Vec<String>) {
    let mut problems = Vec::new();
    let mut report =
        |name: &str, problem: &str| problems.push(format!("{name} {problem}; ignored"));

    let url = given(settings.url).and_then(|url| {
        Endpoint::parse(url).map_err(|problem| report("DD_TRACE_AGENT_URL", problem)).ok()
    });
    // Looked at even where the URL wins: a bad value is worth its warning either way.
    let host = given(settings.host)
        .and_then(|host| bare_host(host).map_err(|problem| report("DD_AGENT_HOST", problem)).ok());
    let port = given(settings.port).and_then(|port| {
        parse_port(port).map_err(|problem| report("DD_TRACE_AGENT_PORT", problem)).ok()
    });

    let endpoint = match (url, host, port) {
        (Some(url), _, _) => url,
        (None, None, None) if socket_exists(Path::new(DEFAULT_SOCKET)) => {
            Endpoint::Unix { path: DEFAULT_SOCKET.into() }
        }
        (None, host, port) => Endpoint::Http {
            host: host.unwrap_or_else(|| Host::Name("localhost".into())),
            port: port.unwrap_or(DEFAULT_PORT),
            path_prefix: String::new(),
        },
    };
    (endpoint, problems)
}

fn given(setting: Option<&str>) -> Option<&str> {
    setting.map(str::trim).filter(|text| !text.is_empty())
}

impl Endpoint {
    /// Reads `http://host[:port][/prefix]` or `unix:///path`, or says what is wrong.
    ///
    /// A URL without a port means port 80, as in any URL. The path of a socket is percent-decoded.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let url = url.trim();
        if url.len() > MAX_URL_BYTES {
            return Err("is too long for an address");
        }
        let (scheme, rest) =
            url.split_once("://").ok_or("is not a URL such as http://host:8126 or unix:///path")?;
        if rest.contains(['?', '#']) {
            return Err("has a query or a fragment, which an agent's address has not");
        }
        match scheme.to_ascii_lowercase().as_str() {
            "http" => parse_http(rest),
            "unix" => parse_unix(rest),
            // Not silently http: what was meant to be secret would cross the network in clear.
            "https" => Err("asks for https, which needs the `tls` feature, not available"),
            _ => Err("has a scheme other than http, https and unix"),
        }
    }

    /// The value of the `Host` header. A Unix socket has no host: any constant does.
    pub(super) fn host_header(&self) -> String {
        match self {
            Endpoint::Http { host, port: 80, .. } => host.to_string(),
            Endpoint::Http { host, port, .. } => format!("{host}:{port}"),
            Endpoint::Unix { .. } => "localhost".into(),
        }
    }

    /// What a request for `path` asks this agent for.
    pub(super) fn target(&self, path: &str) -> String {
        match self {
            Endpoint::Http { path_prefix, .. } => format!("{path_prefix}{path}"),
            Endpoint::Unix { .. } => path.into(),
        }
    }
}

fn parse_http(rest: &str) -> Result<Endpoint, &'static str> {
    // Anywhere, not only before the first slash: a password may hold one.
    if rest.contains('@') {
        return Err("holds a user name or a password, which an agent does not take");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']').ok_or("has an unclosed `[`")?;
            let port = match port.strip_prefix(':') {
                None if !port.is_empty() => return Err("has something between `]` and the port"),
                port => port.unwrap_or_default(),
            };
            (parse_ipv6(address)?, port)
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            (parse_host(host)?, port)
        }
    };
    let path = path.trim_end_matches('/');
    if !path.bytes().all(is_path_byte) {
        return Err("has a character in its path that a URL cannot have");
    }
    Ok(Endpoint::Http {
        host,
        port: if port.is_empty() { 80 } else { parse_port(port)? },
        path_prefix: if path.is_empty() { String::new() } else { format!("/{path}") },
    })
}

fn parse_unix(rest: &str) -> Result<Endpoint, &'static str> {
    let mut path = percent_decode(rest).ok_or("has a `%` without two hexadecimal digits")?;
    while path.last() == Some(&b'/') {
        path.pop();
    }
    if path.contains(&0) {
        return Err("has a zero byte in its path");
    }
    // Mostly a slash forgotten: `unix://var/run/..`.
    if path.first() != Some(&b'/') {
        return Err(
            "has no absolute path: a socket's URL is unix:// and a path that starts with `/`",
        );
    }
    Ok(Endpoint::Unix { path: path_of(path)? })
}

/// A host on its own: a name, an IPv4 address, or an IPv6 address with or without brackets.
fn bare_host(text: &str) -> Result<Host, &'static str> {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => parse_ipv6(address),
        None if text.contains(':') => parse_ipv6(text),
        None => parse_host(text),
    }
}

fn parse_ipv6(text: &str) -> Result<Host, &'static str> {
    let address = text.parse::<Ipv6Addr>().map_err(|_| "is not an IPv6 address")?;
    Ok(Host::Ip(address.into()))
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    if text.is_empty() {
        return Err("has no host");
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(address.into()));
    }
    let is_host_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    // 253 is the longest name that DNS can carry.
    if text.len() > 253 || !text.bytes().all(is_host_byte) {
        return Err("is not a host name");
    }
    Ok(Host::Name(text.into()))
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err("has no port from 1 to 65535"),
    }
}

/// What may stand in the path of a URL as it is (RFC 3986, `pchar` and the slash).
fn is_path_byte(byte: u8) -> bool {
    is_plain_path_byte(byte) || b"%!$&'()*+,;=:".contains(&byte)
}

/// What never needs an escape in a path.
fn is_plain_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
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

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, &'static str> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Result<PathBuf, &'static str> {
    String::from_utf8(bytes).map(PathBuf::from).map_err(|_| "has a path that is not UTF-8")
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Http { host, port, path_prefix } => {
                write!(f, "http://{host}:{port}{path_prefix}")
            }
            Endpoint::Unix { path } => {
                f.write_str("unix://")?;
                for byte in path.as_os_str().as_encoded_bytes() {
                    if is_plain_path_byte(*byte) {
                        write!(f, "{}", char::from(*byte))?;
                    } else {
                        write!(f, "%{byte:02X}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(url: &str, host: &str, port: &str, socket: bool) -> (String, usize) {
        let settings = AddressSettings { url: Some(url), host: Some(host), port: Some(port) };
        let (endpoint, problems) = resolve(&settings, &|path| {
            assert_eq!(path, Path::new(DEFAULT_SOCKET));
            socket
        });
        (endpoint.to_string(), problems.len())
    }

    #[test]
    fn settings_count_in_order_and_bad_ones_fall_through() {
        for (url, host, port, socket, endpoint, problems) in [
            ("", "", "", false, "http://localhost:8126", 0),
            ("", "", "", true, "unix:///var/run/datadog/apm.socket", 0),
            ("", "h", "", true, "http://h:8126", 0),
            ("", "", "9126", true, "http://localhost:9126", 0),
            ("", "h", "9126", true, "http://h:9126", 0),
            ("http://u:1", "h", "9126", true, "http://u:1", 0),
            (" \t", " h ", " 9126 ", false, "http://h:9126", 0),
            ("unix:///a", "h", "", true, "unix:///a", 0),
            ("ftp://x", "h", "", true, "http://h:8126", 1),
            ("https://x", "", "", true, "unix:///var/run/datadog/apm.socket", 1),
            ("http://u:1", "a b", "0", true, "http://u:1", 2),
            ("", "h:8126", "", false, "http://localhost:8126", 1),
            ("", "http://h", "9126", false, "http://localhost:9126", 1),
            ("", "h", "0", true, "http://h:8126", 1),
            ("", "", "65536", true, "unix:///var/run/datadog/apm.socket", 1),
            ("", "", "-1", false, "http://localhost:8126", 1),
            ("", "::1", "5000", false, "http://[::1]:5000", 0),
            ("", "[::1]", "5000", false, "http://[::1]:5000", 0),
            ("", "0:0::1", "", false, "http://[::1]:8126", 0),
            ("", "10.0.0.1", "", false, "http://10.0.0.1:8126", 0),
            ("", "[::1", "", false, "http://localhost:8126", 1),
        ] {
            let case = (url, host, port, socket);
            assert_eq!(resolved(url, host, port, socket), (endpoint.into(), problems), "{case:?}");
        }
    }

    #[test]
    fn urls_become_endpoints() {
        for (url, expected) in [
            ("http://h", Some("http://h:80")),
            ("HTTP://h:8126", Some("http://h:8126")),
            ("http://h:", Some("http://h:80")),
            ("http://h:8126/", Some("http://h:8126")),
            ("http://h:8126//", Some("http://h:8126")),
            ("http://h:8126/proxy/dd/", Some("http://h:8126/proxy/dd")),
            ("http://h:8126/a%20b", Some("http://h:8126/a%20b")),
            ("http://my_agent.ns.svc:1", Some("http://my_agent.ns.svc:1")),
            ("http://[::1]", Some("http://[::1]:80")),
            ("http://[::1]:5000/p", Some("http://[::1]:5000/p")),
            ("http://127.0.0.1:5000", Some("http://127.0.0.1:5000")),
            ("unix:///run/a.socket", Some("unix:///run/a.socket")),
            ("unix:///run/a.socket/", Some("unix:///run/a.socket")),
            ("unix:///run/a%20b%25", Some("unix:///run/a%20b%25")),
            ("Unix:///run/ä", Some("unix:///run/%C3%A4")),
            ("", None),
            ("h:8126", None),
            ("http:", None),
            ("http://", None),
            ("http:///v0.4", None),
            ("http://:8126", None),
            ("http://h:0", None),
            ("http://h:65536", None),
            ("http://h:+80", None),
            ("http://h:80:90", None),
            ("http://::1:5000", None),
            ("http://[::1]5000", None),
            ("http://[::1", None),
            ("http://[h]:1", None),
            ("http://[fe80::1%25eth0]:1", None),
            ("http://a b:1", None),
            ("http://ä:1", None),
            ("http://h:1/a b", None),
            ("http://h:1/?x", None),
            ("http://h:1/#x", None),
            ("https://h:1", None),
            ("unix://", None),
            ("unix:///", None),
            ("unix://run/a.socket", None),
            ("unix:///run/%zz", None),
            ("unix:///run/%2", None),
            ("unix:///run/%00", None),
            ("unix:///run/a?b", None),
        ] {
            let endpoint = Endpoint::parse(url).ok().map(|endpoint| endpoint.to_string());
            assert_eq!(endpoint.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_password_is_refused_and_never_repeated() {
        for url in [
            "http://user:hunter2@h:8126",
            "http://hunter2@h",
            "http://user:hunter2/x@h:8126",
            "http://user:hun?hunter2@h",
            "https://user:hunter2@h",
            "user:hunter2@h",
            "hunter2://h",
            "unix://user:hunter2@h",
        ] {
            let settings = AddressSettings { url: Some(url), host: Some(url), port: Some(url) };
            let (endpoint, problems) = resolve(&settings, &|_| false);
            assert_eq!(endpoint.to_string(), "http://localhost:8126", "{url}");
            assert_eq!(problems.len(), 3, "{url}");
            assert!(!problems.concat().contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn the_prefix_and_the_host_header_follow_from_the_url() {
        for (url, target, host) in [
            ("http://h:8126/p/", "/p/info", "h:8126"),
            ("http://h", "/info", "h"),
            ("http://[::1]:5000", "/info", "[::1]:5000"),
            ("unix:///a", "/info", "localhost"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(
                (endpoint.target("/info"), endpoint.host_header()),
                (target.into(), host.into())
            );
        }
    }

    #[test]
    fn the_vectors_hold() {
        let vectors = include_str!("../../tests/vectors/configuration.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        for case in vectors["agent_url"].as_array().unwrap() {
            let setting = |name: &str| case["env"][name].as_str();
            let settings = AddressSettings {
                url: setting("DD_TRACE_AGENT_URL"),
                host: setting("DD_AGENT_HOST"),
                port: setting("DD_TRACE_AGENT_PORT"),
            };
            // One vector explains itself after the URL.
            let expected = case["url"].as_str().unwrap().split(' ').next().unwrap();
            assert_eq!(resolve(&settings, &|_| false).0.to_string(), expected, "{case}");
        }
    }

    proptest! {
        #[test]
        fn any_text_resolves_to_an_address_that_reads_back(
            url in prop_oneof![
                any::<String>(),
                "(http|unix|https|HTTP)://[a-z0-9:/.%@_\\[\\]?# -]{0,40}",
                "http://(h|\\[::1\\]|10\\.0\\.0\\.1)(:[0-9]{1,6})?(/[a-z%~/]{0,9})?",
                "unix:///\\PC{0,20}(%[0-9a-fA-F]{2}){0,4}/?",
            ],
            host in prop_oneof![any::<String>(), "[0-9a-f:.\\[\\]]{0,12}"],
            port in prop_oneof![any::<String>(), "[0-9+ -]{0,6}"],
        ) {
            let settings = AddressSettings { url: Some(&url), host: Some(&host), port: Some(&port) };
            let (endpoint, _) = resolve(&settings, &|_| true);
            prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint.clone()));
            // What resolves can also be asked for.
            let target = hyper::http::uri::PathAndQuery::try_from(endpoint.target("/v0.4/traces"));
            prop_assert!(target.is_ok());
            prop_assert!(hyper::http::HeaderValue::try_from(endpoint.host_header()).is_ok());
        }
    }
}
