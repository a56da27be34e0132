//! Rules as JSON: `DD_TRACE_SAMPLING_RULES`, `DD_SPAN_SAMPLING_RULES` and remote configuration
//! (sampling §4.1, §11).

#![deny(clippy::arithmetic_side_effects)]

use serde_json::{Map, Value};

use super::criteria::{Criteria, tag_key};
use super::glob::Glob;
use super::rule::{Provenance, SamplingRule};
use super::single_spans::SpanSamplingRule;
use crate::config::{Redacted, nearest};
use crate::text::Text;

/// What could be read, and what could not, each in one line for the user.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    pub(crate) rules: Vec<T>,
    pub(crate) problems: Vec<String>,
}

/// What rules for traces and for single spans may both have.
const FIELDS: [&str; 6] = ["max_per_second", "name", "resource", "sample_rate", "service", "tags"];

/// Reads rules for traces. A rule that cannot be read as it stands is left out and the others stay; a text that is no
/// list gives no rules.
pub(crate) fn trace_rules(text: &str) -> Parsed<SamplingRule> {
    let names = [&FIELDS[..], &["discard", "provenance"]].concat();
    list(text, &names, |fields| {
        let rate = number(fields, "sample_rate")?.ok_or("sample_rate: missing")?;
        let mut rule = SamplingRule::new(rate).map_err(|error| format!("sample_rate: {error}"))?;
        rule.criteria = criteria(fields)?;
        rule.provenance = provenance(fields)?.unwrap_or_default();
        // They are of other tracers and change nothing here, but not whether the rule is as it should be.
        number(fields, "max_per_second")?;
        field(fields, "discard", "true or false", Value::as_bool)?;
        Ok(rule)
    })
}

/// Reads rules for single spans; as [`trace_rules`], but each needs a service or a name.
pub(crate) fn span_rules(text: &str) -> Parsed<SpanSamplingRule> {
    list(text, &FIELDS, |fields| {
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

/// The fields of a rule. Of a name that is there twice the last counts, as for every Datadog tracer.
type Fields = Map<String, Value>;

fn list<T>(
    text: &str,
    names: &[&'static str],
    read: impl Fn(&Fields) -> Result<T, String>,
) -> Parsed<T> {
    let none = |problem: String| {
        let problems = vec![format!("{problem}; there are no rules")];
        Parsed { rules: Vec::new(), problems }
    };
    let entries = match serde_json::from_str(text) {
        Ok(Value::Array(entries)) => entries,
        Ok(_) => return none("not a JSON list".to_owned()),
        Err(error) => return none(format!("not JSON ({error})")),
    };
    let mut parsed = Parsed { rules: Vec::new(), problems: Vec::new() };
    // Counted as people count: the first is rule 1.
    for (number, entry) in (1..).zip(&entries) {
        let rule = match entry {
            Value::Object(fields) => known(fields, names).and_then(|()| read(fields)),
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
    let is_unknown = |name: &&String| !names.contains(&name.as_str());
    let Some(unknown) = fields.keys().find(is_unknown) else { return Ok(()) };
    let meant = nearest(unknown, names);
    let meant = meant.map(|name| format!(", did you mean {name}?")).unwrap_or_default();
    Err(format!("{} is not a field of a rule{meant}", excerpt(&Value::from(unknown.as_str()))))
}

/// The value of a field; what is null is not given.
fn given<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// The value of a field, as `read` has it where it is what is expected.
fn field<'a, T>(
    fields: &'a Fields,
    name: &str,
    expected: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, String> {
    given(fields, name)
        .map(|value| read(value).ok_or_else(|| wrong(name, value, expected)))
        .transpose()
}

fn number(fields: &Fields, name: &str) -> Result<Option<f64>, String> {
    field(fields, name, "a number", Value::as_f64)
}

fn provenance(fields: &Fields) -> Result<Option<Provenance>, String> {
    let expected = "one of customer, dynamic, local and default";
    field(fields, "provenance", expected, |value| match value.as_str()? {
        "customer" => Some(Provenance::Customer),
        "dynamic" => Some(Provenance::Dynamic),
        "local" | "default" => Some(Provenance::Local),
        _ => None,
    })
}

fn criteria(fields: &Fields) -> Result<Criteria, String> {
    let glob = |name| field(fields, name, "a text", glob);
    Ok(Criteria {
        service: glob("service")?,
        name: glob("name")?,
        resource: glob("resource")?,
        tags: given(fields, "tags").map_or(Ok(Vec::new()), tags)?,
    })
}

fn glob(value: &Value) -> Option<Glob> {
    value.as_str().map(Glob::new)
}

/// `{"key": "glob"}` in a setting, `[{"key": "key", "value_glob": "glob"}]` in remote configuration.
fn tags(value: &Value) -> Result<Vec<(Text, Glob)>, String> {
    match value {
        Value::Object(tags) => tags.iter().map(|(key, value)| tag(key, value)).collect(),
        Value::Array(tags) => tags.iter().map(tag_of_list).collect(),
        other => Err(wrong("tags", other, "an object or a list")),
    }
}

fn tag_of_list(entry: &Value) -> Result<(Text, Glob), String> {
    match (entry.get("key"), entry.get("value_glob"), entry.as_object().map(Map::len)) {
        (Some(Value::String(key)), Some(value), Some(2)) => tag(key, value),
        _ => Err(wrong("tags", entry, "an object of key and value_glob")),
    }
}

fn tag(key: &str, value: &Value) -> Result<(Text, Glob), String> {
    let glob = glob(value).ok_or_else(|| wrong(&format!("tags: {key}"), value, "a text"))?;
    Ok((tag_key(key), glob))
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

    /// Reads a bad rule that stands between two good ones.
    fn check<T>(read: fn(&str) -> Parsed<T>, good: &str, bad: &str, problem: &str) {
        let parsed = read(&format!("[{good}, {bad}, {good}]"));
        assert_eq!(parsed.rules.len(), 2, "{bad}");
        assert_eq!(parsed.problems, [format!("rule 2: {problem}; the rule is skipped")]);
    }

    #[test]
    fn a_bad_rule_is_skipped_and_named() {
        let (trace, span) = (r#"{"sample_rate": 1, "#, r#"{"name": "a", "#);
        let no_field = "is not a field of a rule";
        let mean_name = &format!("{no_field}, did you mean name?");
        let mean_service = &format!("{no_field}, did you mean service?");
        let entry = "is not an object of key and value_glob";
        let provenance = "is not one of customer, dynamic, local and default";
        for (start, rest, value, problem) in [
            ("{", "}", "sample_rate:", "missing"),
            ("{", r#""sample_rate": null}"#, "sample_rate:", "missing"),
            ("{", r#""sample_rate": 1.5}"#, "sample_rate: 1.5", "is not between 0 and 1"),
            ("{", r#""sample_rate": -1}"#, "sample_rate: -1", "is not between 0 and 1"),
            ("{", r#""sample_rate": "0.5"}"#, r#"sample_rate: "0.5""#, "is not a number"),
            ("{", r#""sample_rate": true}"#, "sample_rate: true", "is not a number"),
            // Of two fields of one name the last counts.
            (trace, r#""sample_rate": "0"}"#, r#"sample_rate: "0""#, "is not a number"),
            (trace, r#""sample_rate": null}"#, "sample_rate:", "missing"),
            (trace, r#""nam": "a"}"#, r#""nam""#, mean_name),
            (trace, r#""Name": "a"}"#, r#""Name""#, mean_name),
            (trace, r#""operation": "a"}"#, r#""operation""#, no_field),
            (trace, r#""name": []}"#, "name: []", "is not a text"),
            (trace, r#""service": 5}"#, "service: 5", "is not a text"),
            (trace, r#""resource": true}"#, "resource: true", "is not a text"),
            (trace, r#""tags": {"a": null}}"#, "tags: a: null", "is not a text"),
            (trace, r#""tags": {"a": 500}}"#, "tags: a: 500", "is not a text"),
            (trace, r#""tags": [{}]}"#, "tags: {}", entry),
            (trace, r#""tags": [{"key":"a"}]}"#, r#"tags: {"key":"a"}"#, entry),
            (
                trace,
                r#""tags": [{"glob":"b","key":"a"}]}"#,
                r#"tags: {"glob":"b","key":"a"}"#,
                entry,
            ),
            (trace, r#""tags": 5}"#, "tags: 5", "is not an object or a list"),
            (trace, r#""max_per_second": "5"}"#, r#"max_per_second: "5""#, "is not a number"),
            (trace, r#""discard": 1}"#, "discard: 1", "is not true or false"),
            (trace, r#""provenance": "cutsomer"}"#, r#"provenance: "cutsomer""#, provenance),
            ("7", "", "7", "is not an object"),
        ] {
            let (bad, problem) = (format!("{start}{rest}"), format!("{value} {problem}"));
            check(trace_rules, r#"{"sample_rate": 1}"#, &bad, &problem);
        }
        for (start, rest, value, problem) in [
            ("{", r#""resource": "*"}"#, "neither service nor name", "is given"),
            (span, r#""name": null}"#, "neither service nor name", "is given"),
            (span, r#""max_per_second": "5"}"#, r#"max_per_second: "5""#, "is not a number"),
            (span, r#""sample_rate": 7}"#, "sample_rate: 7", "is not between 0 and 1"),
            (span, r#""sample_rate": "1"}"#, r#"sample_rate: "1""#, "is not a number"),
            (span, r#""servic": "b"}"#, r#""servic""#, mean_service),
            (span, r#""name": 1}"#, "name: 1", "is not a text"),
            (span, r#""provenance": "local"}"#, r#""provenance""#, no_field),
        ] {
            let (bad, problem) = (format!("{start}{rest}"), format!("{value} {problem}"));
            for good in [r#"{"service": "a"}"#, r#"{"name": "a"}"#] {
                check(span_rules, good, &bad, &problem);
            }
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
        for (fields, expected) in [
            (r#""service": "w*", "name": "WEB.*", "resource": "/???", "discard": true"#, true),
            (r#""service": null, "tags": null, "max_per_second": 5, "provenance": null"#, true),
            (r#""name": null, "resource": null, "max_per_second": null, "discard": null"#, true),
            (r#""service": "other""#, false),
            (r#""name": "other""#, false),
            (r#""resource": "other""#, false),
            (r#""tags": {"a": "V", "b": "500"}"#, true),
            (r#""tags": {"a": "V", "b": "501"}"#, false),
            (r#""tags": [{"key": "a", "value_glob": "v"}]"#, true),
            (r#""tags": [{"key": "a", "value_glob": "w"}]"#, false),
            // Of two the last counts, also where that is null.
            (r#""sample_rate": 1, "sample_rate": 0.5, "name": "other", "name": "web*""#, true),
            (r#""name": "web*", "name": "other""#, false),
            (r#""name": "other", "name": null"#, true),
            (r#""tags": {"a": "w"}, "tags": {"a": "w", "a": "v"}"#, true),
        ] {
            let parsed = trace_rules(&format!(r#"[{{"sample_rate": 0.5, {fields}}}]"#));
            assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
            let rule = &parsed.rules[0];
            assert_eq!(rule.rate.get(), 0.5);
            let matches = span.read(|span: &SpanView<'_>| rule.matches(span));
            assert_eq!(matches, Some(expected), "{fields}");
        }
    }

    #[test]
    fn a_rule_says_where_it_comes_from() {
        let mut last = Provenance::Customer;
        for (name, mechanism) in [("customer", 11), ("dynamic", 12), ("local", 3), ("default", 3)] {
            let text = format!(r#"[{{"sample_rate": 1, "provenance": "{name}"}}]"#);
            let rule = &trace_rules(&text).rules[0];
            assert_eq!(rule.mechanism().get(), mechanism);
            // In this order they are tried.
            assert!(last <= rule.provenance);
            last = rule.provenance;
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
