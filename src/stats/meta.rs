//! The string tags of a span as they are sent, also those that are no tags of its own.

use std::borrow::Cow;

use super::tag_key::{Source, TagKey, tag, text};
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
    let shared = &*span.segment.shared;
    let own = || text(key.of(span));
    let found = match key.source {
        Source::Tags => match key.of(span) {
            Some(tag) => return tag.text(),
            None => None,
        },
        Source::BaseService => base_service(span, is_of_tracer(span)),
        Source::Origin => Some(origin(span)).filter(|origin| !origin.is_empty()),
        Source::WhoNamedService => {
            Some(service_source(span, is_of_tracer(span))).filter(|source| !source.is_empty())
        }
        Source::Kind => Some(kind_text(span)).filter(|kind| !kind.is_empty()),
        Source::Language => Some("rust"),
        Source::Env => own().or(shared.env.as_deref()),
        Source::Version if is_of_tracer(span) => own().or(shared.version.as_deref()),
        Source::Version => own(),
    };
    let of_all = || global.iter().find(|(name, _)| name.as_bytes() == key.name().as_bytes());
    found.or_else(|| of_all().map(|(_, value)| value.as_str())).map(Cow::Borrowed)
}

/// Whether the service is the configured one; upper and lower case are the same.
pub(super) fn is_of_tracer(span: &SpanView<'_>) -> bool {
    service(span).eq_ignore_ascii_case(span.segment.shared.service.as_bytes())
}

/// The service; bytes, because a short text is checked to be UTF-8 whenever it is read as a `str`.
pub(super) fn service<'a>(span: &SpanView<'a>) -> &'a [u8] {
    let service = span.record.service.as_ref();
    service.unwrap_or(&span.segment.shared.span_service).as_bytes()
}

/// The configured service, for spans of another one.
pub(super) fn base_service<'a>(span: &SpanView<'a>, is_of_tracer: bool) -> Option<&'a str> {
    if is_of_tracer {
        return text(tag!(span, "_dd.base_service"));
    }
    Some(span.segment.shared.service.as_str())
}

/// The tag `_dd.svc_src`; empty where there is none.
pub(super) fn service_source<'a>(span: &SpanView<'a>, is_of_tracer: bool) -> &'a str {
    let own = || text(tag!(span, "_dd.svc_src")).unwrap_or_default();
    if is_of_tracer {
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
