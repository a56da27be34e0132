//! The expression for secrets in queries that all Datadog tracers share.

use regex::bytes::Regex;
use tracehound_fork::WriteOnce;

use crate::config::expression;

/// `http-tagging-and-obfuscation`, section 3, as all tracers have it.
const DEFAULT: &str = concat!(
    r#"(?i)(?:(?:"|%22)?)(?:(?:old[-_]?|new[-_]?)?p(?:ass)?w(?:or)?d(?:1|2)?|pass(?:[-_]?phrase)?|secret"#,
    r"|(?:api[-_]?|private[-_]?|public[-_]?|access[-_]?|secret[-_]?|app(?:lication)?[-_]?)key(?:[-_]?id)?",
    r"|token|consumer[-_]?(?:id|key|secret)|sign(?:ed|ature)?|auth(?:entication|orization)?)",
    r#"(?:(?:\s|%20)*(?:=|%3D)[^&]+"#,
    r#"|(?:"|%22)(?:\s|%20)*(?::|%3A)(?:\s|%20)*(?:"|%22)(?:%2[^2]|%[^2]|[^"%])+(?:"|%22))"#,
    r"|(?:bearer(?:\s|%20)+[a-z0-9._\-]+|token(?::|%3A)[a-z0-9]{13}|gh[opsu]_[0-9a-zA-Z]{36}",
    r"|ey[I-L](?:[\w=-]|%3D)+\.ey[I-L](?:[\w=-]|%3D)+(?:\.(?:[\w.+/=-]|%3D|%2F|%2B)+)?",
    r"|-{5}BEGIN(?:[a-z\s]|%20)+PRIVATE(?:\s|%20)KEY-{5}[^\-]+-{5}END(?:[a-z\s]|%20)+PRIVATE(?:\s|%20)KEY(?:-{5})?(?:\n|%0A)?",
    r"|(?:ssh-(?:rsa|dss)|ecdsa-[a-z0-9]+-[a-z0-9]+)(?:\s|%20|%09)+(?:[a-z0-9/.+]|%2F|%5C|%2B){100,}",
    r"(?:=|%3D)*(?:(?:\s|%20|%09)+[a-z0-9._-]+)?)",
);

/// Compiled once in a process: it takes a millisecond.
static COMPILED: WriteOnce<Option<Regex>> = WriteOnce::new();

/// The default expression, compiled. `None` would be a mistake in it, which a test excludes.
pub(super) fn default() -> Option<Regex> {
    COMPILED.get_or_make(|| expression(DEFAULT).ok()).clone()
}

/// What every match of the default expression begins with, but for what may stand before it: the first three letters,
/// in lower case. A query without any of them costs a look at each byte, and no more.
const BEGINNINGS: [[u8; 3]; 20] = [
    *b"pas", *b"pwd", *b"pwo", *b"sec", *b"key", *b"tok", *b"con", *b"sig", *b"aut", *b"bea",
    *b"gho", *b"ghp", *b"ghs", *b"ghu", *b"eyi", *b"eyj", *b"eyk", *b"eyl", *b"---", *b"ssh",
];

/// Whether the default expression may match.
pub(super) fn may_match(query: &str) -> bool {
    query.as_bytes().windows(3).any(|three| {
        let Ok(three) = <[u8; 3]>::try_from(three) else { return false };
        let lower = three.map(|byte| byte.to_ascii_lowercase());
        matches!(lower[0], b'p' | b's' | b'k' | b't' | b'c' | b'a' | b'b' | b'g' | b'e' | b'-')
            && (BEGINNINGS.contains(&lower) || lower == *b"ecd")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_one_of_the_specification() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/http.json")).unwrap();
        assert_eq!(vectors["query_obfuscation_regex"], DEFAULT);
        assert!(default().is_some());
    }

    proptest! {
        /// Of pieces of secrets, so that matches are frequent.
        #[test]
        fn nothing_that_matches_is_passed_over(pieces in prop::collection::vec(prop::sample::select(vec![
            "old-", "pwd", "p", "ass", "w", "or", "d", "Pass", "phrase", "secret", "api_", "key", "id", "app", "token",
            "consumer", "-", "sign", "ed", "auth", "=", "%3D", "x", "&", "\"", "%22", ":", "bearer", "%20", "gho_",
            "gHu_", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "eyI", "eYL", ".", "-----BEGIN A PRIVATE KEY", "-----END ",
            "ssh-rsa ", "ecdsa-a-a ", "{13}",
        ]), 0..12)) {
            let query = pieces.concat();
            if default().is_some_and(|expression| expression.is_match(query.as_bytes())) {
                prop_assert!(may_match(&query), "{}", query);
            }
        }
    }
}
