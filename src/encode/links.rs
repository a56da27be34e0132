//! Span links: `SpanLink` of the agent's `span.proto`.

use serde_json::{Map, Value as Json};

use super::msgpack::Buffer;
use crate::propagation::hex;
use crate::trace::SpanLink;

/// Set whenever the flags of a link are known, so that 0 can mean "unknown".
pub(super) const FLAGS_KNOWN: u32 = 1 << 31;

/// `span_links` of v0.4.
pub(super) fn native(out: &mut Buffer, links: &[SpanLink]) {
    out.array(links.len());
    links.iter().for_each(|link| write(out, link));
}

fn write(out: &mut Buffer, link: &SpanLink) {
    let (high, low) = (link.trace_id.high(), link.trace_id.low());
    let optional =
        [high != 0, !link.attributes.is_empty(), link.tracestate.is_some(), link.flags.is_some()];
    out.map(optional.iter().filter(|there| **there).count() + 2);
    out.raw(b"\xa8trace_id");
    out.uint(low);
    if high != 0 {
        out.raw(b"\xadtrace_id_high");
        out.uint(high);
    }
    out.raw(b"\xa7span_id");
    out.uint(link.span_id.get());
    if !link.attributes.is_empty() {
        out.raw(b"\xaaattributes");
        out.map(link.attributes.len());
        for (key, value) in &link.attributes {
            out.str(key.as_bytes());
            out.text(value.as_bytes());
        }
    }
    if let Some(tracestate) = link.tracestate.as_deref() {
        out.raw(b"\xaatracestate");
        out.text(tracestate.as_bytes());
    }
    if let Some(flags) = link.flags {
        out.raw(b"\xa5flags");
        out.uint((flags | FLAGS_KNOWN).into());
    }
}

/// The tag `_dd.span_links`, for formats without a field for links.
pub(super) fn json(links: &[SpanLink]) -> String {
    Json::Array(links.iter().map(one_json).collect()).to_string()
}

fn one_json(link: &SpanLink) -> Json {
    let digits = |id| String::from_utf8_lossy(&hex(id)).into_owned();
    let (high, low) = (link.trace_id.high(), link.trace_id.low());
    let mut map = Map::new();
    map.insert("trace_id".into(), (digits(high) + &digits(low)).into());
    map.insert("span_id".into(), digits(link.span_id.get()).into());
    if !link.attributes.is_empty() {
        let attributes = link.attributes().map(|(key, value)| (key.to_owned(), value.into()));
        map.insert("attributes".into(), Json::Object(attributes.collect()));
    }
    if let Some(tracestate) = link.tracestate.as_deref() {
        map.insert("tracestate".into(), tracestate.into());
    }
    if let Some(flags) = link.flags {
        map.insert("flags".into(), flags.into());
    }
    Json::Object(map)
}
