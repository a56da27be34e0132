//! Links and events written as JSON in a tag (trace-payload §5 and §6).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::payload::high_bits;
use crate::model::{Event, Finding, Findings, Link, Rule, Span, Text, Value};

/// A JSON text unfolds to many times its size; tracers stop at 25 000 characters.
const LONGEST: usize = 1 << 20;

const LINKS: &str = "_dd.span_links";
const EVENTS: &str = "events";

/// Fills `links` and `events` from the tags, unless the native fields did.
pub(super) fn adopt(span: &mut Span, findings: &mut Findings) {
    if let Some(text) = span.meta(LINKS) {
        let links = parse(LINKS, text, link);
        let both = !span.links.is_empty();
        settle(LINKS, Rule::SpanLinks, links, both, span, findings, |span, links| {
            span.links = links
        });
    }
    if let Some(text) = span.meta(EVENTS) {
        let events = parse(EVENTS, text, event);
        let both = !span.events.is_empty();
        settle(EVENTS, Rule::SpanEvents, events, both, span, findings, |span, events| {
            span.events = events;
        });
    }
}

fn settle<T>(
    tag: &str,
    rule: Rule,
    parsed: Result<Vec<T>, String>,
    both: bool,
    span: &mut Span,
    findings: &mut Findings,
    store: impl FnOnce(&mut Span, Vec<T>),
) {
    let problem = match parsed {
        Ok(_) if both => format!("`{tag}` is sent as a tag and natively"),
        Ok(list) => return store(span, list),
        Err(problem) => problem,
    };
    findings.push(Finding::new(rule, problem).in_span(span));
}

fn parse<T>(
    tag: &str,
    text: &str,
    item: impl Fn(&Map<String, Json>) -> Option<T>,
) -> Result<Vec<T>, String> {
    if text.len() > LONGEST {
        return Err(format!("the tag `{tag}` has {} bytes, too many to read", text.len()));
    }
    let Ok(json) = serde_json::from_str::<Json>(text) else {
        return Err(format!("the tag `{tag}` is not JSON"));
    };
    let Some(list) = json.as_array() else {
        return Err(format!("the tag `{tag}` is not a JSON array"));
    };
    list.iter()
        .enumerate()
        .map(|(nth, value)| {
            value.as_object().and_then(&item).ok_or_else(|| {
                format!("element {nth} of the tag `{tag}` does not have the documented shape")
            })
        })
        .collect()
}

fn link(json: &Map<String, Json>) -> Option<Link> {
    let trace_id = json.get("trace_id")?.as_str()?;
    let (high, low) = trace_id.split_at_checked(16)?;
    Some(Link {
        trace_id: u128::from(high_bits(high)?) << 64 | u128::from(high_bits(low)?),
        span_id: high_bits(json.get("span_id")?.as_str()?)?,
        attributes: attributes(json.get("attributes"))?,
        tracestate: match json.get("tracestate") {
            None => Text::default(),
            Some(text) => text.as_str()?.into(),
        },
        flags: match json.get("flags") {
            None => None,
            Some(flags) => Some(u32::try_from(flags.as_u64()?).ok()?),
        },
    })
}

fn event(json: &Map<String, Json>) -> Option<Event> {
    Some(Event {
        time_unix_ns: json.get("time_unix_nano")?.as_u64()?,
        name: json.get("name")?.as_str()?.into(),
        attributes: attributes(json.get("attributes"))?,
    })
}

fn attributes(json: Option<&Json>) -> Option<BTreeMap<Text, Value>> {
    let Some(json) = json else { return Some(BTreeMap::new()) };
    let entries = json.as_object()?.iter();
    entries.map(|(key, json)| Some((key.as_str().into(), value(json)?))).collect()
}

/// serde_json itself ends at a depth of 128, so the recursion here does.
fn value(json: &Json) -> Option<Value> {
    match json {
        Json::Null => None,
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(number) => {
            number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Double))
        }
        Json::String(text) => Some(Value::String(text.as_str().into())),
        Json::Array(list) => list.iter().map(value).collect::<Option<_>>().map(Value::Array),
        Json::Object(map) => map
            .iter()
            .map(|(key, json)| Some((key.as_str().into(), value(json)?)))
            .collect::<Option<_>>()
            .map(Value::Map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopted(key: &str, text: &str) -> (Span, Vec<String>) {
        let mut span = Span::default();
        span.meta.insert(key.into(), text.into());
        let mut findings = Findings::default();
        adopt(&mut span, &mut findings);
        (span, findings.into_vec().into_iter().map(|f| f.detail).collect())
    }

    #[test]
    fn events_are_read_with_their_types() {
        let (span, findings) = adopted(
            "events",
            r#"[{"name":"e","time_unix_nano":18446744073709551615,"attributes":{"i":1,"d":1.0,"l":["a"]}}]"#,
        );
        assert_eq!(findings, [""; 0]);
        let event = &span.events[0];
        assert_eq!(event.time_unix_ns, u64::MAX);
        assert_eq!(event.attributes["i"], Value::Int(1));
        assert_eq!(event.attributes["d"], Value::Double(1.0));
        assert_eq!(event.attributes["l"], Value::Array(vec!["a".into()]));
    }

    #[test]
    fn malformed_tags_are_reported_and_read_as_none() {
        for (text, expected) in [
            ("[", "the tag `events` is not JSON"),
            ("{}", "the tag `events` is not a JSON array"),
            ("[1]", "element 0 of the tag `events` does not have the documented shape"),
            (
                r#"[{"name":"e"}]"#,
                "element 0 of the tag `events` does not have the documented shape",
            ),
        ] {
            let (span, findings) = adopted("events", text);
            assert_eq!((span.events.len(), findings), (0, vec![expected.to_owned()]), "{text}");
        }
        let (_, findings) = adopted("_dd.span_links", r#"[{"trace_id":"1","span_id":"2"}]"#);
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn the_native_form_wins_and_the_double_is_reported() {
        let mut span = Span { events: vec![Event::default()], ..Span::default() };
        span.meta.insert("events".into(), "[]".into());
        let mut findings = Findings::default();
        adopt(&mut span, &mut findings);
        assert_eq!(span.events.len(), 1);
        assert_eq!(findings.into_vec()[0].detail, "`events` is sent as a tag and natively");
    }
}
