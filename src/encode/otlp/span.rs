//! A span of OTLP, from a span of Datadog.

use super::fields::{Field, any_value, array, attribute, event, link, scope_spans, span, status};
use super::form::Form;
use crate::encode::chunk_writer::SpanWriter;
use crate::encode::entries::{Number, TagEntries};
use crate::propagation::{Outgoing, with_tracestate};
use crate::trace::{EventValue, SpanEvent, SpanKind, SpanLink, SpanView};

/// A span has at most so many attributes; the others are counted on it.
const MAX_ATTRIBUTES: u32 = 128;
/// The same for its events.
const MAX_EVENTS: usize = 128;
/// `STATUS_CODE_ERROR`. The code of all other spans is 0: nobody has said that they went well.
const ERROR: u32 = 2;
/// Bit 0 of the flags: the trace was sampled.
const SAMPLED: u32 = 1;

/// What is there as attributes of OTLP beside the tags.
const PROMOTED: [&str; 4] = ["service.name", "operation.name", "span.type", "resource.name"];
/// Tags of which OTLP has fields. They are attributes as well, because Datadog's tools look for them.
const IN_FIELDS: [&str; 3] = ["error.msg", "error.message", "span.kind"];

/// Writes spans, and has the memory for it.
#[derive(Debug, Default)]
pub(in crate::encode) struct Spans {
    /// Leave out what only Datadog's conventions have (`DD_TRACE_OTEL_SEMANTICS_ENABLED`).
    pub(in crate::encode) otel_semantics: bool,
    tags: TagEntries,
}

impl Spans {
    /// Writes a span of a trace that is kept. `writer` writes events natively, not as a tag.
    pub(in crate::encode) fn write<F: Form>(
        &mut self,
        form: &mut F,
        writer: &SpanWriter<'_>,
        span: &SpanView<'_>,
        is_head: bool,
    ) {
        self.tags.take(writer, span, is_head);
        form.element(scope_spans::SPANS, |form| self.fields(form, writer, span));
    }

    fn fields(&self, form: &mut impl Form, writer: &SpanWriter<'_>, view: &SpanView<'_>) {
        let (segment, record) = (writer.segment, view.record);
        let span_id = record.id.map_or(0, |id| id.get());
        form.id(span::TRACE_ID, &segment.trace_id.get().to_be_bytes());
        form.id(span::SPAN_ID, &span_id.to_be_bytes());
        let outgoing = Outgoing::of(segment, record.id, writer.decision);
        with_tracestate(&outgoing, |tracestate| {
            if !tracestate.is_empty() {
                form.text(span::TRACE_STATE, tracestate);
            }
        });
        if let Some(parent) = record.parent {
            form.id(span::PARENT_SPAN_ID, &parent.get().to_be_bytes());
        }
        // Names that a function derives from tags have been fixed when the chunk was settled.
        let name = &*record.name;
        let resource = record.resource.as_deref().filter(|resource| !resource.is_empty());
        let resource = resource.unwrap_or(name);
        form.text(span::NAME, resource);
        form.small(span::KIND, kind(view.kind(), record.span_type.as_deref()));
        let start = u64::try_from(view.start_ns()).unwrap_or_default();
        form.fixed64(span::START, start);
        form.fixed64(span::END, start.saturating_add(view.duration_ns().unwrap_or_default()));
        self.attributes(form, writer, view, resource);
        events(form, view.events());
        links(form, view.links());
        form.message(span::STATUS, |form| {
            if let Some(message) = self.error_message().filter(|_| record.error) {
                form.text(status::MESSAGE, message);
            }
            form.small(status::CODE, if record.error { ERROR } else { 0 });
        });
        if writer.decision.is_some_and(|decision| decision.priority.is_keep()) {
            form.fixed32(span::FLAGS, SAMPLED);
        }
    }

    fn error_message(&self) -> Option<&str> {
        let find = |name| {
            let found = self.tags.texts().find(|(key, _)| *key == name);
            found.map(|(_, value)| value)
        };
        find("error.msg").or_else(|| find("error.message"))
    }

    fn attributes(
        &self,
        form: &mut impl Form,
        writer: &SpanWriter<'_>,
        view: &SpanView<'_>,
        resource: &str,
    ) {
        let service = Some(view.service()).filter(|name| **name != *writer.segment.shared.service);
        let [service_name, operation_name, span_type, resource_name] = PROMOTED;
        let promoted = [
            (service_name, service),
            (operation_name, Some(&*view.record.name)),
            (span_type, view.record.span_type.as_deref()),
            (resource_name, Some(resource)),
        ];
        let promoted = promoted
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.filter(|value| !value.is_empty())?)))
            .filter(|_| !self.otel_semantics);
        let is_left_out = |key: &str| {
            // A tag of the user with the name of one of ours would be there twice.
            PROMOTED.contains(&key) && !self.otel_semantics
                || IN_FIELDS.contains(&key) && self.otel_semantics
        };
        let mut count = 0;
        let mut has_room = || {
            count += 1;
            count <= MAX_ATTRIBUTES
        };
        form.list(span::ATTRIBUTES, |form| {
            let texts = self.tags.texts().filter(|(key, _)| !is_left_out(key));
            for (key, value) in promoted.chain(texts).filter(|_| has_room()) {
                text_attribute(form, span::ATTRIBUTES, key, value);
            }
            for (key, value) in self.tags.numbers().filter(|_| has_room()) {
                any_attribute(form, span::ATTRIBUTES, key, |form| match value.simplest() {
                    Number::Whole(whole) => form.int64(any_value::INT, whole),
                    Number::Float(float) => form.double(any_value::DOUBLE, float),
                });
            }
            for (key, document) in view.structs().iter().filter(|_| has_room()) {
                any_attribute(form, span::ATTRIBUTES, key, |form| {
                    form.bytes(any_value::BYTES, document);
                });
            }
        });
        if count > MAX_ATTRIBUTES {
            form.small(span::DROPPED_ATTRIBUTES, count.saturating_sub(MAX_ATTRIBUTES));
        }
    }
}

/// `SPAN_KIND_*`: what the span says, else what follows from its type.
fn kind(kind: Option<SpanKind>, span_type: Option<&str>) -> u32 {
    match (kind, span_type) {
        (Some(SpanKind::Internal), _) => 1,
        (Some(SpanKind::Server), _) | (None, Some("web" | "http" | "server")) => 2,
        (Some(SpanKind::Client), _) | (None, Some("client")) => 3,
        (Some(SpanKind::Producer), _) | (None, Some("producer")) => 4,
        (Some(SpanKind::Consumer), _) | (None, Some("consumer")) => 5,
        (None, _) => 1,
    }
}

fn events(form: &mut impl Form, events: &[SpanEvent]) {
    if events.is_empty() {
        return;
    }
    form.list(span::EVENTS, |form| {
        for happened in events.iter().take(MAX_EVENTS) {
            form.element(span::EVENTS, |form| {
                form.fixed64(event::TIME, happened.unix_ns);
                form.text(event::NAME, &happened.name);
                form.list(event::ATTRIBUTES, |form| {
                    for (key, value) in &happened.attributes {
                        any_attribute(form, event::ATTRIBUTES, key, |form| {
                            event_value(form, value);
                        });
                    }
                });
                dropped(form, event::DROPPED_ATTRIBUTES, happened.refused_attributes);
            });
        }
    });
    let rest = events.len().saturating_sub(MAX_EVENTS);
    dropped(form, span::DROPPED_EVENTS, u32::try_from(rest).unwrap_or(u32::MAX));
}

fn event_value(form: &mut impl Form, value: &EventValue) {
    match value {
        EventValue::Text(text) => form.text(any_value::TEXT, text),
        EventValue::Bool(value) => form.bool(any_value::BOOL, *value),
        EventValue::I64(number) => form.int64(any_value::INT, *number),
        EventValue::F64(number) => form.double(any_value::DOUBLE, *number),
        EventValue::Array(values) => form.message(any_value::ARRAY, |form| {
            form.list(array::VALUES, |form| {
                for value in values {
                    form.element(array::VALUES, |form| event_value(form, value));
                }
            });
        }),
    }
}

fn links(form: &mut impl Form, links: &[SpanLink]) {
    if links.is_empty() {
        return;
    }
    form.list(span::LINKS, |form| {
        for to in links {
            form.element(span::LINKS, |form| {
                form.id(link::TRACE_ID, &to.trace_id.get().to_be_bytes());
                form.id(link::SPAN_ID, &to.span_id.get().to_be_bytes());
                if let Some(tracestate) = to.tracestate.as_deref() {
                    form.text(link::TRACE_STATE, tracestate);
                }
                form.list(link::ATTRIBUTES, |form| {
                    for (key, value) in &to.attributes {
                        text_attribute(form, link::ATTRIBUTES, key, value);
                    }
                });
                dropped(form, link::DROPPED_ATTRIBUTES, to.refused_attributes);
                if let Some(flags) = to.flags.filter(|flags| *flags != 0) {
                    form.fixed32(link::FLAGS, flags);
                }
            });
        }
    });
}

fn dropped(form: &mut impl Form, field: Field, count: u32) {
    if count > 0 {
        form.small(field, count);
    }
}

/// Writes an attribute: one element of the list `field`.
fn any_attribute<F: Form>(form: &mut F, field: Field, key: &str, value: impl FnOnce(&mut F)) {
    form.element(field, |form| {
        form.text(attribute::KEY, key);
        form.message(attribute::VALUE, value);
    });
}

pub(super) fn text_attribute(form: &mut impl Form, field: Field, key: &str, value: &str) {
    any_attribute(form, field, key, |form| form.text(any_value::TEXT, value));
}
