//! A span of the SDK as the agent's OTLP intake would make it.

use opentelemetry::trace::{Event, Link, SpanKind as OtelKind, Status};
use opentelemetry::{InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tracehound::bridge::{ChunkBuilder, RecordedSpan};
use tracehound::{SpanKind, Text};

use super::agent_names::agent_name;
use super::identity::value_text;
use super::mapping::Mapped;
use super::resource_name::{ResourceNaming, semantic};
use crate::convert::entries::{AttributeLimits, event, link};
use crate::convert::exception;
use crate::convert::naming::{kind, names};
use crate::convert::span_context::ids;
use crate::convert::value::{key_text, tag, tag_value};

/// What all spans of a chunk are converted with.
pub(super) struct Common {
    pub(super) naming: ResourceNaming,
    /// `otel.trace_id`: 32 hexadecimal digits.
    pub(super) trace_id: Text,
    /// `w3c.tracestate`: the members of other vendors.
    pub(super) vendors: Option<Text>,
}

/// Adds a span to a chunk. It has been checked to have ids.
pub(super) fn add(chunk: &mut ChunkBuilder, data: SpanData, mapped: Mapped, common: &Common) {
    let Some((_, id)) = ids(&data.span_context) else { return };
    let mut span = chunk.span(id, data.start_time, data.end_time);
    let parent = u64::from_be_bytes(data.parent_span_id.to_bytes());
    if let Some(parent) = tracehound::SpanId::new(parent) {
        match data.parent_span_is_remote {
            true => span.set_remote_parent(parent),
            false => span.set_parent(parent),
        }
    }
    span.set_tag("otel.trace_id", common.trace_id.clone());
    if let Some(vendors) = &common.vendors {
        span.set_tag("w3c.tracestate", vendors.clone());
    }
    add_scope(&mut span, &data.instrumentation_scope);
    if matches!(data.span_kind, OtelKind::Client | OtelKind::Producer) {
        span.set_tag("_dd.measured", true);
    }
    describe(&mut span, &data.name, &data.span_kind, data.attributes, mapped, common.naming);
    set_status(&mut span, data.status, &data.events);
    let dropped = [
        ("otel.dropped_attributes_count", data.dropped_attributes_count),
        ("otel.dropped_events_count", data.events.dropped_count),
        ("otel.dropped_links_count", data.links.dropped_count),
    ];
    for (key, count) in dropped.into_iter().filter(|(_, count)| *count > 0) {
        span.set_tag(key, count);
    }
    add_extras(&mut span, data.links, data.events);
}

/// Sets kind and attributes under the agent's names, and the names that follow from them.
pub(super) fn describe(
    span: &mut RecordedSpan<'_>,
    name: &str,
    otel_kind: &OtelKind,
    attributes: Vec<KeyValue>,
    mapped: Mapped,
    naming: ResourceNaming,
) {
    span.set_kind(kind(Some(otel_kind)));
    let (mut given_kind, mut has_resource) = (None, false);
    let mut of_datadog = Vec::new();
    for attribute in attributes {
        match attribute.key.as_str() {
            // What the decision is made of: `chunk.rs`.
            "_sampling_priority_v1"
            | "sampling.priority"
            | "_dd.rule_psr"
            | "_dd.agent_psr"
            | "_dd.limit_psr"
            | "_dd.p.dm" => {}
            "span.kind" => given_kind = Some(tag_value(attribute.value)),
            key if key.starts_with(DATADOG) => of_datadog.push(attribute),
            key => {
                has_resource |= key == "resource.name" && !attribute.value.as_str().is_empty();
                set(span, attribute);
            }
        }
    }
    // Last: they win over all the others.
    for KeyValue { key, value, .. } in of_datadog {
        match key.as_str().strip_prefix(DATADOG).unwrap_or_default() {
            "span.kind" => given_kind = Some(tag_value(value)),
            "error" => span.set_tag("error", tag_value(value)),
            field => {
                has_resource |= field == "resource";
                // Others are of the agent's own namespace, and nothing that it knows.
                if let Some((_, tag)) = FIELDS.into_iter().find(|(known, _)| *known == field) {
                    span.set_tag(tag, value_text(&value));
                }
            }
        }
    }
    set_names(span, name, has_resource, mapped, naming);
    if let Some(kind) = given_kind {
        // Only now: names follow from OpenTelemetry's kind.
        span.set_tag("span.kind", kind);
    }
}

/// Before the attributes that set fields directly.
const DATADOG: &str = "datadog.";
/// What follows the prefix, and the tag that it sets, as text.
const FIELDS: [(&str, &str); 10] = [
    ("name", "span.name"),
    ("resource", "resource.name"),
    ("service", "service.name"),
    ("type", "span.type"),
    ("env", "env"),
    ("version", "version"),
    ("error.msg", "error.message"),
    ("error.type", "error.type"),
    ("error.stack", "error.stack"),
    ("http_status_code", "http.status_code"),
];

fn set(span: &mut RecordedSpan<'_>, attribute: KeyValue) {
    let KeyValue { key, value, .. } = attribute;
    let key = agent_name(key.as_str()).map_or(key, Key::from);
    if let Some((key, value)) = tag(KeyValue::new(key, value)) {
        span.set_tag(key, value);
    }
}

/// Before the attributes, which win.
fn add_scope(span: &mut RecordedSpan<'_>, scope: &InstrumentationScope) {
    for attribute in scope.attributes() {
        span.set_tag(key_text(attribute.key.clone()), value_text(&attribute.value));
    }
    let named = [("otel.scope.name", Some(scope.name())), ("otel.scope.version", scope.version())];
    for (key, value) in named {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            span.set_tag(key, Text::copy(value));
        }
    }
}

/// What the user's functions have named wins, then what the attributes name, then what follows from them.
fn set_names(
    span: &mut RecordedSpan<'_>,
    otel_name: &str,
    has_resource: bool,
    mapped: Mapped,
    naming: ResourceNaming,
) {
    let view = span.view();
    let names = names(&view);
    let span_type = names.span_type.filter(|_| view.span_type().is_none());
    let name = mapped.name.or_else(|| view.name().is_empty().then_some(names.name));
    let follows = || {
        let is_semantic = naming == ResourceNaming::Semantic;
        let kind = view.kind().unwrap_or(SpanKind::Internal);
        let semantic = is_semantic.then(|| semantic(&view, kind)).flatten();
        semantic.map_or_else(|| Text::copy(otel_name), Text::from)
    };
    let resource = mapped.resource.or_else(|| (!has_resource).then(follows));
    if let Some(service) = mapped.service {
        span.set_service(service);
    }
    if let Some(name) = name {
        span.set_name(name);
    }
    if let Some(resource) = resource {
        span.set_resource(resource);
    }
    if let Some(span_type) = span_type {
        span.set_type(span_type);
    }
}

// ===== status, events, links =====

fn set_status(span: &mut RecordedSpan<'_>, status: Status, events: &SpanEvents) {
    let exceptions =
        || events.iter().filter(|event| exception::is_exception(&event.name, &event.attributes));
    if exceptions().next().is_some() {
        span.set_tag("_dd.span_events.has_exception", "true");
    }
    let description = match status {
        Status::Unset => return span.set_tag("otel.status_code", "Unset"),
        Status::Ok => {
            span.set_error(false);
            return span.set_tag("otel.status_code", "Ok");
        }
        Status::Error { description } => description,
    };
    span.set_error(true);
    span.set_tag("otel.status_code", "Error");
    // The last exception counts; what the user has set himself stays.
    let described = [
        ("error.message", exception::MESSAGE),
        ("error.type", exception::TYPE),
        ("error.stack", exception::STACK),
    ];
    for (key, attribute) in described {
        let mut texts =
            exceptions().filter_map(|event| exception::text(&event.attributes, attribute));
        let text = texts.next_back().filter(|_| span.view().tag(key).is_none());
        if let Some(text) = text {
            span.set_tag(key, text);
        }
    }
    if span.view().tag("error.message").is_none() {
        let message = match &*description {
            "" => http_status(span),
            text => Some(text.to_owned()),
        };
        if let Some(message) = message {
            span.set_tag("error.message", message);
        }
    }
    if !description.is_empty() {
        span.set_tag("otel.status_description", String::from(description));
    }
}

/// What an error without a word of its own is called: the answer's status.
fn http_status(span: &RecordedSpan<'_>) -> Option<String> {
    let view = span.view();
    let code = view.tag("http.status_code")?;
    Some(match view.tag("http.status_text") {
        Some(text) => format!("{code} {text}"),
        None => code.into_owned(),
    })
}

fn add_extras(span: &mut RecordedSpan<'_>, links: SpanLinks, events: SpanEvents) {
    // The SDK has limits of its own.
    let limits = AttributeLimits::NONE;
    for Link { span_context, attributes, dropped_attributes_count: dropped, .. } in links {
        if let Some(link) = link(&span_context, attributes, dropped, limits) {
            span.add_link(link);
        }
    }
    for given in events {
        let Event { name, timestamp, attributes, dropped_attributes_count: dropped, .. } = given;
        span.add_event(event(name, timestamp, attributes, dropped, limits));
    }
}

/// A number that an attribute holds.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "priorities and rates are small")]
        Value::I64(number) => Some(*number as f64),
        Value::F64(number) => Some(*number).filter(|number| number.is_finite()),
        _ => None,
    }
}
