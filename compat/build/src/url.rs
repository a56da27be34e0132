//! The address of a repository in the form in which Datadog links to it.

/// No repository has a longer address, and a compiler has to take it as one of its arguments.
const MAX_BYTES: usize = 2048;

/// The address as `https://host/path`: without a user and a password, without query, fragment and `.git`.
///
/// `http` and `https` keep their scheme and their port; of `ssh`, `git` and the short form `user@host:path` it is known
/// only that the host has a web page, as a rule. `None` for what nobody else can reach, such as a path.
pub(crate) fn normalize(address: &str) -> Option<String> {
    let address = address.trim();
    if address.len() > MAX_BYTES || address.contains(|c: char| c.is_control() || c.is_whitespace())
    {
        return None;
    }
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.to_owned()),
        None => ("https".to_owned(), without_scheme(address)?),
    };
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (rest, behind) = rest.split_at_checked(end)?;
    // A password may have a `?` or `#` in it that should have been escaped.
    if behind.contains('@') && !rest.contains('/') {
        return None;
    }
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (scheme, host) = match scheme.as_str() {
        "http" | "https" => (scheme.as_str(), host),
        "git" | "ssh" => ("https", without_port(host)),
        _ => return None,
    };
    let path = path.strip_suffix(".git").or_else(|| path.strip_suffix(".git/")).unwrap_or(path);
    (!host.is_empty()).then(|| format!("{scheme}://{host}{path}"))
}

/// Host and path of an address without a scheme: `user@host:path` or `host/path`. `None` for a path.
fn without_scheme(address: &str) -> Option<String> {
    let is_drive = address.as_bytes().get(1) == Some(&b':');
    if address.starts_with(['/', '.', '~', '\\']) || is_drive || !address.contains('/') {
        return None;
    }
    match address.split_once(':') {
        // In an IPv6 address there are more of them.
        Some((host, path)) if !host.contains('/') && !host.contains('[') => {
            // `user:password@host/path`: what looks like a host is a user.
            let (first, _) = path.split_once('/').unwrap_or((path, ""));
            match first.rfind('@').and_then(|at| path.get(at + 1..)) {
                Some(address) => Some(address.to_owned()),
                None => Some(format!("{host}/{}", path.trim_start_matches('/'))),
            }
        }
        _ => Some(address.to_owned()),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_normalized_as_by_the_other_tracers() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/git-urls.json")).unwrap();
        let cases = vectors["normalize"].as_array().unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let (from, to) = (case["in"].as_str().unwrap(), case["out"].as_str().unwrap());
            assert_eq!(normalize(from).unwrap_or_default(), to, "{from}");
        }
    }

    #[test]
    fn what_others_cannot_reach_is_no_address() {
        for (from, to) in [
            ("ssh://git@host:2222/a/b.git/", Some("https://host/a/b")),
            ("git://host/a.git", Some("https://host/a")),
            ("SSH://git@[::1]:22/a.git", Some("https://[::1]/a")),
            ("https://[::1]:8443/a.git", Some("https://[::1]:8443/a")),
            ("https://me:p@ss@host/a", Some("https://host/a")),
            ("https://host/a@b.git#x", Some("https://host/a@b")),
            ("host:/srv/a/b.git", Some("https://host/srv/a/b")),
            (" https://host/a ", Some("https://host/a")),
            ("/srv/git/a.git", None),
            ("../a.git", None),
            ("~/a.git", None),
            ("C:/git/a.git", None),
            ("file:///srv/a.git", None),
            ("https://", None),
            ("https://me@/a", None),
            ("https://host/a\ncargo:rustc-cfg=x", None),
            ("https://host/a b", None),
            ("", None),
            ("name", None),
        ] {
            assert_eq!(normalize(from).as_deref(), to, "{from}");
        }
        assert_eq!(normalize(&format!("https://host/{}", "a".repeat(3000))), None);
    }

    proptest! {
        #[test]
        fn no_password_is_left_and_a_second_time_changes_nothing(
            address in "(https?|ssh|git)://(u:hunter2@)?[a-z:@]{1,9}(/[a-z.@]{0,9}){0,3}(\\.git)?/?"
        ) {
            if let Some(once) = normalize(&address) {
                prop_assert!(!once.contains("hunter2"));
                let host = once.split('/').nth(2).unwrap();
                prop_assert!(!host.contains('@'));
            }
        }

        #[test]
        fn no_text_upsets_it(address in ".{0,60}") {
            if let Some(normal) = normalize(&address) {
                prop_assert!(normal.starts_with("http") && !normal.contains(char::is_control));
            }
        }
    }
}
