//! Spans as an agent has them after decoding, whatever the format they came in.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

/// A span as sent to an agent. A field that was not sent has its zero value; one that the agent
/// does not know is an error of whoever sent it, and does not decode.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The service.
    #[serde(default, deserialize_with = "or_default")]
    pub service: String,
    /// The operation.
    pub name: String,
    /// The resource.
    #[serde(default, deserialize_with = "or_default")]
    pub resource: String,
    /// `web`, `sql`, ...: the field `type`.
    #[serde(default, deserialize_with = "or_default", rename = "type")]
    pub kind: String,
    /// The low 64 bits of the trace id.
    pub trace_id: u64,
    /// The id of the span.
    pub span_id: u64,
    /// The id of the parent; 0 if there is none.
    #[serde(default, deserialize_with = "or_default")]
    pub parent_id: u64,
    /// Nanoseconds since the Unix epoch.
    pub start: i64,
    /// Nanoseconds.
    pub duration: i64,
    /// 1 for a span that failed.
    #[serde(default)]
    pub error: i32,
    /// Tags with text values.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// Tags with number values.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// Tags with structured values, decoded.
    #[serde(default)]
    pub meta_struct: BTreeMap<String, Value>,
    /// Links to other spans.
    #[serde(default)]
    pub span_links: Vec<SpanLink>,
    /// What happened in the span.
    #[serde(default)]
    pub span_events: Vec<SpanEvent>,
}

impl Span {
    /// A text tag.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta.get(key).map(String::as_str)
    }

    /// A number tag.
    pub fn metric(&self, key: &str) -> Option<f64> {
        self.metrics.get(key).copied()
    }

    /// Both halves of the trace id; the high one comes with the first span of each chunk, as the
    /// tag `_dd.p.tid`, and is 0 without it.
    pub fn full_trace_id(&self) -> u128 {
        let high = self.meta("_dd.p.tid").and_then(|tid| u64::from_str_radix(tid, 16).ok());
        (u128::from(high.unwrap_or(0)) << 64) | u128::from(self.trace_id)
    }
}

impl Span {
    /// The same with links and events as tags of JSON, which is the only form that all formats have. To compare spans
    /// that came in different formats.
    #[must_use]
    pub fn in_tag_form(mut self) -> Span {
        let own = |key: &str| -> Option<Value> {
            self.meta(key).map(|text| serde_json::from_str(text).unwrap_or_default())
        };
        let links = || self.span_links.iter().map(SpanLink::json).collect();
        let events = || self.span_events.iter().map(SpanEvent::json).collect();
        let links = own("_dd.span_links").unwrap_or_else(links);
        let events = own("events").unwrap_or_else(events);
        for (key, value) in [("_dd.span_links", links), ("events", events)] {
            if value != Value::Array(Vec::new()) {
                self.meta.insert(key.to_owned(), value.to_string());
            }
        }
        self.span_links.clear();
        self.span_events.clear();
        self
    }
}

/// A link from a span to another.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanLink {
    /// The low 64 bits of the other trace's id.
    pub trace_id: u64,
    /// The high 64 bits.
    #[serde(default, deserialize_with = "or_default")]
    pub trace_id_high: u64,
    /// The other span's id.
    pub span_id: u64,
    /// Tags of the link.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The other context's `tracestate`.
    #[serde(default, deserialize_with = "or_default")]
    pub tracestate: String,
    /// The trace flags, with bit 31 set when they are known.
    pub flags: Option<u32>,
}

impl SpanLink {
    /// As the tag `_dd.span_links` has it.
    fn json(&self) -> Value {
        let (trace, span) = (
            format!("{:016x}{:016x}", self.trace_id_high, self.trace_id),
            format!("{:016x}", self.span_id),
        );
        let mut link = Map::new();
        link.insert("trace_id".to_owned(), trace.into());
        link.insert("span_id".to_owned(), span.into());
        if !self.attributes.is_empty() {
            link.insert("attributes".to_owned(), json!(self.attributes));
        }
        if !self.tracestate.is_empty() {
            link.insert("tracestate".to_owned(), json!(self.tracestate));
        }
        if let Some(flags) = self.flags {
            // Bit 31 says that they are known.
            link.insert("flags".to_owned(), json!(flags & !(1 << 31)));
        }
        Value::Object(link)
    }
}

/// Something that happened in a span.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanEvent {
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// What happened.
    pub name: String,
    /// Tags of the event as on the wire, each with its type; see [`attribute`](Self::attribute).
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
}

impl SpanEvent {
    /// As the tag `events` has it.
    fn json(&self) -> Value {
        let mut event = Map::new();
        event.insert("name".to_owned(), json!(self.name));
        event.insert("time_unix_nano".to_owned(), json!(self.time_unix_nano));
        let plain = |key: &String| Some((key.clone(), self.attribute(key)?));
        if !self.attributes.is_empty() {
            let attributes = self.attributes.keys().filter_map(plain).collect();
            event.insert("attributes".to_owned(), Value::Object(attributes));
        }
        Value::Object(event)
    }

    /// The plain value of an attribute: text, a boolean, a number or a list of one of these.
    pub fn attribute(&self, key: &str) -> Option<Value> {
        plain(self.attributes.get(key)?)
    }
}

/// The agent's type codes of event attributes, and the field which holds the value of each.
const ATTRIBUTE_FIELDS: [&str; 5] =
    ["string_value", "bool_value", "int_value", "double_value", "array_value"];

fn plain(attribute: &Value) -> Option<Value> {
    let kind = usize::try_from(attribute.get("type")?.as_u64()?).ok()?;
    let value = attribute.get(ATTRIBUTE_FIELDS.get(kind)?)?;
    match value.get("values") {
        Some(values) => values.as_array()?.iter().map(plain).collect(),
        None => Some(value.clone()),
    }
}

/// What is sent as null, or not at all, is the zero value.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A trace as text, one span per line, children below their parents in the order of their start.
/// For failure messages, and to compare the whole of a trace at once:
///
/// ```text
/// web.request  shop | GET /cart | web
///   cart.load  shop | cart.load | error
/// ```
pub fn tree(spans: &[Span]) -> String {
    let mut spans: Vec<&Span> = spans.iter().collect();
    spans.sort_by_key(|span| (span.start, span.span_id));
    let ids: HashSet<u64> = spans.iter().map(|span| span.span_id).collect();
    let (has_parent, roots): (Vec<&Span>, Vec<&Span>) =
        spans.into_iter().partition(|span| ids.contains(&span.parent_id));
    let mut children: BTreeMap<u64, Vec<&Span>> = BTreeMap::new();
    for span in has_parent {
        children.entry(span.parent_id).or_default().push(span);
    }
    let mut text = String::new();
    for root in roots {
        draw(&mut text, root, &mut children, 0);
    }
    // What is left hangs on itself.
    while let Some((_, circle)) = children.pop_first() {
        for span in circle {
            draw(&mut text, span, &mut children, 0);
        }
    }
    text
}

/// Takes the children of a span as it draws them: each span is drawn once, whatever was sent twice.
fn draw(text: &mut String, span: &Span, children: &mut BTreeMap<u64, Vec<&Span>>, depth: usize) {
    let _ = writeln!(text, "{:indent$}{span}", "", indent = depth.saturating_mul(2));
    for child in children.remove(&span.span_id).unwrap_or_default() {
        draw(text, child, children, depth.saturating_add(1));
    }
}

/// One line: name, service, resource, type if there is one, `error` if it failed.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {} | {}", self.name, self.service, self.resource)?;
        if !self.kind.is_empty() {
            write!(f, " | {}", self.kind)?;
        }
        if self.error != 0 { f.write_str(" | error") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, id: u64, parent: u64, start: i64) -> Span {
        Span {
            service: "shop".to_owned(),
            name: name.to_owned(),
            resource: name.to_owned(),
            span_id: id,
            parent_id: parent,
            start,
            ..Span::default()
        }
    }

    #[test]
    fn a_tree_shows_parents_and_order() {
        let mut second = span("second", 4, 2, 9);
        second.error = 1;
        second.kind = "sql".to_owned();
        let spans =
            [second, span("first", 3, 2, 8), span("root", 2, 77, 5), span("other", 5, 0, 6)];
        assert_eq!(
            tree(&spans),
            "root  shop | root\n  first  shop | first\n  second  shop | second | sql | error\n\
             other  shop | other\n"
        );
    }

    #[test]
    fn each_span_is_drawn_once_whatever_was_sent() {
        let lines = |spans: &[Span]| tree(spans).lines().count();
        assert_eq!(lines(&[span("its own parent", 1, 1, 0)]), 1);
        assert_eq!(lines(&[span("a", 1, 2, 0), span("b", 2, 1, 0), span("c", 3, 2, 0)]), 3);
        let chain = (1..=60).map(|id| span("a retry sends all twice", id, id - 1, 0));
        let twice: Vec<Span> = chain.clone().chain(chain).collect();
        assert_eq!(lines(&twice), 120);
    }

    #[test]
    fn an_event_attribute_loses_its_wire_type() {
        let event: SpanEvent = serde_json::from_value(json!({
            "time_unix_nano": 1, "name": "e", "attributes": {
                "text": {"type": 0, "string_value": "x"},
                "list": {"type": 4, "array_value": {"values": [{"type": 2, "int_value": 7}]}},
                "odd": {"type": 9},
            }
        }))
        .unwrap();
        assert_eq!(event.attribute("text"), Some(json!("x")));
        assert_eq!(event.attribute("list"), Some(json!([7])));
        assert_eq!(event.attribute("odd"), None);
    }

    #[test]
    fn a_field_that_no_agent_knows_does_not_decode() {
        let sent =
            json!({"name": "n", "trace_id": 1, "span_id": 2, "start": 3, "duration": 4, "x": 5});
        let error = serde_json::from_value::<Span>(sent).unwrap_err();
        assert!(error.to_string().contains("unknown field `x`"), "{error}");
    }
}
