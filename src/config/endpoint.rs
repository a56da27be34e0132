//! The address of the agent: how it is written and read.
//!
//! A message about a bad address never repeats the address, which may hold a password.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::percent;

/// The port of the agent's trace receiver, unless its `receiver_port` says otherwise.
const DEFAULT_PORT: u16 = 8126;

/// Where the agent opens its Unix socket by default.
pub(super) const DEFAULT_SOCKET: &str = "/var/run/datadog/apm.socket";

/// Longer URLs are refused: no address is that long, and it is far below the limit of an HTTP request line.
const MAX_URL_BYTES: usize = 2048;

const IS_NO_URL: &str = "is not a URL such as http://host:8126 or unix:///path";
pub(super) const IS_PIPE: &str = "names a Windows pipe, over which this library does not send; let the agent listen on a \
                                  port, which is http://localhost:8126 by default";

/// The address of an agent; its `Display` is the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// HTTP over TCP, or over TLS.
    Http {
        is_tls: bool,
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

/// `http://localhost:8126`.
impl Default for Endpoint {
    fn default() -> Self {
        Endpoint::at(None, None)
    }
}

impl Endpoint {
    /// Reads `http://host[:port][/prefix]`, the same with `https`, `unix:///path` or `unix:/path`, or says what is
    /// wrong.
    ///
    /// A URL without a port means port 80, or 443 for `https`, as in any URL. The path of a socket is percent-decoded,
    /// so its slashes may be written as `%2F` too.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        let url = url.trim();
        if url.len() > MAX_URL_BYTES {
            return Err("is too long for an address");
        }
        if url.starts_with(r"\\") {
            return Err(IS_PIPE);
        }
        let (scheme, rest) = url.split_once(':').ok_or(IS_NO_URL)?;
        let scheme = scheme.to_ascii_lowercase();
        // The name of a pipe may hold anything.
        if matches!(scheme.as_str(), "windows" | "npipe") {
            return Err(IS_PIPE);
        }
        let after_slashes = rest.strip_prefix("//");
        let is_path = scheme == "unix" && rest.starts_with('/');
        let rest = after_slashes.or(is_path.then_some(rest)).ok_or(IS_NO_URL)?;
        if rest.contains(['?', '#']) {
            return Err("has a query or a fragment, which an agent's address has not");
        }
        match scheme.as_str() {
            "http" => parse_http(rest, false),
            "unix" => parse_unix(rest),
            "https" if cfg!(feature = "tls") => parse_http(rest, true),
            // Not silently http: what was meant to be secret would cross the network in clear.
            "https" => Err(
                "asks for https: TLS to the agent needs the feature `tls` of the crate tracehound, without which \
                 this program was built; or use http:// or unix://",
            ),
            _ => Err("has a scheme other than http, https and unix"),
        }
    }

    /// The address of an agent on a host or a port, or both; `localhost` and 8126 where one is missing.
    pub(super) fn at(host: Option<Host>, port: Option<u16>) -> Self {
        Endpoint::Http {
            is_tls: false,
            host: host.unwrap_or_else(|| Host::Name("localhost".into())),
            port: port.unwrap_or(DEFAULT_PORT),
            path_prefix: String::new(),
        }
    }

    /// The address of something below this one: its path, and then this one. A socket has nothing below it.
    pub(super) fn below(mut self, path: &str) -> Self {
        if let Endpoint::Http { path_prefix, .. } = &mut self {
            path_prefix.push_str(path);
        }
        self
    }

    /// This one, with nothing after the port.
    pub(super) fn without_path(mut self) -> Self {
        if let Endpoint::Http { path_prefix, .. } = &mut self {
            path_prefix.clear();
        }
        self
    }

    /// The address of an agent on a Unix socket, or what is wrong with its path.
    pub(super) fn socket(path: &Path) -> Result<Self, &'static str> {
        // Written and parsed again, so that only the parser knows what a path has to be.
        Endpoint::parse(&Endpoint::Unix { path: path.to_owned() }.to_string())
    }
}

fn parse_http(rest: &str, is_tls: bool) -> Result<Endpoint, &'static str> {
    // Anywhere, not only before the first slash: a password may hold one.
    if rest.contains('@') {
        return Err("holds a user name or a password, which an agent does not take");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // The colons within brackets are those of an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let host = if host.starts_with('[') { bare_host(host)? } else { parse_host(host)? };
    let path = path.trim_end_matches('/');
    if !path.bytes().all(is_path_byte) {
        return Err("has a character in its path that a URL cannot have");
    }
    Ok(Endpoint::Http {
        is_tls,
        host,
        port: if port.is_empty() { usual_port(is_tls) } else { parse_port(port)? },
        path_prefix: if path.is_empty() { String::new() } else { format!("/{path}") },
    })
}

fn parse_unix(rest: &str) -> Result<Endpoint, &'static str> {
    let mut path = percent::bytes(rest).ok_or("has a `%` without two hexadecimal digits")?;
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
pub(super) fn bare_host(text: &str) -> Result<Host, &'static str> {
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

/// The port of a URL that names none.
pub(crate) const fn usual_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
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
            Endpoint::Http { is_tls, host, port, path_prefix } => {
                let scheme = if *is_tls { "https" } else { "http" };
                write!(f, "{scheme}://{host}:{port}{path_prefix}")
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

    type Read = fn(&str) -> Result<Endpoint, &'static str>;

    #[test]
    fn urls_hosts_and_paths_become_endpoints() {
        const HOST: Read = |text| Ok(Endpoint::at(Some(bare_host(text)?), None));
        const PATH: Read = |text| Endpoint::socket(Path::new(text));

        let urls = [
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
            ("unix:/run/a.socket", Some("unix:///run/a.socket")),
            (" UNIX:/run/a%20b ", Some("unix:///run/a%20b")),
            ("unix://%2Frun%2Fa.socket", Some("unix:///run/a.socket")),
            ("unix://%2frun%2fa.socket%2f", Some("unix:///run/a.socket")),
            ("unix:/%2Frun/a.socket", Some("unix:////run/a.socket")),
            ("unix:///run/a:b@c", Some("unix:///run/a%3Ab%40c")),
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
            ("http:h:1", None),
            ("http:/h:1", None),
            ("https:", None),
            ("unix:", None),
            ("unix:run/a.socket", None),
            ("unix://", None),
            ("unix:///", None),
            ("unix://run/a.socket", None),
            ("unix://run%2Fa.socket", None),
            ("unix:///run/%zz", None),
            ("unix:///run/%2", None),
            ("unix:///run/%00", None),
            ("unix:///run/a?b", None),
        ];
        let hosts = [
            ("h", Some("http://h:8126")),
            ("10.0.0.1", Some("http://10.0.0.1:8126")),
            ("::1", Some("http://[::1]:8126")),
            ("[::1]", Some("http://[::1]:8126")),
            ("0:0::1", Some("http://[::1]:8126")),
            ("a b", None),
            ("h:8126", None),
            ("http://h", None),
            ("[::1", None),
            ("", None),
        ];
        let paths = [
            ("/run/a.socket", Some("unix:///run/a.socket")),
            ("/run/a b?#%", Some("unix:///run/a%20b%3F%23%25")),
            ("run/a.socket", None),
            ("", None),
            ("/run/\0", None),
        ];
        for (read, cases) in
            [(Endpoint::parse as Read, &urls[..]), (HOST, &hosts[..]), (PATH, &paths[..])]
        {
            for (text, expected) in cases {
                let endpoint = read(text).ok().map(|endpoint| endpoint.to_string());
                assert_eq!(endpoint.as_deref(), *expected, "{text}");
            }
        }
        assert_eq!(Endpoint::default().to_string(), "http://localhost:8126");
        assert_eq!(Endpoint::at(None, Some(1)).to_string(), "http://localhost:1");
    }

    #[test]
    fn https_needs_the_feature_and_says_so() {
        for (url, expected) in [
            ("https://h", "https://h:443"),
            ("HTTPS://h:8126/p/", "https://h:8126/p"),
            ("https://[::1]", "https://[::1]:443"),
        ] {
            match Endpoint::parse(url) {
                Ok(endpoint) => assert_eq!(endpoint.to_string(), expected),
                Err(why) => assert!(why.contains("needs the feature `tls`"), "{why}"),
            }
            assert_eq!(Endpoint::parse(url).is_ok(), cfg!(feature = "tls"), "{url}");
        }
    }

    #[test]
    fn a_windows_pipe_is_refused_with_the_reason() {
        for url in [
            r"\\.\pipe\datadog-apm",
            r"windows:\\.\pipe\datadog-apm",
            "windows:////./pipe/datadog-apm",
            "npipe:////./pipe/datadog-apm",
            "NPIPE://datadog?",
        ] {
            assert_eq!(Endpoint::parse(url), Err(IS_PIPE), "{url}");
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
            let problems = [Endpoint::parse(url).err(), bare_host(url).err()];
            for problem in problems {
                assert!(!problem.unwrap().contains("hunter2"), "{problem:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_that_is_an_address_reads_back(
            url in prop_oneof![
                any::<String>(),
                "(http|unix|https|HTTP)://[a-z0-9:/.%@_\\[\\]?# -]{0,40}",
                "http://(h|\\[::1\\]|10\\.0\\.0\\.1)(:[0-9]{1,6})?(/[a-z%~/]{0,9})?",
                "unix:///\\PC{0,20}(%[0-9a-fA-F]{2}){0,4}/?",
            ],
            host in prop_oneof![any::<String>(), "[0-9a-f:.\\[\\]]{0,12}"],
            port in any::<u16>(),
        ) {
            let host = bare_host(&host).ok();
            for endpoint in Endpoint::parse(&url).into_iter().chain([Endpoint::at(host, Some(port.max(1)))]) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint.clone()));
            }
        }
    }
}
