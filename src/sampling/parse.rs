//! Rules as JSON: `DD_TRACE_SAMPLING_RULES`, `DD_SPAN_SAMPLING_RULES` and remote configuration
//! (sampling §4.1, §11).

use serde_json::{Map, Value};

use super::criteria::Criteria;
use super::glob::Glob;
use super::rule::{Provenance, SamplingRule};
use super::spans::SpanSamplingRule;
use crate::config::{Redacted, nearest};

/// What could be read, and what could not, each in one line for the user.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    pub(crate) rules: Vec<T>,
    pub(crate) problems: Vec<String>,
}

/// Reads rules for traces. A rule that cannot be read as it stands is left out and the others stay; a text that is no
/// list gives no rules.
pub(crate) fn trace_rules(text: &str) -> Parsed<SamplingRule> {
    list(text, |fields| {
        known(fields, &TRACE_FIELDS)?;
        let rate = number(fields, "sample_rate")?.ok_or("sample_rate: missing")?;
        let mut rule = SamplingRule::new(rate).map_err(|error| format!("sample_rate: {error}"))?;
        rule.criteria = criteria(fields)?;
        rule.provenance = provenance(fields)?;
        // They are of other tracers and change nothing here, but not whether the rule is as it should be.
        number(fields, "max_per_second")?;
        switch(fields, "discard")?;
        Ok(rule)
    })
}

/// Reads rules for single spans; as [`trace_rules`], but each needs a service or a name.
pub(crate) fn span_rules(text: &str) -> Parsed<SpanSamplingRule> {
    list(text, |fields| {
        known(fields, &SPAN_FIELDS)?;
        let rate = number(fields, "sample_rate")?.unwrap_or(1.0);
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

const TRACE_FIELDS: [&str; 8] = [
    "discard",
    "max_per_second",
    "name",
    "provenance",
    "resource",
    "sample_rate",
    "service",
    "tags",
];

const SPAN_FIELDS: [&str; 6] =
    ["max_per_second", "name", "resource", "sample_rate", "service", "tags"];

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

/// A field that is not known may be a condition misspelt: without it the rule would be for every trace.
fn known(fields: &Fields, names: &[&'static str]) -> Result<(), String> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let meant = nearest(unknown, names);
            let meant = meant.map(|name| format!(", did you mean {name}?")).unwrap_or_default();
            let unknown = excerpt(&Value::from(unknown.as_str()));
            Err(format!("{unknown} is not a field of a rule{meant}"))
        }
    }
}

/// The value of a field; what is null is not given.
fn given<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn number(fields: &Fields, name: &str) -> Result<Option<f64>, String> {
    given(fields, name)
        .map(|value| value.as_f64().ok_or_else(|| wrong(name, value, "a number")))
        .transpose()
}

fn switch(fields: &Fields, name: &str) -> Result<Option<bool>, String> {
    given(fields, name)
        .map(|value| value.as_bool().ok_or_else(|| wrong(name, value, "true or false")))
        .transpose()
}

fn provenance(fields: &Fields) -> Result<Provenance, String> {
    const NAME: &str = "provenance";
    match given(fields, NAME) {
        None => Ok(Provenance::Local),
        Some(value) => match value.as_str() {
            Some("customer") => Ok(Provenance::Customer),
            Some("dynamic") => Ok(Provenance::Dynamic),
            Some("local" | "default") => Ok(Provenance::Local),
            _ => Err(wrong(NAME, value, "one of customer, dynamic, local and default")),
        },
    }
}

fn criteria(fields: &Fields) -> Result<Criteria, String> {
    let glob = |name| given(fields, name).map(|value| pattern(name, value)).transpose();
    Ok(Criteria {
        service: glob("service")?,
        name: glob("name")?,
        resource: glob("resource")?,
        tags: given(fields, "tags").map_or(Ok(Vec::new()), tags)?,
    })
}

fn pattern(name: &str, value: &Value) -> Result<Glob, String> {
    value.as_str().map(Glob::new).ok_or_else(|| wrong(name, value, "a text"))
}

/// `{"key": "glob"}` in a setting, `[{"key": "key", "value_glob": "glob"}]` in remote configuration.
fn tags(value: &Value) -> Result<Vec<(Box<str>, Glob)>, String> {
    let tag = |key: &str, value| Ok((key.into(), pattern(&format!("tags: {key}"), value)?));
    match value {
        Value::Object(tags) => tags.iter().map(|(key, value)| tag(key, value)).collect(),
        Value::Array(tags) => tags
            .iter()
            .map(|entry| {
                match (entry.get("key").and_then(Value::as_str), entry.get("value_glob")) {
                    (Some(key), Some(value))
                        if entry.as_object().is_some_and(|it| it.len() == 2) =>
                    {
                        tag(key, value)
                    }
                    _ => Err(wrong("tags", entry, "an object of key and value_glob")),
                }
            })
            .collect(),
        other => Err(wrong("tags", other, "an object or a list")),
    }
}

fn wrong(name: &str, value: &Value, expected: &str) -> String {
    format!("{name}: {} is not {expected}", excerpt(value))
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
            (r#"{"sample_rate": "0.5"}"#, r#"sample_rate: "0.5" is not a number"#),
            (r#"{"sample_rate": true}"#, "sample_rate: true is not a number"),
            (
                r#"{"sample_rate": 0, "nam": "a"}"#,
                r#""nam" is not a field of a rule, did you mean name?"#,
            ),
            (
                r#"{"sample_rate": 0, "Name": "a"}"#,
                r#""Name" is not a field of a rule, did you mean name?"#,
            ),
            (r#"{"sample_rate": 0, "operation": "a"}"#, r#""operation" is not a field of a rule"#),
            (r#"{"sample_rate": 1, "name": []}"#, "name: [] is not a text"),
            (r#"{"sample_rate": 1, "service": 5}"#, "service: 5 is not a text"),
            (r#"{"sample_rate": 1, "resource": true}"#, "resource: true is not a text"),
            (r#"{"sample_rate": 1, "tags": {"a": null}}"#, "tags: a: null is not a text"),
            (r#"{"sample_rate": 1, "tags": {"a": 500}}"#, "tags: a: 500 is not a text"),
            (
                r#"{"sample_rate": 1, "tags": [{}]}"#,
                "tags: {} is not an object of key and value_glob",
            ),
            (
                r#"{"sample_rate": 1, "tags": [{"key": "a", "glob": "b"}]}"#,
                r#"tags: {"glob":"b","key":"a"} is not an object of key and value_glob"#,
            ),
            (r#"{"sample_rate": 1, "tags": 5}"#, "tags: 5 is not an object or a list"),
            (
                r#"{"sample_rate": 1, "max_per_second": "5"}"#,
                r#"max_per_second: "5" is not a number"#,
            ),
            (r#"{"sample_rate": 1, "discard": 1}"#, "discard: 1 is not true or false"),
            (
                r#"{"sample_rate": 1, "provenance": "cutsomer"}"#,
                r#"provenance: "cutsomer" is not one of customer, dynamic, local and default"#,
            ),
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
    fn every_field_is_read() {
        let bench = Bench::new();
        let span = bench.span("web.request").resource("/bar").tag("a", "v").tag("b", 500).start();
        let matches = |fields: &str| {
            let parsed = trace_rules(&format!(r#"[{{"sample_rate": 0.5, {fields}}}]"#));
            assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
            let rule = &parsed.rules[0];
            assert_eq!(rule.rate.get(), 0.5);
            span.read(|span: &SpanView<'_>| rule.matches(span)).unwrap()
        };
        for (fields, expected) in [
            (r#""service": "w*", "name": "WEB.*", "resource": "/???", "discard": true"#, true),
            (r#""service": null, "tags": null, "max_per_second": 5"#, true),
            (r#""service": "other""#, false),
            (r#""name": "other""#, false),
            (r#""resource": "other""#, false),
            (r#""tags": {"a": "V", "b": "500"}"#, true),
            (r#""tags": {"a": "V", "b": "501"}"#, false),
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
        for (rule, problem) in [
            (r#"{"name": "a", "max_per_second": "5"}"#, r#"max_per_second: "5" is not a number"#),
            (r#"{"name": "a", "sample_rate": 7}"#, "sample_rate: 7 is not between 0 and 1"),
            (r#"{"name": "a", "sample_rate": "1"}"#, r#"sample_rate: "1" is not a number"#),
            (
                r#"{"name": "a", "servic": "b"}"#,
                r#""servic" is not a field of a rule, did you mean service?"#,
            ),
            (r#"{"name": 1}"#, "name: 1 is not a text"),
            (r#"{"name": "a", "provenance": "local"}"#, r#""provenance" is not a field of a rule"#),
        ] {
            let parsed = span_rules(&format!(r#"[{{"name": "x"}}, {rule}]"#));
            assert_eq!(parsed.rules.len(), 1, "{rule}");
            assert_eq!(parsed.problems, [format!("rule 2: {problem}; the rule is skipped")]);
        }
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
