//! The URL of a request, in parts.

use super::scan;
use crate::text::first_bytes;

/// What is read of a URL, in bytes: 8 KiB, which is what servers take of a request line. The rest of a longer one is
/// left out of the tags.
pub(super) const MAX_URL_BYTES: usize = 8 * 1024;

/// The parts of a URL: `scheme://host/path?query#fragment`. A text that is none is all path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) scheme: &'a str,
    /// With its port, and without user name and password.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) fragment: Option<&'a str>,
    /// All of it, where it can be a tag as it is: it is a URL with a host, and nobody's name is in it.
    pub(super) whole: Option<&'a str>,
    /// Whether the last part was longer.
    pub(super) is_cut: bool,
    had_user: bool,
}

impl<'a> Target<'a> {
    pub(super) fn parse(url: &'a str) -> Self {
        let url = url.trim_start();
        let text = first_bytes(url, MAX_URL_BYTES);
        let mut target = Target { is_cut: text.len() < url.len(), ..Target::default() };
        let mut rest = text;
        if let Some((scheme, behind)) = split_scheme(text) {
            target.scheme = scheme;
            let (authority, path) = split_authority(behind);
            target.set_authority(authority);
            rest = path;
            if target.is_cut && path.is_empty() {
                // It may be the beginning of a password, whose `@` was cut off.
                target.host = "";
            }
            target.whole = (!target.had_user && !target.is_cut).then_some(url);
        } else if !text.starts_with('/') || text.starts_with("//") {
            rest = without_user(text);
            target.had_user = rest.len() < text.len();
        }
        let (rest, fragment) = split(rest, b'#');
        let (path, query) = split(rest, b'?');
        Target { path, query, fragment: fragment.filter(|_| !target.had_user), ..target }
    }

    /// Of parts that a parser has found.
    pub(super) fn of_parts(
        scheme: Option<&'a str>,
        authority: &'a str,
        path_and_query: &'a str,
    ) -> Self {
        let mut target = Target::parse(path_and_query);
        target.scheme = scheme.unwrap_or_default();
        target.whole = None;
        target.set_authority(authority);
        target
    }

    /// Sets host and port, without user name and password. Beside those a fragment is left out as well, as Python's
    /// tracer does.
    pub(super) fn set_authority(&mut self, authority: &'a str) {
        let authority = first_bytes(authority, MAX_URL_BYTES);
        match scan::rsplit_once(authority, b'@') {
            Some((_, host)) => {
                self.host = host;
                self.had_user = true;
                self.fragment = None;
            }
            None => self.host = authority,
        }
    }

    /// The host without its port, and without the brackets of IPv6; and the port that is there, or that the scheme
    /// stands for.
    pub(super) fn host_and_port(&self) -> (&'a str, Option<u16>) {
        let (host, port) = host_and_port(self.host);
        let said = port.and_then(|port| port.parse().ok());
        let port = said.or_else(|| match self.scheme {
            scheme if scheme.eq_ignore_ascii_case("http") => Some(80),
            scheme if scheme.eq_ignore_ascii_case("https") => Some(443),
            _ => None,
        });
        (host, port)
    }

    /// The path, which begins with a slash wherever it is one.
    pub(super) fn path(&self) -> &'a str {
        if self.path.is_empty() { "/" } else { self.path }
    }
}

/// The authority, and what follows it. Where the port is no number and an `@` follows, a password has a `/`, `?` or `#`
/// in it that should have been escaped.
fn split_authority(text: &str) -> (&str, &str) {
    let end = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        let ends = |byte| matches!(byte, b'/' | b'?' | b'#');
        rest.bytes().position(ends).map_or(text.len(), |at| from + at)
    };
    let (authority, _) = text.split_at(end(0));
    let (_, port) =
        host_and_port(scan::rsplit_once(authority, b'@').map_or(authority, |(_, host)| host));
    let is_port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    match Some(()).filter(|()| !is_port).and_then(|()| scan::rfind(text, b'@')) {
        Some(at) => text.split_at(end(at)),
        None => text.split_at(authority.len()),
    }
}

/// What is no URL, without what may be a user name and a password: all up to an `@`, unless that is in the query or in the
/// fragment.
fn without_user(text: &str) -> &str {
    let end = text.bytes().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(text.len());
    let before = text.get(..end).unwrap_or_default();
    scan::rfind(before, b'@').and_then(|at| text.get(at + 1..)).unwrap_or(text)
}

fn split(text: &str, at: u8) -> (&str, Option<&str>) {
    match scan::split_once(text, at) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// The scheme, and what is behind `://`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    // A path is told at its first character.
    let length = text.bytes().position(|byte| !is_of_scheme(byte)).filter(|length| *length > 0)?;
    let (scheme, behind) = text.split_at_checked(length)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    Some((scheme, behind.strip_prefix("://").filter(|_| is_scheme)?))
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; an address of version 6 without brackets has no port.
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let bracketed = authority.strip_prefix('[').and_then(|rest| scan::split_once(rest, b']'));
    if let Some((host, rest)) = bracketed {
        return (host, rest.strip_prefix(':'));
    }
    match scan::rsplit_once(authority, b':') {
        Some((host, port)) if scan::find(host, b':').is_none() => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The host that a URL names, for `http.referrer_hostname`: without user and port.
pub(super) fn host_of(url: &str) -> Option<&str> {
    Some(Target::parse(url).host_and_port().0).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        for (url, scheme, host, port, path, query, fragment) in [
            ("http://h/p?q#f", "http", "h", Some(80), "/p", Some("q"), Some("f")),
            ("https://u:p@h:8443/p", "https", "h", Some(8443), "/p", None, None),
            ("http://u:p/a?b#c@h/p", "http", "h", Some(80), "/p", None, None),
            ("http://u:p@h/p#f@x", "http", "h", Some(80), "/p", None, None),
            ("http://h?q=1", "http", "h", Some(80), "/", Some("q=1"), None),
            ("http://[::1]:9/", "http", "::1", Some(9), "/", None, None),
            ("http://::1/", "http", "::1", Some(80), "/", None, None),
            ("http://h:port/", "http", "h", Some(80), "/", None, None),
            ("/p?a=http://x#f", "", "", None, "/p", Some("a=http://x"), Some("f")),
            ("*", "", "", None, "*", None, None),
            ("", "", "", None, "/", None, None),
            ("h:443", "", "", None, "h:443", None, None),
            ("://", "", "", None, "://", None, None),
            ("http://", "http", "", Some(80), "/", None, None),
            ("file:///x", "file", "", None, "/x", None, None),
        ] {
            let target = Target::parse(url);
            let found = (target.scheme, target.host_and_port(), target.path());
            assert_eq!(found, (scheme, (host, port), path), "{url}");
            assert_eq!((target.query, target.fragment), (query, fragment), "{url}");
        }
    }

    #[test]
    fn a_referrer_names_a_host() {
        for (url, host) in [
            ("https://user:pw@example.com:8080/x", Some("example.com")),
            ("", None),
            ("/relative", None),
            ("file:///x", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
