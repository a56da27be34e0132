//! What of a span counts, and as what.

use super::grpc;
use super::key::{BLOCKED, KeyBuffer, Numbers};
use super::meta::{base_service, kind_text, meta, origin, service_source};
use super::peer_tags;
use super::tag_key::{number, tag, text};
use super::terms::Terms;
use crate::text::Text;
use crate::trace::SpanView;

/// A longer value of an additional tag counts as [`BLOCKED`].
const MAX_ADDITIONAL_CHARS: usize = 200;

/// Whether a span is at the top of its service, for the spans that count; `None` for those that do not.
pub(super) fn counts(span: &SpanView<'_>, terms: &Terms) -> Option<bool> {
    let is_one = |tag| number(tag).is_some_and(|number| number.to_bits() == 1f64.to_bits());
    let is_top_level = span.record.top_level
        || is_one(tag!(span, "_dd.top_level"))
        || is_one(tag!(span, "_top_level"));
    let counts = is_top_level || terms.counts_kind(span) || is_one(tag!(span, "_dd.measured"));
    // A part of a span that goes on comes again, with all of it.
    let is_partial = || number(tag!(span, "_dd.partial_version")).is_some_and(|part| part >= 0.0);
    (counts && !is_partial()).then_some(is_top_level)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn http_status(span: &SpanView<'_>) -> u32 {
    let Some(status) = tag!(span, "http.status_code") else { return 0 };
    match status.number() {
        Some(number) => number as u32,
        None => text(Some(status)).and_then(|text| text.parse().ok()).unwrap_or_default(),
    }
}

/// Writes what a span counts by.
pub(super) fn write_key(
    key: &mut KeyBuffer,
    span: &SpanView<'_>,
    terms: &Terms,
    global: &[(Text, Text)],
) {
    let record = span.record;
    let span_type = record.span_type.as_deref().unwrap_or_default();
    // Names that follow from tags have been fixed when the chunk was settled.
    let name = record.name.as_str();
    let resource = record.resource.as_deref().filter(|resource| !resource.is_empty());
    let resource = resource.unwrap_or(name);
    key.clear();
    match &terms.obfuscation {
        None => {
            for text in [span.service(), name, resource, span_type] {
                key.text(text.as_bytes());
            }
        }
        Some(obfuscation) => {
            let resource = obfuscation.resource(span, span_type, resource);
            let [service, name, span_type] =
                [span.service(), name, span_type].map(|name| obfuscation.name(name));
            for text in [service, name, &resource, span_type] {
                key.text(text.as_bytes());
            }
        }
    }
    let kind = kind_text(span);
    key.text(kind.as_bytes());
    key.text(text(tag!(span, "http.method")).unwrap_or_default().as_bytes());
    let endpoint = text(tag!(span, "http.endpoint"));
    let endpoint = endpoint.or_else(|| text(tag!(span, "http.route")));
    key.text(endpoint.unwrap_or_default().as_bytes());
    match grpc::status(span) {
        Some(status) => key.text(grpc::decimal(status, &mut [0; 3])),
        None => key.text(b""),
    }
    key.text(service_source(span).as_bytes());
    let peer_tags = if peer_tags::has_peer(span.kind(), kind) {
        peer_tags::write(key, span, &terms.peer_tags, global)
    } else {
        peer_tags::write_base_service(key, base_service(span))
    };
    key.end_part();
    let additional_tags = write_additional_tags(key, span, terms, global);
    key.end_part();
    key.end(Numbers {
        http_status: http_status(span),
        peer_tags,
        additional_tags,
        is_synthetic: origin(span).starts_with("synthetics"),
        is_trace_root: if record.parent.is_none() { 1 } else { 2 },
    });
}

/// Writes those of the tags that the user wants to count by. Returns how many there are.
fn write_additional_tags(
    key: &mut KeyBuffer,
    span: &SpanView<'_>,
    terms: &Terms,
    global: &[(Text, Text)],
) -> u16 {
    let mut count = 0;
    for tag in &terms.additional_tags {
        let Some(value) = meta(span, tag, global).filter(|value| !value.is_empty()) else {
            continue;
        };
        let is_long = value.chars().nth(MAX_ADDITIONAL_CHARS).is_some();
        key.pair(tag.name(), if is_long { BLOCKED } else { &value });
        count += 1;
    }
    count
}
