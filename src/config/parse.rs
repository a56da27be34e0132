//! The parsers and checks that the rows use.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Display;
use std::num::IntErrorKind;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::text::Text;

use super::endpoint::{Endpoint, bare_host};
use super::key::{Quoted, Reason, Remarks};
use super::value::Map;

/// Case does not matter; all Datadog tracers know `true` and `1`.
pub(super) fn boolean(text: &str) -> Result<bool, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" => Ok(true),
        "false" | "0" | "f" => Ok(false),
        _ => Err("is neither `true` nor `false`".into()),
    }
}

pub(super) fn integer<T: FromStr>(text: &str) -> Result<T, Reason> {
    text.parse().map_err(|_| "is not a whole number in the range of this setting".into())
}

/// A whole number of any size, for a setting whose `check` moves it to its nearest limit.
pub(super) fn nearest_integer(text: &str, remarks: &mut Remarks) -> Result<usize, Reason> {
    match text.parse::<i64>() {
        Ok(number) if number < 0 => {
            remarks.push(format!("{} is below zero; 0 is used", Quoted(text)));
            Ok(0)
        }
        Ok(number) => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        Err(error) => match error.kind() {
            IntErrorKind::PosOverflow => Ok(usize::MAX),
            IntErrorKind::NegOverflow => Ok(0),
            _ => Err("is not a whole number".into()),
        },
    }
}

pub(super) fn number(text: &str) -> Result<f64, Reason> {
    text.parse().map_err(|_| "is not a number".into())
}

pub(super) fn seconds(text: &str) -> Result<Duration, Reason> {
    Duration::try_from_secs_f64(number(text)?).map_err(|_| "is not a length of time".into())
}

/// Comma-separated, trimmed, empty items left out.
pub(super) fn list(text: &str) -> Vec<Text> {
    items(text).map(Text::copy).collect()
}

pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// As [`map`]; refuses a text that holds no pair at all, unless it is only commas and spaces.
pub(super) fn map_of_some(text: &str, remarks: &mut Remarks) -> Result<Map, Reason> {
    let map = map(text, remarks);
    let is_junk = map.0.is_empty() && text.contains(|c: char| c != ',' && !c.is_whitespace());
    if is_junk { Err("holds no `key:value`".into()) } else { Ok(map) }
}

/// The rule of `DD_TAGS`, the same in every tracer: pairs are separated by commas if there is a comma,
/// else by spaces; a pair is split at its first colon; the value may be missing, the key may not; of two
/// pairs with the same key the later one counts.
pub(super) fn map(text: &str, remarks: &mut Remarks) -> Map {
    let separator = if text.contains(',') { ',' } else { ' ' };
    let mut map = Map::default();
    for pair in text.split(separator).map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(':').unwrap_or_else(|| unsplit(pair, remarks));
        match key.trim() {
            "" => remarks.push(format!("{} has no key; it is left out", Quoted(pair))),
            key => map.set(Text::copy(key), Text::copy(value.trim())),
        }
    }
    map
}

/// Reads a pair without a colon. It is a key without a value; but `key=value`, as OpenTelemetry writes it, is read as
/// it was meant, because nobody wants a tag with such a name.
fn unsplit<'a>(pair: &'a str, remarks: &mut Remarks) -> (&'a str, &'a str) {
    match pair.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            let (key, value) = (key.trim(), value.trim());
            let colon = format!("{key}:{value}");
            remarks.push(format!("{} is read as {}; write a colon", Quoted(pair), Quoted(&colon)));
            (key, value)
        }
        _ => (pair, ""),
    }
}

// ===== checks =====

/// The address of an agent, in its normal form.
pub(super) fn agent_url(text: Text) -> Result<Text, Reason> {
    Ok(Endpoint::parse(&text)?.to_string().into())
}

/// The host of an agent.
pub(super) fn host(text: Text) -> Result<Text, Reason> {
    bare_host(text.trim())?;
    not_blank(text)
}

/// A repository without a user's name and password: what is between `//` and the next slash, up to an `@`.
pub(super) fn repository_url(text: Text) -> Result<Text, Reason> {
    let text = not_blank(text)?;
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(text) };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest.get(..host_end).and_then(|authority| authority.rfind('@')) {
        None => Ok(text),
        Some(at) => {
            let host = rest.get(at.saturating_add(1)..).unwrap_or_default();
            Ok(Text::from(format!("{scheme}://{host}")))
        }
    }
}

/// A JSON list. Its items are not checked here, and nothing is where the feature `agent` is off.
pub(super) fn json_list(text: Text) -> Result<Text, Reason> {
    #[cfg(feature = "agent")]
    if let Err(error) = serde_json::from_str::<Vec<serde_json::Value>>(&text) {
        return Err(format!("is not a list in JSON ({error})").into());
    }
    Ok(text)
}

/// Services to rename; pairs without the old or the new name are left out.
pub(super) fn mapping(map: Map, remarks: &mut Remarks) -> Result<Map, Reason> {
    let (named, unnamed): (Vec<_>, _) =
        map.0.into_iter().partition(|(from, to)| !from.trim().is_empty() && !to.trim().is_empty());
    if named.is_empty() && !unnamed.is_empty() {
        return Err("maps no service to another".into());
    }
    for (from, to) in unnamed {
        let pair = format!("{from}:{to}");
        remarks.push(format!("{} is not `from:to`; left out", Quoted(&pair)));
    }
    Ok(Map(named))
}

/// A text that is not blank, without the space around it.
pub(super) fn not_blank(text: Text) -> Result<Text, Reason> {
    match text.trim() {
        "" => Err("says nothing".into()),
        trimmed if trimmed.len() == text.len() => Ok(text),
        trimmed => Ok(Text::copy(trimmed)),
    }
}

pub(super) fn within<T: PartialOrd + Display>(
    value: T,
    range: RangeInclusive<T>,
) -> Result<T, Reason> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("is not a number from {} to {}", range.start(), range.end()).into())
    }
}

pub(super) fn at_most(value: usize, limit: usize, remarks: &mut Remarks) -> usize {
    if value > limit {
        remarks.push(format!("{value} is above the limit; {limit} is used"));
    }
    value.min(limit)
}

/// Sorted, each once, and no more than four.
pub(super) fn at_most_four(mut keys: Vec<Text>, remarks: &mut Remarks) -> Vec<Text> {
    const MOST: usize = 4;
    keys = keys.iter().map(|key| Text::copy(key.trim())).filter(|key| !key.is_empty()).collect();
    keys.sort_unstable_by(|a, b| a.as_str().cmp(b));
    keys.dedup();
    if keys.len() > MOST {
        let ignored: Vec<String> = keys.drain(MOST..).map(|key| key.to_string()).collect();
        remarks.push(format!("more than {MOST} are not used; left out: {}", ignored.join(", ")));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    #[cfg(feature = "agent")]
    #[test]
    fn only_a_whole_list_in_json_is_one() {
        for text in ["[]", "[{}]", " [1, {\"a\": null}] "] {
            assert_eq!(json_list(text.into()), Ok(text.into()));
        }
        for text in ["", "{}", "1", "[", "[1e999", "[] []", "[{a: 1}]"] {
            assert!(json_list(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_are_trimmed_and_without_empty_items() {
        assert_eq!(list(" a, b ,,c d,"), ["a", "b", "c d"]);
        assert!(list(" , ").is_empty());
    }

    #[test]
    fn tags_are_read_as_by_every_other_tracer() {
        for vectors in [
            include_str!("../../tests/vectors/configuration.json"),
            include_str!("../../tests/vectors/http.json"),
        ] {
            let vectors: Json = serde_json::from_str(vectors).unwrap();
            let cases = vectors["dd_tags"].as_array().unwrap();
            assert!(cases.len() > 10);
            for case in cases {
                let text = case["in"].as_str().unwrap();
                let tags = map(text, &mut Remarks::default()).0;
                let tags =
                    tags.iter().map(|(key, value)| (key.to_string(), Json::from(value.as_str())));
                assert_eq!(Json::Object(tags.collect()), case["out"], "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_odd_in_a_map_is_read_as_it_was_meant_and_reported() {
        for (text, pairs, said) in [
            ("a:1,b:2,a:3", &[("a", "3"), ("b", "2")][..], None),
            ("team=a", &[("team", "a")], Some("is read as \"team:a\"; write a colon")),
            ("a:b=c", &[("a", "b=c")], None),
            ("a=b:c", &[("a=b", "c")], None),
            ("a=b=c", &[("a", "b=c")], Some("is read as \"a:b=c\"; write a colon")),
            ("=b", &[("=b", "")], None),
            (":x", &[], Some(r#"":x" has no key; it is left out"#)),
        ] {
            let mut remarks = Remarks::default();
            assert_eq!(map(text, &mut remarks), pairs.iter().copied().collect(), "{text}");
            assert_eq!(remarks.len(), usize::from(said.is_some()), "{text}: {remarks:?}");
            assert!(remarks.concat().ends_with(said.unwrap_or_default()), "{text}: {remarks:?}");
        }
        for text in [":x", ":x,:y", ": "] {
            assert!(map_of_some(text, &mut Remarks::default()).is_err(), "{text}");
        }
        for text in ["", " , ", "a", ":x,a:b"] {
            assert!(map_of_some(text, &mut Remarks::default()).is_ok(), "{text}");
        }
    }

    #[test]
    fn repositories_are_cleaned_as_by_the_other_tracers() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/git-urls.json")).unwrap();
        let cases = vectors["clean"].as_array().unwrap();
        assert!(cases.len() >= 11);
        for case in cases {
            let (from, to) = (case["in"].as_str().unwrap(), case["out"].as_str().unwrap());
            // Nothing at all is refused: it stays unset.
            assert_eq!(repository_url(from.into()).unwrap_or_default(), to, "{from}");
        }
    }

    #[test]
    fn a_repository_is_kept_without_its_user() {
        for (url, expected) in [
            ("https://gitlab-ci-token:AAA_bbb@gitlab.com/x/y.git", "https://gitlab.com/x/y.git"),
            ("ssh://token@gitlab.com/user/project.git", "ssh://gitlab.com/user/project.git"),
            ("http://user:pass@host:8080/p.git", "http://host:8080/p.git"),
            ("https://user:pass@host/a@b", "https://host/a@b"),
            ("https://github.com/a/b?x=1", "https://github.com/a/b?x=1"),
            ("gitlab.com/x/y.git", "gitlab.com/x/y.git"),
            ("git@github.com:user/project.git", "git@github.com:user/project.git"),
            ("ftp://u:p@h/x", "ftp://h/x"),
            ("https://u@", "https://"),
        ] {
            assert_eq!(repository_url(url.into()), Ok(expected.into()));
        }
        let vectors: Json =
            serde_json::from_str(include_str!("../../tests/vectors/http.json")).unwrap();
        for case in vectors["git_url"].as_array().unwrap() {
            let (url, expected) = (case["in"].as_str().unwrap(), case["out"].as_str().unwrap());
            assert_eq!(repository_url(url.into()), Ok(Text::copy(expected)));
        }
    }

    proptest! {
        #[test]
        fn no_key_of_a_map_is_empty_or_repeated(text in "[ab:, =\\PC]{0,40}") {
            let map = map(&text, &mut Remarks::default());
            for (place, (key, _)) in map.0.iter().enumerate() {
                prop_assert!(!key.is_empty());
                prop_assert_eq!(map.0.iter().position(|(known, _)| known == key), Some(place));
            }
        }
    }
}
