//! The tags that name what a span has talked to.

use super::key::KeyBuffer;
use super::meta::meta;
use super::tag_key::TagKey;
use crate::quantize::peer_address;
use crate::text::Text;
use crate::trace::{SpanKind, SpanView};

/// Whether spans of this kind have peers.
pub(super) fn has_peer(kind: Option<SpanKind>, kind_text: &str) -> bool {
    match kind {
        Some(kind) => matches!(kind, SpanKind::Client | SpanKind::Producer | SpanKind::Consumer),
        None => ["client", "producer", "consumer"]
            .iter()
            .any(|kind| kind_text.eq_ignore_ascii_case(kind)),
    }
}

/// Writes those of the tags that a span has, in the order of `keys`. Returns how many there are.
pub(super) fn write(
    out: &mut KeyBuffer,
    span: &SpanView<'_>,
    keys: &[TagKey],
    global: &[(Text, Text)],
) -> u16 {
    let mut count = 0;
    for key in keys {
        if let Some(value) = meta(span, key, global) {
            out.pair(key.name(), &peer_address(&value));
            count += 1;
        }
    }
    count
}

/// As [`write`], for spans without a peer: the service they would have without one of their own.
pub(super) fn write_base_service(out: &mut KeyBuffer, base_service: Option<&str>) -> u16 {
    let Some(service) = base_service else { return 0 };
    out.pair("_dd.base_service", &peer_address(service));
    1
}
