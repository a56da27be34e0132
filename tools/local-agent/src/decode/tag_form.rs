//! Links and events written as JSON in a tag (trace-payload §5 and §6).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::trace_id::high_bits;
use crate::model::{Event, Finding, Findings, Link, Rule, Span, Text, Value};

/// A JSON text unfolds to many times its size; tracers stop at 25 000 characters.
const LONGEST: usize = 1 << 20;

const LINKS: &str = "_dd.span_links";
const EVENTS: &str = "events";

/// Fills `links` and `events` from the tags, unless the native fields did.
pub(super) fn adopt(span: &mut Span, findings: &mut Findings) {
    match list(span, LINKS, &span.links, link) {
        Ok(links) => span.links.extend(links),
        Err(problem) => findings.push(Finding::new(Rule::SpanLinks, problem).in_span(span)),
    }
    match list(span, EVENTS, &span.events, event) {
        Ok(events) => span.events.extend(events),
        Err(problem) => findings.push(Finding::new(Rule::SpanEvents, problem).in_span(span)),
    }
}

/// What a tag lists, or what is wrong with it. Without the tag there is nothing.
fn list<T>(
    span: &Span,
    tag: &str,
    native: &[T],
    item: impl Fn(&Map<String, Json>) -> Option<T>,
) -> Result<Vec<T>, String> {
    let Some(text) = span.meta(tag) else { return Ok(Vec::new()) };
    if text.len() > LONGEST {
        return Err(format!("the tag `{tag}` has {} bytes, too many to read", text.len()));
    }
    let Ok(json) = serde_json::from_str::<Json>(text) else {
        return Err(format!("the tag `{tag}` is not JSON"));
    };
    let Some(list) = json.as_array() else {
        return Err(format!("the tag `{tag}` is not a JSON array"));
    };
    let items = list.iter().map(|json| json.as_object().and_then(&item));
    let items = items.enumerate().map(|(nth, item)| {
        let problem =
            || format!("element {nth} of the tag `{tag}` does not have the documented shape");
        item.ok_or_else(problem)
    });
    let items = items.collect::<Result<_, _>>()?;
    match native {
        [] => Ok(items),
        _ => Err(format!("`{tag}` is sent as a tag and natively")),
    }
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
    json.map_or_else(|| Some(BTreeMap::new()), |json| entries(json.as_object()?))
}

fn entries<C: FromIterator<(Text, Value)>>(map: &Map<String, Json>) -> Option<C> {
    map.iter().map(|(key, json)| Some((key.as_str().into(), value(json)?))).collect()
}

/// serde_json itself ends at a depth of 128, so the recursion here does.
fn value(json: &Json) -> Option<Value> {
    match json {
        Json::Null => None,
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(number) => {
            number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Double))
        }
        Json::String(text) => Some(text.as_str().into()),
        Json::Array(list) => list.iter().map(value).collect::<Option<_>>().map(Value::Array),
        Json::Object(map) => entries(map).map(Value::Map),
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
