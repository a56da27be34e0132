//! A span of the SDK in Datadog's terms, from the published tables alone: the crate's documentation, and for
//! the exporter what the agent's OTLP intake does. Nothing here is shared with `src`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use opentelemetry::trace::{Event, Link, SpanKind, Status};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use tracehound::{EventValue, SpanEvent, SpanId, SpanLink, TraceId};

use super::names;
use super::world::{Mapping, Record};

/// A tag, before it is known in which map of the protocol it is.
#[derive(Clone, Debug)]
pub(crate) enum Tag {
    Text(String),
    Number(f64),
}

/// Tags by their keys: of two with one key the last counts.
#[derive(Default)]
pub(crate) struct Tags {
    tags: BTreeMap<String, Tag>,
}

impl Tags {
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        Some(match self.tags.get(key)? {
            Tag::Text(text) => text.clone(),
            Tag::Number(number) => number.to_string(),
        })
    }

    fn set_text(&mut self, key: &str, text: impl Into<String>) {
        self.tags.insert(key.to_owned(), Tag::Text(text.into()));
    }

    fn set(&mut self, key: &str, value: &Value) {
        self.tags.remove(key);
        self.tags.retain(|other, _| !is_element(other, key));
        for (suffix, value) in elements(value) {
            if let Some(tag) = value {
                self.tags.insert(format!("{key}{suffix}"), tag);
            }
        }
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let text = self.text(key);
        self.tags.remove(key);
        text
    }
}

/// Whether a key is that of an element of the array `of`.
fn is_element(key: &str, of: &str) -> bool {
    let index = key.strip_prefix(of).and_then(|rest| rest.strip_prefix('.'));
    index.is_some_and(|index| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Arrays are flattened; what a tag cannot hold is not there.
fn elements(value: &Value) -> Vec<(String, Option<Tag>)> {
    fn each<T>(items: &[T], tag: impl Fn(&T) -> Option<Tag>) -> Vec<(String, Option<Tag>)> {
        items.iter().enumerate().map(|(place, item)| (format!(".{place}"), tag(item))).collect()
    }
    match value {
        Value::Array(Array::Bool(items)) => each(items, |item| Some(Tag::Text(item.to_string()))),
        Value::Array(Array::I64(items)) => each(items, |item| Some(integer(*item))),
        Value::Array(Array::F64(items)) => each(items, |item| float(*item)),
        Value::Array(Array::String(items)) => {
            each(items, |item| Some(Tag::Text(item.as_str().to_owned())))
        }
        Value::I64(number) => vec![(String::new(), Some(integer(*number)))],
        Value::F64(number) => vec![(String::new(), float(*number))],
        other => vec![(String::new(), Some(Tag::Text(other.as_str().into_owned())))],
    }
}

/// A metric is a float of 64 bits, which is exact up to 2^53.
fn integer(number: i64) -> Tag {
    if number.unsigned_abs() > 1 << 53 {
        return Tag::Text(number.to_string());
    }
    Tag::Number(number as f64)
}

fn float(number: f64) -> Option<Tag> {
    number.is_finite().then_some(Tag::Number(number))
}

/// The span as it has to arrive.
pub(crate) fn record(span: &SpanData, mapping: Mapping) -> Record {
    let mut tags = Tags::default();
    for KeyValue { key, value, .. } in &span.attributes {
        let key = match mapping {
            Mapping::Agent => names::of_agent(key.as_str()),
            Mapping::Tracer if key.as_str() == "http.response.status_code" => {
                "http.status_code".into()
            }
            Mapping::Tracer => Cow::Borrowed(key.as_str()),
        };
        match &*key {
            // A field of the span, and text whatever it was.
            "http.status_code" => tags.set_text(&key, value.as_str()),
            _ => tags.set(&key, value),
        }
    }
    let by_hand = decision(&mut tags);
    let is_error = set_status(&mut tags, span, mapping);
    if mapping == Mapping::Agent {
        describe_as_agent(&mut tags, span);
    }
    let kind = kind(&span.span_kind);
    let by_name = span.name.clone().into_owned();
    let name = names::operation(&tags, kind);
    let resource = match mapping {
        Mapping::Tracer => None,
        Mapping::Agent => names::resource(&tags, kind),
    };
    let span_type = names::span_type(&tags, kind);
    let name = tags.take("operation.name").map_or(name, |name| name.to_lowercase());
    let resource = tags.take("resource.name").or(resource).unwrap_or(by_name);
    let record = Record {
        trace_id: u128::from_be_bytes(span.span_context.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_context.span_id().to_bytes()),
        parent_id: u64::from_be_bytes(span.parent_span_id.to_bytes()),
        is_local_root: span.parent_span_is_remote
            || span.parent_span_id == opentelemetry::trace::SpanId::INVALID,
        service: tags.take("service.name").unwrap_or_else(|| "test".to_owned()),
        // Without a resource there is no span at Datadog.
        resource: if resource.is_empty() { name.clone() } else { resource },
        name,
        span_type: tags.take("span.type").unwrap_or_else(|| span_type.to_owned()),
        kind: tags.take("span.kind").unwrap_or_else(|| kind.to_owned()),
        is_error,
        priority: by_hand.unwrap_or(span.span_context.is_sampled().into()),
        start: span.start_time,
        end: span.end_time.max(span.start_time),
        meta: BTreeMap::new(),
        metrics: BTreeMap::new(),
        links: links(&span.links.links),
        events: span.events.iter().map(event).collect(),
    };
    parted(record, tags)
}

/// The priority that attributes give a trace; they are no tags.
fn decision(tags: &mut Tags) -> Option<i32> {
    let said = ["manual.keep", "manual.drop", "sampling.priority"].map(|key| tags.take(key));
    match said.each_ref().map(Option::as_deref) {
        [Some("true"), ..] => Some(2),
        [_, Some("true"), _] => Some(-1),
        [_, _, Some(number)] => Some(if number == "0" { -1 } else { 2 }),
        _ => None,
    }
}

fn parted(mut record: Record, tags: Tags) -> Record {
    for (key, tag) in tags.tags {
        match tag {
            Tag::Text(text) => _ = record.meta.insert(key, text),
            Tag::Number(number) => _ = record.metrics.insert(key, number),
        }
    }
    record
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

// ===== status and exceptions =====

const DESCRIBED: [(&str, &str); 3] = [
    ("error.message", "exception.message"),
    ("error.type", "exception.type"),
    ("error.stack", "exception.stacktrace"),
];

fn set_status(tags: &mut Tags, span: &SpanData, mapping: Mapping) -> bool {
    let mut exceptions = span.events.iter().filter(|event| event.name == "exception");
    let description = match &span.status {
        Status::Error { description } => Some(&**description),
        _ => None,
    };
    // The agent describes spans that have failed, and Datadog's tracers all.
    if mapping == Mapping::Tracer || description.is_some() {
        if let Some(last) = exceptions.next_back() {
            for (tag, attribute) in DESCRIBED {
                let said = last.attributes.iter().rev().find(|said| said.key.as_str() == attribute);
                if let Some(said) = said {
                    tags.set_text(tag, said.value.as_str());
                }
            }
        }
    }
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        if tags.text("error.message").is_none() {
            tags.set_text("error.message", description);
        }
    }
    description.is_some()
}

fn describe_as_agent(tags: &mut Tags, span: &SpanData) {
    tags.set_text("otel.trace_id", format!("{:032x}", span.span_context.trace_id()));
    let state = span.span_context.trace_state();
    let vendors = state.delete("dd").unwrap_or_default().header();
    if !vendors.is_empty() {
        tags.set_text("w3c.tracestate", vendors);
    }
    if matches!(span.span_kind, SpanKind::Client | SpanKind::Producer) {
        tags.set("_dd.measured", &Value::I64(1));
    }
    let (status, description) = match &span.status {
        Status::Unset => ("Unset", ""),
        Status::Ok => ("Ok", ""),
        Status::Error { description } => ("Error", &**description),
    };
    tags.set_text("otel.status_code", status);
    if !description.is_empty() {
        tags.set_text("otel.status_description", description);
    }
    if span.events.iter().any(|event| event.name == "exception") {
        tags.set_text("_dd.span_events.has_exception", "true");
    }
    for (key, count) in [
        ("otel.dropped_attributes_count", span.dropped_attributes_count),
        ("otel.dropped_events_count", span.events.dropped_count),
        ("otel.dropped_links_count", span.links.dropped_count),
    ] {
        if count > 0 {
            tags.set(key, &Value::I64(count.into()));
        }
    }
}

// ===== events and links =====

fn event(event: &Event) -> SpanEvent {
    event.attributes.iter().fold(
        SpanEvent::at(event.name.clone(), event.timestamp),
        |made, KeyValue { key, value, .. }| {
            let value: EventValue = match value {
                Value::Bool(value) => (*value).into(),
                Value::I64(value) => (*value).into(),
                Value::F64(value) => (*value).into(),
                Value::Array(Array::Bool(items)) => items.clone().into(),
                Value::Array(Array::I64(items)) => items.clone().into(),
                Value::Array(Array::F64(items)) => items.clone().into(),
                Value::Array(Array::String(items)) => {
                    items.iter().map(|item| item.as_str()).collect::<Vec<_>>().into()
                }
                other => other.as_str().into_owned().into(),
            };
            made.attribute(key.as_str().to_owned(), value)
        },
    )
}

/// Attributes of links are text; a link to nowhere is none.
fn links(links: &[Link]) -> Vec<SpanLink> {
    let made = links.iter().filter_map(|link| {
        let context = &link.span_context;
        let trace_id = TraceId::new(u128::from_be_bytes(context.trace_id().to_bytes()))?;
        let span_id = SpanId::new(u64::from_be_bytes(context.span_id().to_bytes()))?;
        let made = SpanLink::new(trace_id, span_id)
            .trace_flags(context.trace_flags().to_u8())
            .tracestate(context.trace_state().header());
        Some(link.attributes.iter().fold(made, |made, KeyValue { key, value, .. }| match value {
            Value::Array(items) => {
                texts(items).into_iter().enumerate().fold(made, |made, (place, text)| {
                    made.attribute(format!("{key}.{place}"), text)
                })
            }
            value => made.attribute(key.as_str().to_owned(), value.as_str().into_owned()),
        }))
    });
    made.collect()
}

fn texts(items: &Array) -> Vec<String> {
    match items {
        Array::Bool(items) => items.iter().map(ToString::to_string).collect(),
        Array::I64(items) => items.iter().map(ToString::to_string).collect(),
        Array::F64(items) => items.iter().map(ToString::to_string).collect(),
        Array::String(items) => items.iter().map(|item| item.as_str().to_owned()).collect(),
        other => panic!("an array of a new type: {other}"),
    }
}
