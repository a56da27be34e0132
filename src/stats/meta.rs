//! The string tags of a span as they are sent, also those that are no tags of its own.

use std::borrow::Cow;

use super::tag_key::{TagKey, tag, text};
use crate::text::Text;
use crate::trace::{ServiceSource, SpanView};

/// The kind, as it is sent.
pub(super) fn kind_text<'a>(span: &SpanView<'a>) -> &'a str {
    match span.kind() {
        Some(kind) => kind.as_str(),
        None => text(tag!(span, "span.kind")).unwrap_or_default(),
    }
}

/// A string tag as it is sent: the span's own, or one that the tracer adds. `global` are the tags of all spans.
pub(super) fn meta<'a>(
    span: &SpanView<'a>,
    key: &TagKey,
    global: &'a [(Text, Text)],
) -> Option<Cow<'a, str>> {
    if key.is_of_tracer() {
        if let Some(value) = of_tracer(span, key) {
            return Some(value.into());
        }
    } else if let Some(tag) = key.of(span) {
        return tag.text();
    }
    let of_all = global.iter().find(|(name, _)| name == key.name());
    of_all.map(|(_, value)| value.as_str().into())
}

/// One of [`OF_TRACER`](super::tag_key).
fn of_tracer<'a>(span: &SpanView<'a>, key: &TagKey) -> Option<&'a str> {
    let shared = &*span.segment.shared;
    let not_empty = |text: &'a str| Some(text).filter(|text| !text.is_empty());
    match key.name() {
        "_dd.base_service" => base_service(span),
        "_dd.origin" => not_empty(origin(span)),
        "_dd.svc_src" => not_empty(service_source(span)),
        "span.kind" => not_empty(kind_text(span)),
        "language" => Some("rust"),
        "env" => text(key.of(span)).or(shared.env.as_deref()),
        "version" if is_of_tracer(span) => text(key.of(span)).or(shared.version.as_deref()),
        _ => text(key.of(span)),
    }
}

/// Whether the service is the configured one; upper and lower case are the same.
fn is_of_tracer(span: &SpanView<'_>) -> bool {
    span.service().eq_ignore_ascii_case(&span.segment.shared.service)
}

/// The configured service, for spans of another one.
pub(super) fn base_service<'a>(span: &SpanView<'a>) -> Option<&'a str> {
    if is_of_tracer(span) {
        return text(tag!(span, "_dd.base_service"));
    }
    Some(span.segment.shared.service.as_str())
}

/// The tag `_dd.svc_src`; empty where there is none.
pub(super) fn service_source<'a>(span: &SpanView<'a>) -> &'a str {
    let own = || text(tag!(span, "_dd.svc_src")).unwrap_or_default();
    if is_of_tracer(span) {
        return own();
    }
    // A span without a service of its own gets here only if a mapping has changed the configured service.
    let source = match span.record.service {
        None => ServiceSource::MAPPING,
        Some(_) => span.record.service_source,
    };
    source.tag().unwrap_or_else(own)
}

pub(super) fn origin<'a>(span: &SpanView<'a>) -> &'a str {
    let upstream = span.segment.upstream.as_deref().and_then(|context| context.origin.as_deref());
    upstream.or_else(|| text(tag!(span, "_dd.origin"))).unwrap_or_default()
}
