//! B3, of Zipkin: several headers (`x-b3-*`) or one (`b3`).

use super::block::Draft;
use super::chars::trim;
use super::digits::{Case, parse_hex, push_hex};
use super::headers::Headers;
use super::names::Field;
use super::outgoing::Outgoing;
use crate::id::{SpanId, TraceId};
use crate::trace::{Priority, SpanContext};

pub(super) fn extract_multi(headers: &Headers<'_>) -> Option<SpanContext> {
    let get = |field| headers.get(field).map(trim);
    let priority = match get(Field::B3Flags) {
        Some(b"1") => Some(Priority::USER_KEEP),
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

fn sampled(value: &[u8]) -> Option<Priority> {
    match value {
        b"0" => Some(Priority::AUTO_REJECT),
        b"1" => Some(Priority::AUTO_KEEP),
        b"d" => Some(Priority::USER_KEEP),
        _ => None,
    }
}

/// As senders wrote it before B3 was written down; the single header is younger than that.
fn in_words(value: &[u8]) -> Option<Priority> {
    if value.eq_ignore_ascii_case(b"true") {
        return Some(Priority::AUTO_KEEP);
    }
    value.eq_ignore_ascii_case(b"false").then_some(Priority::AUTO_REJECT)
}

/// Trace ids of 16 or 32 digits, span ids of 16. A span id of zeros is no parent.
fn context(trace_id: &[u8], span_id: &[u8], priority: Option<Priority>) -> Option<SpanContext> {
    let (high, low) = match trace_id.len() {
        16 => (0, parse_hex(trace_id, Case::Any)?),
        32 => {
            let (high, low) = trace_id.split_at_checked(16)?;
            (parse_hex(high, Case::Any)?, parse_hex(low, Case::Any)?)
        }
        _ => return None,
    };
    let span_id = parse_hex(span_id, Case::Any).filter(|_| span_id.len() == 16)?;
    let mut context = SpanContext::new(TraceId::from_halves(high, low)?, SpanId::new(span_id));
    context.priority = priority;
    Some(context)
}

/// Nothing is written where there is no span to name as the parent.
pub(super) fn inject_multi(outgoing: &Outgoing<'_>, draft: &mut Draft<'_>) {
    let (Some(trace_id), Some(span_id)) = (outgoing.trace_id, outgoing.span_id) else { return };
    draft.add(Field::B3TraceId, |text| push_trace_id(text, trace_id));
    draft.add(Field::B3SpanId, |text| push_hex(text, span_id.get()));
    match outgoing.priority.map(Priority::get) {
        Some(2..) => draft.add(Field::B3Flags, |text| text.push(b'1')),
        Some(1) => draft.add(Field::B3Sampled, |text| text.push(b'1')),
        Some(_) => draft.add(Field::B3Sampled, |text| text.push(b'0')),
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
        header.extend_from_slice(match outgoing.priority.map(Priority::get) {
            Some(2..) => b"-d",
            Some(1) => b"-1",
            Some(_) => b"-0",
            None => b"",
        });
    });
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
    use super::*;

    const TRACE: &str = "463ac35c9f6413ad";
    const SPAN: &str = "a2fb4a1d1a96d312";

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
            assert_eq!(context.priority.map(Priority::get), priority, "{header}");
        }
    }

    #[test]
    fn several_headers_need_both_ids() {
        let extract =
            |headers: &[(&str, &str)]| extract_multi(&Headers::collect(&headers.to_vec(), &[]));
        assert_eq!(extract(&[("x-b3-traceid", TRACE)]), None);
        assert_eq!(extract(&[("x-b3-spanid", SPAN)]), None);
        let zeros = "0".repeat(16);
        let context = extract(&[("x-b3-traceid", TRACE), ("x-b3-spanid", &zeros)]).unwrap();
        assert_eq!((context.span_id, context.priority), (None, None));
    }

    #[test]
    fn old_senders_say_the_decision_in_words() {
        for (sampled, priority) in [
            ("true", Some(1)),
            ("false", Some(0)),
            ("True", Some(1)),
            (" FALSE ", Some(0)),
            ("yes", None),
            ("", None),
        ] {
            let carrier =
                [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-sampled", sampled)];
            let context = extract_multi(&Headers::collect(&carrier, &[])).unwrap();
            assert_eq!(context.priority.map(Priority::get), priority, "{sampled:?}");
        }
    }

    #[test]
    fn debug_goes_before_sampled() {
        let carrier = [
            ("x-b3-traceid", TRACE),
            ("x-b3-spanid", SPAN),
            ("x-b3-sampled", "0"),
            ("x-b3-flags", "1"),
        ];
        let context = extract_multi(&Headers::collect(&carrier, &[])).unwrap();
        assert_eq!(context.priority, Some(Priority::USER_KEEP));
    }
}
