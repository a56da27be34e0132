//! What takes no more than cutting: memcached's commands and URLs.

use std::borrow::Cow;

/// A command of memcached without the value behind its first line.
///
/// ```
/// assert_eq!(tracehound::quantize::memcached("set key 0 60 5\r\nvalue"), "set key 0 60 5");
/// ```
#[must_use]
pub fn memcached(command: &str) -> &str {
    command.split("\r\n").next().unwrap_or_default().trim()
}

/// What [`url`] takes out, beside user names and passwords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UrlParts {
    /// The query; its `?` stays.
    pub query: bool,
    /// Segments of the path with a digit in them, which become `?`.
    pub path_digits: bool,
}

/// A URL without user name and password, and without what else is said.
///
/// A text with blanks or control characters is no URL, and becomes `?`; so does one whose host has a port that is no
/// number and is followed by an `@` further on: that is a password with a `/`, `?` or `#` in it.
///
/// ```
/// use tracehound::quantize::{UrlParts, url};
///
/// let parts = UrlParts { query: true, path_digits: true };
/// assert_eq!(url("http://me:pw@h/users/42?token=1", parts), "http://h/users/??");
/// ```
#[must_use]
pub fn url(url: &str, parts: UrlParts) -> Cow<'_, str> {
    if url.chars().any(|c| c.is_control() || c == ' ') {
        return Cow::Borrowed("?");
    }
    let split = Url::split(url);
    if split.has_password_in_host(url) {
        return Cow::Borrowed("?");
    }
    let hides_query = parts.query && split.query.is_some_and(|query| !query.is_empty());
    let has_digits = |path: &str| path.bytes().any(|byte| byte.is_ascii_digit());
    let hides_path = parts.path_digits && has_digits(split.path);
    if split.user.is_empty() && !hides_query && !hides_path {
        return Cow::Borrowed(url);
    }
    let mut written = String::with_capacity(url.len());
    written.extend([split.scheme, split.host]);
    if hides_path {
        for (index, segment) in split.path.split('/').enumerate() {
            written.push_str(if index > 0 { "/" } else { "" });
            written.push_str(if has_digits(segment) { "?" } else { segment });
        }
    } else {
        written.push_str(split.path);
    }
    if let Some(query) = split.query {
        written.push('?');
        written.push_str(if parts.query { "" } else { query });
    }
    written.push_str(split.fragment);
    Cow::Owned(written)
}

/// The parts of a URL, which in this order are all of it, with a `?` before the query.
struct Url<'a> {
    /// With `://`, or the `//` that begins a URL without one.
    scheme: &'a str,
    /// With its `@`.
    user: &'a str,
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    /// With its `#`.
    fragment: &'a str,
}

impl<'a> Url<'a> {
    fn split(url: &'a str) -> Self {
        let (rest, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let authority = match rest.find("//") {
            Some(at) if at == 0 || rest.get(..at).is_some_and(is_scheme) => at + 2,
            _ => return Url { scheme: "", user: "", host: "", path: rest, query, fragment },
        };
        let (scheme, rest) = rest.split_at(authority);
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = host.split_at(host.rfind('@').map_or(0, |at| at + 1));
        Url { scheme, user, host, path, query, fragment }
    }

    /// Whether what looks like the host is rather a user name with the beginning of a password.
    fn has_password_in_host(&self, url: &str) -> bool {
        // In brackets are the addresses of IPv6, with colons of their own.
        let port = self.host.rsplit(']').next().and_then(|host| host.split_once(':'));
        let has_letters =
            port.is_some_and(|(_, port)| port.bytes().any(|byte| !byte.is_ascii_digit()));
        let after = self.scheme.len() + self.user.len() + self.host.len();
        has_letters && url.get(after..).is_some_and(|rest| rest.contains('@'))
    }
}

fn is_scheme(text: &str) -> bool {
    let name = text.strip_suffix(':').unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
