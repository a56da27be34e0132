//! Texts of the user that may hold a secret, as they may be shown.

use std::fmt;

/// What stands in the place of a user's name and password.
const HIDDEN: &str = "***";

/// A text of the user without the user's name and password of a URL in it: for lines, reports and debug output.
///
/// It hides too much rather than too little: from the first `://`, or from the start where there is a colon, to the
/// last `@`. A password that is not encoded may hold anything in between.
pub(crate) struct Redacted<'a>(pub(crate) &'a str);

/// As [`Redacted`], for values where a colon and an `@` are no sign of a password, such as tags: only what follows
/// a `://` is hidden.
pub(super) struct RedactedUrl<'a>(pub(super) &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, url(self.0).or_else(|| bare(self.0)))
    }
}

impl fmt::Display for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, url(self.0))
    }
}

fn write(f: &mut fmt::Formatter<'_>, text: &str, around: Option<(&str, &str)>) -> fmt::Result {
    match around {
        Some((before, after)) => write!(f, "{before}{HIDDEN}{after}"),
        None => f.write_str(text),
    }
}

/// What is around the secret of a URL. The path of a socket has none.
fn url(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if scheme.trim_start().eq_ignore_ascii_case("unix") {
        return None;
    }
    let (secret, _) = rest.rsplit_once('@')?;
    let before = text.strip_suffix(rest)?;
    Some((before, rest.strip_prefix(secret)?))
}

/// The same where the scheme was forgotten.
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
        assert_eq!(RedactedUrl("me:x@host").to_string(), "me:x@host");
        assert_eq!(RedactedUrl("git://me:hunter2@host/a").to_string(), "git://***@host/a");
    }
}
