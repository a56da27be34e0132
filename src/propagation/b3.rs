//! B3, of Zipkin: several headers (`x-b3-*`) or one (`b3`).

#![deny(clippy::arithmetic_side_effects)]

use super::block::Draft;
use super::chars::trim;
use super::digits::{Case, parse_hex, push_hex};
use super::headers::Headers;
use super::names::Field;
use super::outgoing::Outgoing;
use crate::id::{SpanId, TraceId};
use crate::trace::{SamplingPriority, SpanContext};

pub(super) fn extract_multi(headers: &Headers<'_>) -> Option<SpanContext> {
    let get = |field| headers.get(field).map(trim);
    let priority = match get(Field::B3Flags) {
        Some(b"1") => Some(SamplingPriority::USER_KEEP),
        _ => get(Field::B3Sampled).and_then(|value| sampled(value).or_else(|| in_words(value))),
    };
    context(get(Field::B3TraceId)?, get(Field::B3SpanId)?, priority)
}

/// A decision without ids (`b3: 0`) begins no trace, and so is ignored.
pub(super) fn extract_single(headers: &Headers<'_>) -> Option<SpanContext> {
    let mut parts = trim(headers.get(Field::B3)?).split(|byte| *byte == b'-');
    let (trace_id, span_id) = (parts.next()?, parts.next()?);
    let priority = parts.next().and_then(sampled);
    // The parent's parent may follow, and nothing else.
    if parts.nth(1).is_some() {
        return None;
    }
    context(trace_id, span_id, priority)
}

fn sampled(value: &[u8]) -> Option<SamplingPriority> {
    match value {
        b"0" => Some(SamplingPriority::AUTO_REJECT),
        b"1" => Some(SamplingPriority::AUTO_KEEP),
        [DEBUG] => Some(SamplingPriority::USER_KEEP),
        _ => None,
    }
}

/// As senders wrote it before B3 was written down; the single header is younger than that.
fn in_words(value: &[u8]) -> Option<SamplingPriority> {
    if value.eq_ignore_ascii_case(b"true") {
        return Some(SamplingPriority::AUTO_KEEP);
    }
    value.eq_ignore_ascii_case(b"false").then_some(SamplingPriority::AUTO_REJECT)
}

/// Trace ids of 16 or 32 digits, span ids of 16. A span id of zeros is no parent.
fn context(
    trace_id: &[u8],
    span_id: &[u8],
    priority: Option<SamplingPriority>,
) -> Option<SpanContext> {
    let (high, low) = trace_id.split_last_chunk::<16>()?;
    let high = match high.len() {
        0 => 0,
        16 => parse_hex(high, Case::Any)?,
        _ => return None,
    };
    let trace_id = TraceId::from_halves(high, parse_hex(low, Case::Any)?)?;
    let span_id = parse_hex(span_id, Case::Any).filter(|_| span_id.len() == 16)?;
    let context = SpanContext::new(trace_id, SpanId::new(span_id));
    Some(SpanContext { priority, ..context })
}

/// Nothing is written where there is no span to name as the parent.
pub(super) fn inject_multi(outgoing: &Outgoing<'_>, draft: &mut Draft<'_>) {
    let (Some(trace_id), Some(span_id)) = (outgoing.trace_id, outgoing.span_id) else { return };
    draft.add(Field::B3TraceId, |text| push_trace_id(text, trace_id));
    draft.add(Field::B3SpanId, |text| push_hex(text, span_id.get()));
    match outgoing.priority.map(decision) {
        Some(DEBUG) => draft.add(Field::B3Flags, |text| text.push(b'1')),
        Some(sampled) => draft.add(Field::B3Sampled, |text| text.push(sampled)),
        None => {}
    }
}

/// Nothing is written where there is no span to name as the parent.
pub(super) fn inject_single(outgoing: &Outgoing<'_>, draft: &mut Draft<'_>) {
    let (Some(trace_id), Some(span_id)) = (outgoing.trace_id, outgoing.span_id) else { return };
    draft.add(Field::B3, |header| {
        push_trace_id(header, trace_id);
        header.push(b'-');
        push_hex(header, span_id.get());
        if let Some(priority) = outgoing.priority {
            header.extend_from_slice(&[b'-', decision(priority)]);
        }
    });
}

/// Kept by hand, and so in any case.
const DEBUG: u8 = b'd';

fn decision(priority: SamplingPriority) -> u8 {
    match priority.get() {
        2.. => DEBUG,
        1 => b'1',
        _ => b'0',
    }
}

/// 16 digits where they are enough.
fn push_trace_id(text: &mut Vec<u8>, trace_id: TraceId) {
    if trace_id.high() != 0 {
        push_hex(text, trace_id.high());
    }
    push_hex(text, trace_id.low());
}

#[cfg(test)]
mod tests {
    use super::super::block::send;
    use super::*;

    const TRACE: &str = "463ac35c9f6413ad";
    const SPAN: &str = "a2fb4a1d1a96d312";
    const ID: u64 = 0xa2fb_4a1d_1a96_d312;
    const IDS: [(&str, &str); 2] = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];

    fn said(priority: i32) -> Option<(Option<SpanId>, Option<SamplingPriority>)> {
        Some((SpanId::new(ID), Some(SamplingPriority::new(priority))))
    }

    fn single(header: &str) -> Option<SpanContext> {
        extract_single(&Headers::collect(&[("b3", header)], &[]))
    }

    #[test]
    fn a_malformed_single_header_is_refused() {
        for (name, header) in [
            ("empty", String::new()),
            ("only a decision", "1".to_owned()),
            ("no span id", TRACE.to_owned()),
            ("empty span id", format!("{TRACE}-")),
            ("short trace id", format!("{}-{SPAN}-1", TRACE.split_at(1).1)),
            ("trace id between the two lengths", format!("{TRACE}0-{SPAN}-1")),
            ("trace id that is no number", format!("z{}-{SPAN}-1", TRACE.split_at(1).1)),
            ("trace id of zeros", format!("{}-{SPAN}-1", "0".repeat(32))),
            ("short span id", format!("{TRACE}-{}-1", SPAN.split_at(1).1)),
            ("five parts", format!("{TRACE}-{SPAN}-1-{SPAN}-1")),
        ] {
            assert_eq!(single(&header), None, "{name}");
        }
    }

    #[test]
    fn an_unknown_decision_is_none() {
        for (header, priority) in [("-", None), ("-true", None), ("-d", Some(2)), ("-0-x", Some(0))]
        {
            let context = single(&format!(" {TRACE}-{SPAN}{header} ")).unwrap();
            assert_eq!(context.priority.map(SamplingPriority::get), priority, "{header}");
        }
    }

    #[test]
    fn several_headers_need_both_ids() {
        let zeros = "0".repeat(16);
        // Debug goes before sampled, and old senders say the decision in words.
        for (headers, expected) in [
            (&[("x-b3-traceid", TRACE)][..], None),
            (&[("x-b3-spanid", SPAN)], None),
            (&[("x-b3-traceid", TRACE), ("x-b3-spanid", &zeros)], Some((None, None))),
            (&[IDS[0], IDS[1], ("x-b3-sampled", "0"), ("x-b3-flags", "1")], said(2)),
            (&[IDS[0], IDS[1], ("x-b3-sampled", "true")], said(1)),
            (&[IDS[0], IDS[1], ("x-b3-sampled", "false")], said(0)),
            (&[IDS[0], IDS[1], ("x-b3-sampled", "True")], said(1)),
            (&[IDS[0], IDS[1], ("x-b3-sampled", " FALSE ")], said(0)),
            (&[IDS[0], IDS[1], ("x-b3-sampled", "yes")], Some((SpanId::new(ID), None))),
            (&[IDS[0], IDS[1], ("x-b3-sampled", "")], Some((SpanId::new(ID), None))),
        ] {
            let context = extract_multi(&Headers::collect(&headers, &[]));
            let found = context.map(|context| (context.span_id, context.priority));
            assert_eq!(found, expected, "{headers:?}");
        }
    }

    #[test]
    fn ids_have_all_their_digits() {
        for (trace_id, span_id, expected) in [
            (7, 9, "0000000000000007-0000000000000009"),
            (7 << 64, 9, "00000000000000070000000000000000-0000000000000009"),
        ] {
            let context = SpanContext::new(TraceId::new(trace_id).unwrap(), SpanId::new(span_id));
            let mut headers: Vec<(String, String)> = Vec::new();
            send(&mut headers, |draft| {
                inject_single(&(&context).into(), draft);
                inject_multi(&(&context).into(), draft);
            });
            let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
            let (trace, span) = expected.split_once('-').unwrap();
            assert_eq!(values, [expected, trace, span]);
            assert_eq!(single(expected).unwrap().trace_id, context.trace_id);
            // Without the zeros they are no ids.
            assert_eq!(single(&format!("{}-{span}", trace.trim_start_matches('0'))), None);
            assert_eq!(single(&format!("{trace}-{}", span.trim_start_matches('0'))), None);
        }
    }
}
