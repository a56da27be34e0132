//! Rules as JSON: `DD_TRACE_SAMPLING_RULES`, `DD_SPAN_SAMPLING_RULES` and remote configuration
//! (sampling §4.1, §11).

use serde_json::{Map, Value};

use super::criteria::Criteria;
use super::glob::Glob;
use super::rule::{Provenance, SamplingRule};
use super::spans::SpanSamplingRule;
use crate::config::Redacted;

/// What could be read, and what could not, each in one line for the user.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    pub(crate) rules: Vec<T>,
    pub(crate) problems: Vec<String>,
}

/// Reads rules for traces. A rule that cannot be read is left out and the others stay; a text that is no
/// list gives no rules.
pub(crate) fn trace_rules(text: &str) -> Parsed<SamplingRule> {
    list(text, |fields| {
        let rate = rate(fields)?.ok_or("sample_rate: missing")?;
        let mut rule = SamplingRule::new(rate).map_err(|error| format!("sample_rate: {error}"))?;
        rule.criteria = criteria(fields)?;
        rule.provenance = match fields.get("provenance").and_then(Value::as_str) {
            Some("customer") => Provenance::Customer,
            Some("dynamic") => Provenance::Dynamic,
            _ => Provenance::Local,
        };
        Ok(rule)
    })
}

/// Reads rules for single spans; as [`trace_rules`], but each needs a service or a name.
pub(crate) fn span_rules(text: &str) -> Parsed<SpanSamplingRule> {
    list(text, |fields| {
        let rate = rate(fields)?.unwrap_or(1.0);
        let rule = SpanSamplingRule::new(rate).map_err(|error| format!("sample_rate: {error}"))?;
        let limit = number(fields, "max_per_second")?;
        let mut rule = rule.max_per_second(limit.unwrap_or(-1.0));
        rule.criteria = criteria(fields)?;
        if rule.criteria.service.is_none() && rule.criteria.name.is_none() {
            return Err("neither service nor name is given".into());
        }
        Ok(rule)
    })
}

type Fields = Map<String, Value>;

fn list<T>(text: &str, read: impl Fn(&Fields) -> Result<T, String>) -> Parsed<T> {
    let mut parsed = Parsed { rules: Vec::new(), problems: Vec::new() };
    let entries = match serde_json::from_str(text) {
        Ok(Value::Array(entries)) => entries,
        Ok(_) => {
            parsed.problems.push("not a JSON list; there are no rules".into());
            return parsed;
        }
        Err(error) => {
            parsed.problems.push(format!("not JSON ({error}); there are no rules"));
            return parsed;
        }
    };
    // Counted as people count: the first is rule 1.
    for (number, entry) in (1..).zip(&entries) {
        let rule = match entry {
            Value::Object(fields) => read(fields),
            other => Err(format!("{} is not an object", excerpt(other))),
        };
        match rule {
            Ok(rule) => parsed.rules.push(rule),
            Err(problem) => {
                parsed.problems.push(format!("rule {number}: {problem}; the rule is skipped"));
            }
        }
    }
    parsed
}

fn rate(fields: &Fields) -> Result<Option<f64>, String> {
    number(fields, "sample_rate")
}

/// A number, also one within quotes: other tracers read those.
fn number(fields: &Fields, name: &str) -> Result<Option<f64>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = match value {
                Value::String(text) => text.trim().parse().ok(),
                other => other.as_f64(),
            };
            number.map(Some).ok_or_else(|| format!("{name}: {} is not a number", excerpt(value)))
        }
    }
}

fn criteria(fields: &Fields) -> Result<Criteria, String> {
    Ok(Criteria {
        service: glob(fields, "service")?,
        name: glob(fields, "name")?,
        resource: glob(fields, "resource")?,
        tags: tags(fields.get("tags").unwrap_or(&Value::Null))?,
    })
}

fn glob(fields: &Fields, name: &str) -> Result<Option<Glob>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => pattern(name, value).map(Some),
    }
}

/// Text, or what has one obvious text: `"tags": {"http.status_code": 500}`.
fn pattern(name: &str, value: &Value) -> Result<Glob, String> {
    match value {
        Value::String(text) => Ok(Glob::new(text)),
        Value::Number(_) | Value::Bool(_) => Ok(Glob::new(&value.to_string())),
        other => Err(format!("{name}: {} is not a text", excerpt(other))),
    }
}

/// `{"key": "glob"}` in a setting, `[{"key": "key", "value_glob": "glob"}]` in remote configuration.
fn tags(value: &Value) -> Result<Vec<(Box<str>, Glob)>, String> {
    let tag = |key: &str, value| Ok((key.into(), pattern(&format!("tags: {key}"), value)?));
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(tags) => tags.iter().map(|(key, value)| tag(key, value)).collect(),
        Value::Array(tags) => tags
            .iter()
            .map(|entry| {
                match (entry.get("key").and_then(Value::as_str), entry.get("value_glob")) {
                    (Some(key), Some(value)) => tag(key, value),
                    _ => Err(format!("tags: {} has no key and value_glob", excerpt(entry))),
                }
            })
            .collect(),
        other => Err(format!("tags: {} is neither an object nor a list", excerpt(other))),
    }
}

/// A value as it was written, cut off where it is too long for a line.
fn excerpt(value: &Value) -> String {
    const MAX_CHARS: usize = 60;
    let text = Redacted(&value.to_string()).to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SpanView;
    use crate::trace::testkit::Bench;
    use proptest::prelude::*;

    #[test]
    fn a_bad_rule_is_skipped_and_named() {
        for (rule, problem) in [
            ("{}", "sample_rate: missing"),
            (r#"{"sample_rate": null}"#, "sample_rate: missing"),
            (r#"{"sample_rate": 1.5}"#, "sample_rate: 1.5 is not between 0 and 1"),
            (r#"{"sample_rate": -1}"#, "sample_rate: -1 is not between 0 and 1"),
            (r#"{"sample_rate": "NaN"}"#, "sample_rate: NaN is not between 0 and 1"),
            (r#"{"sample_rate": "half"}"#, r#"sample_rate: "half" is not a number"#),
            (r#"{"sample_rate": 1, "name": []}"#, "name: [] is not a text"),
            (r#"{"sample_rate": 1, "tags": {"a": null}}"#, "tags: a: null is not a text"),
            (r#"{"sample_rate": 1, "tags": [{}]}"#, "tags: {} has no key and value_glob"),
            (r#"{"sample_rate": 1, "tags": 5}"#, "tags: 5 is neither an object nor a list"),
            ("7", "7 is not an object"),
        ] {
            let text = format!(r#"[{{"sample_rate": 1}}, {rule}, {{"sample_rate": 0}}]"#);
            let parsed = trace_rules(&text);
            assert_eq!(parsed.rules.len(), 2, "{rule}");
            assert_eq!(parsed.problems, [format!("rule 2: {problem}; the rule is skipped")]);
        }
    }

    #[test]
    fn a_text_that_is_no_list_gives_no_rules() {
        assert_eq!(trace_rules("{}").problems, ["not a JSON list; there are no rules"]);
        for text in ["[{\"sample_rate\": 1},", "", "[1e999]"] {
            let parsed = trace_rules(text);
            assert!(parsed.rules.is_empty());
            assert!(parsed.problems[0].starts_with("not JSON ("), "{:?}", parsed.problems);
        }
    }

    #[test]
    fn every_field_is_read_and_unknown_ones_are_not() {
        let bench = Bench::new();
        let span = bench.span("web.request").resource("/bar").tag("a", "v").tag("b", 500).start();
        let matches = |fields: &str| {
            let parsed = trace_rules(&format!(r#"[{{"sample_rate": "0.5", {fields}}}]"#));
            assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
            let rule = &parsed.rules[0];
            assert_eq!(rule.rate.get(), 0.5);
            span.read(|span: &SpanView<'_>| rule.matches(span)).unwrap()
        };
        for (fields, expected) in [
            (r#""service": "w*", "name": "WEB.*", "resource": "/???", "discard": 1"#, true),
            (r#""service": null, "tags": null, "max_per_second": 5"#, true),
            (r#""service": "other""#, false),
            (r#""name": "other""#, false),
            (r#""resource": "other""#, false),
            (r#""tags": {"a": "V", "b": 500}"#, true),
            (r#""tags": {"a": "V", "b": 501}"#, false),
            (r#""tags": [{"key": "a", "value_glob": "v"}]"#, true),
            (r#""tags": [{"key": "a", "value_glob": "w"}]"#, false),
        ] {
            assert_eq!(matches(fields), expected, "{fields}");
        }
    }

    #[test]
    fn a_rule_says_where_it_comes_from() {
        for (provenance, expected) in [
            ("customer", Provenance::Customer),
            ("dynamic", Provenance::Dynamic),
            ("default", Provenance::Local),
            ("local", Provenance::Local),
        ] {
            let text = format!(r#"[{{"sample_rate": 1, "provenance": "{provenance}"}}]"#);
            assert_eq!(trace_rules(&text).rules[0].provenance, expected);
        }
    }

    #[test]
    fn a_span_rule_needs_a_service_or_a_name() {
        let parsed = span_rules(r#"[{"resource": "*"}, {"name": "a"}, {"service": "b"}]"#);
        assert_eq!(parsed.rules.len(), 2);
        let problem = "rule 1: neither service nor name is given; the rule is skipped";
        assert_eq!(parsed.problems, [problem]);
        let bad = r#"[{"name": "a", "max_per_second": "x"}, {"name": "a", "sample_rate": 7}]"#;
        assert_eq!(
            span_rules(bad).problems,
            [
                r#"rule 1: max_per_second: "x" is not a number; the rule is skipped"#,
                "rule 2: sample_rate: 7 is not between 0 and 1; the rule is skipped",
            ]
        );
    }

    #[test]
    fn a_long_value_is_cut_off_in_the_problem() {
        let text = format!(r#"[{{"sample_rate": "{}"}}]"#, "é".repeat(5000));
        let problems = trace_rules(&text).problems;
        assert!(problems[0].chars().count() < 150, "{problems:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_rules_or_problems(text in "[\\[{\"a:,0-9.e}\\]]{0,40}|\\PC{0,40}") {
            let _ = span_rules(&text);
            let parsed = trace_rules(&text);
            let empty = serde_json::from_str::<Vec<Value>>(&text).is_ok_and(|list| list.is_empty());
            prop_assert!(empty || !(parsed.rules.is_empty() && parsed.problems.is_empty()));
        }
    }
}
