//! Hides passwords in texts of the user, before they are shown.

#![deny(clippy::arithmetic_side_effects)]

use std::borrow::Cow;
use std::fmt;

/// What stands in the place of a user's name and password.
const HIDDEN: &str = "***";

/// A text of the user without the user's name and password of a URL in it: for lines, reports and debug output.
///
/// It hides too much rather than too little: from the first `://`, or from the start where there is a colon, to the
/// last `@`. A password that is not encoded may hold anything in between.
pub(crate) struct Redacted<'a>(pub(crate) &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.0, url(self.0).or_else(|| bare(self.0))))
    }
}

/// As [`Redacted`], for values where a colon and an `@` are no sign of a password, such as tags: only what follows
/// a `://` is hidden.
pub(super) fn redacted_url(text: &str) -> Cow<'_, str> {
    shown(text, url(text))
}

fn shown<'a>(text: &'a str, around: Option<(&str, &str)>) -> Cow<'a, str> {
    around.map_or(text.into(), |(before, after)| format!("{before}{HIDDEN}{after}").into())
}

/// The text before and after the secret in a URL. The path of a Unix socket has none.
fn url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if scheme.trim_start().eq_ignore_ascii_case("unix") {
        return None;
    }
    let (secret, _) = rest.rsplit_once('@')?;
    let before = text.strip_suffix(rest)?;
    Some((before, rest.strip_prefix(secret)?))
}

/// The same for a URL without its scheme.
fn bare(text: &str) -> Option<(&str, &str)> {
    let (secret, _) = text.rsplit_once('@')?;
    let is_secret = secret.contains(':') && !text.contains("://");
    Some(("", text.strip_prefix(secret)?)).filter(|_| is_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_of_urls_are_hidden() {
        for (text, shown) in [
            ("http://host:8126", "http://host:8126"),
            ("http://user:hunter2@host:8126/x", "http://***@host:8126/x"),
            ("http://hunter2@host", "http://***@host"),
            ("HTTPS://user:hun@ter2@host", "HTTPS://***@host"),
            ("http://user:hunt/er2, 'x'@host", "http://***@host"),
            ("see http://user:hunter2://@host", "see http://***@host"),
            ("user:hunter2@host:8126", "***@host:8126"),
            ("me@host", "me@host"),
            ("unix:///run/a@b/apm.socket", "unix:///run/a@b/apm.socket"),
            ("shop:1", "shop:1"),
            ("", ""),
        ] {
            assert_eq!(Redacted(text).to_string(), shown);
        }
        assert_eq!(redacted_url("me:x@host"), "me:x@host");
        assert_eq!(redacted_url("git://me:hunter2@host/a"), "git://***@host/a");
    }
}
