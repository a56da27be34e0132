//! `x-datadog-tags`: the propagated tags as `key=value,key=value`.

#![deny(clippy::arithmetic_side_effects)]

use super::chars::{self, TAG_KEY, TAG_VALUE, trim};
use super::digits::{Case, hex, parse_hex, push_decimal, push_form, push_hex};
use super::list::List;
use super::outgoing::Outgoing;
use super::tags::{DECODING_ERROR, PREFIX, TRACE_ID_HIGH};
use crate::text::Text;
use crate::trace::{OwnField, SpanContext};

/// Reads the header into an empty context. The result is the high half of the trace id; 0 where there is none.
pub(super) fn decode(header: &[u8], max: usize, context: &mut SpanContext) -> u64 {
    if max == 0 || header.is_empty() {
        return 0;
    }
    let high = match header.len() > max {
        true => Err("extract_max_size"),
        false => decode_all(header, context).ok_or(DECODING_ERROR),
    };
    high.unwrap_or_else(|error| {
        // The whole header is good, or nothing of it counts.
        (context.tags, context.tag_order, context.mechanism) = Default::default();
        context.error = Some(Text::literal(error));
        0
    })
}

fn decode_all(header: &[u8], context: &mut SpanContext) -> Option<u64> {
    let mut high = 0;
    let mut rest = Some(std::str::from_utf8(header).ok()?);
    while let Some(text) = rest {
        let (key, value, behind) = next(text)?;
        rest = behind;
        match key.strip_prefix(PREFIX) {
            Some(TRACE_ID_HIGH) => match parse_high(value) {
                Some(bits) => {
                    if context.mechanism.is_none() {
                        context.tag_order.note_high_first();
                    }
                    context.tag_order.note(OwnField::High, context.tags.len());
                    high = bits;
                }
                None => context.report(format!("malformed_tid {value}").into()),
            },
            Some(name) => context.take_tag(name, value, || Text::copy(key), Text::copy),
            None => {}
        }
    }
    context.tag_order.settle(context.tags.len(), context.mechanism.is_some(), high != 0);
    Some(high)
}

/// The first tag, and what comes behind the comma if there is one.
fn next(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (key, text) = chars::span(text, TAG_KEY);
    let (value, text) = chars::span(text.strip_prefix('=')?, TAG_VALUE);
    let behind = text.strip_prefix(',');
    let is_good = !key.is_empty() && !value.is_empty() && (behind.is_some() || text.is_empty());
    is_good.then_some((key, value, behind))
}

/// Exactly 16 digits in lower case, not all of them zero.
fn parse_high(value: &str) -> Option<u64> {
    if value.len() != 16 {
        return None;
    }
    parse_hex(value.as_bytes(), Case::Lower).filter(|high| *high != 0)
}

/// Appends the header to send, nothing when there is nothing to say; or says why it cannot be said.
pub(super) fn encode(
    outgoing: &Outgoing<'_>,
    max: usize,
    text: &mut Vec<u8>,
) -> Result<(), &'static str> {
    if push_common(outgoing, max, text).is_some() {
        return Ok(());
    }
    let start = text.len();
    let result = write(outgoing, max, text);
    if result.is_err() {
        text.truncate(start);
    }
    result
}

/// A short way for what nearly all headers have: who decided, and the high bits of the trace id. `None`, and nothing is
/// written, where there is more to say, or less. It saves 2 % of the instructions of an injection.
#[inline]
fn push_common(outgoing: &Outgoing<'_>, max: usize, text: &mut Vec<u8>) -> Option<()> {
    const FORM: &[u8; 38] = b"_dd.p.dm=-0,_dd.p.tid=0000000000000000";
    let mechanism = outgoing.mechanism?.get();
    let high = outgoing.trace_id?.high();
    let is_usual = !outgoing.has_tags() && outgoing.tag_order.is_usual_alone();
    if !is_usual || mechanism > 9 || high == 0 || max < FORM.len() {
        return None;
    }
    let form = push_form(text, FORM)?;
    form[10] |= mechanism;
    form[22..].copy_from_slice(&hex(high));
    Some(())
}

fn write(outgoing: &Outgoing<'_>, max: usize, text: &mut Vec<u8>) -> Result<(), &'static str> {
    let too_long = if max == 0 { "disabled" } else { "inject_max_size" };
    let mut list = List::new(text, b',', max);
    let high = outgoing.trace_id.map_or(0, |id| id.high());
    let own = |list: &mut List<'_>, field| match (field, outgoing.mechanism) {
        (OwnField::Mechanism, Some(mechanism)) => {
            list.add(b"_dd.p.dm=-", |text| push_decimal(text, mechanism.get().into()))
        }
        (OwnField::High, _) if high != 0 => list.add(b"_dd.p.tid=", |text| push_hex(text, high)),
        _ => true,
    };
    let mut fits = true;
    let mut fields = outgoing.tag_order.fields().into_iter().peekable();
    if outgoing.has_tags() {
        for (place, (name, value)) in outgoing.tags().enumerate() {
            while let Some((field, _)) = fields.next_if(|(_, before)| *before <= place) {
                fits &= own(&mut list, field);
            }
            let is_good = !name.is_empty()
                && !value.is_empty()
                && chars::all(name, TAG_KEY)
                && chars::all(value, TAG_VALUE);
            if !is_good {
                return Err("encoding_error");
            }
            // Blanks around a header belong to no value: what is left of it would be malformed.
            if !trim(value).is_empty() {
                fits &= list.add(PREFIX.as_bytes(), |text| {
                    text.extend_from_slice(name);
                    text.push(b'=');
                    text.extend_from_slice(value);
                });
            }
        }
    }
    fields.for_each(|(field, _)| fits &= own(&mut list, field));
    let blanks = list.written().iter().rev().take_while(|byte| **byte == b' ').count();
    text.truncate(text.len().saturating_sub(blanks));
    fits.then_some(()).ok_or(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::trace::{SamplingMechanism, TagOrder};
    use proptest::prelude::*;

    fn encode<'a>(outgoing: impl Into<Outgoing<'a>>, max: usize) -> Result<String, &'static str> {
        // Behind something, as in a block of headers.
        let mut text = b"dd".to_vec();
        let result = super::encode(&outgoing.into(), max, &mut text);
        let header = String::from_utf8(text.split_off(2)).unwrap();
        assert!(result.is_ok() || header.is_empty());
        result.map(|()| header)
    }

    fn none() -> SpanContext {
        SpanContext::default()
    }

    /// The context, and the high half of the trace id.
    fn decode(header: &[u8], max: usize) -> (SpanContext, u64) {
        let mut context = none();
        let high = super::decode(header, max, &mut context);
        (context, high)
    }

    #[test]
    fn a_header_that_is_malformed_or_too_long_is_dropped_whole() {
        let too_long = format!("_dd.p.a={}", "x".repeat(505));
        for header in [
            // No equals sign, no key, no value.
            &["_dd.p.a", "_dd.p.a=1,_dd.p.b", "=1", "_dd.p.a="][..],
            // Nothing between commas, or before or behind them.
            &["_dd.p.a=1,,_dd.p.b=2", "_dd.p.a=1,", ",_dd.p.a=1"],
            // A space in a key; what is not printable, or not ASCII.
            &["_dd.p.a=1, _dd.p.b=2", "_dd.p.a=\t1", "_dd.p.a=é"],
        ]
        .concat()
        {
            let expected = SpanContext { error: Some("decoding_error".into()), ..none() };
            assert_eq!(decode(header.as_bytes(), 512), (expected, 0), "{header}");
        }
        for (header, error) in [
            ("", None),
            (&too_long, Some("extract_max_size")),
            // The high bits are 16 digits in lower case, and not all zeros.
            ("_dd.p.tid=zz0cfd8d00000000", Some("malformed_tid zz0cfd8d00000000")),
            ("_dd.p.tid=640cfd8d0000", Some("malformed_tid 640cfd8d0000")),
            ("_dd.p.tid=640CFD8D00000000", Some("malformed_tid 640CFD8D00000000")),
            ("_dd.p.tid=0000000000000000", Some("malformed_tid 0000000000000000")),
            ("_dd.p.tid=+640cfd8d0000000", Some("malformed_tid +640cfd8d0000000")),
            ("_dd.p.tid=640cfd8d000000000", Some("malformed_tid 640cfd8d000000000")),
        ] {
            let expected = SpanContext { error: error.map(Text::copy), ..none() };
            assert_eq!(decode(header.as_bytes(), 512), (expected, 0), "{header}");
        }
        assert_eq!(decode(b"_dd.p.a=\xff", 512).0.error.as_deref(), Some("decoding_error"));
        assert_eq!(decode(b"_dd.p.tid=640cfd8d00000000", 512).1, 0x640c_fd8d_0000_0000);
        let just_fits = &too_long.as_bytes()[..512];
        assert_eq!(decode(just_fits, 512).0.tags.len(), 1);
        assert_eq!(decode(just_fits, 0).0.error, None);
    }

    #[test]
    fn a_value_keeps_equals_signs_and_spaces() {
        let (context, _) = decode(b"_dd.p.usr= YWJj== ", 512);
        assert_eq!(context.tags, [("_dd.p.usr".into(), " YWJj== ".into())]);
    }

    #[test]
    fn tags_go_out_in_the_order_in_which_they_came_in() {
        let tag = |letter| match letter {
            'm' => "_dd.p.dm=-4",
            'h' => "_dd.p.tid=640cfd8d00000000",
            'u' => "_dd.p.usr=u",
            _ => "_dd.p.z=1",
        };
        let usual = ["m", "h", "mh", "muh", "uz"];
        let others = ["hm", "umh", "uhm", "hum", "hmu", "mhuz", "umzh", "uhmz", "uzhm"];
        for letters in usual.iter().chain(&others) {
            let header = letters.chars().map(tag).collect::<Vec<_>>().join(",");
            let (mut context, high) = decode(header.as_bytes(), 512);
            context.trace_id = TraceId::from_halves(high, 7);
            assert_eq!(encode(&context, 512).as_deref(), Ok(&*header));
            // What changes, changes where it is.
            if context.mechanism.is_some() {
                context.mechanism = Some(SamplingMechanism::RULE);
                assert_eq!(encode(&context, 512), Ok(header.replace("dm=-4", "dm=-3")));
            }
            // And the same is one and the same.
            let is_usual = usual.contains(letters);
            assert_eq!(context.tag_order == TagOrder::default(), is_usual, "{header}");
        }
    }

    #[test]
    fn a_marker_takes_the_place_of_the_one_that_came_in() {
        let tags = [("_dd.p.opm".into(), "other".into()), ("_dd.p.z".into(), "1".into())];
        let marked = |tags| Outgoing { tags, marker: Some("own"), ..Outgoing::default() };
        assert_eq!(encode(marked(&tags), 512).as_deref(), Ok("_dd.p.opm=own,_dd.p.z=1"));
        assert_eq!(encode(marked(&tags[1..]), 512).as_deref(), Ok("_dd.p.z=1,_dd.p.opm=own"));
    }

    #[test]
    fn blanks_around_the_header_belong_to_no_value() {
        for (first, second, header) in [
            (" a ", " b ", "_dd.p.0= a ,_dd.p.1= b"),
            (" ", "b", "_dd.p.1=b"),
            ("a", " ", "_dd.p.0=a"),
        ] {
            let context = SpanContext::default().with_tag("_dd.p.0", first);
            let context = context.with_tag("_dd.p.1", second);
            assert_eq!(encode(&context, 512).as_deref(), Ok(header));
        }
    }

    #[test]
    fn the_limit_counts_the_whole_header() {
        let decided = |id, mechanism| SpanContext {
            trace_id: TraceId::new(id),
            mechanism: Some(SamplingMechanism::new(mechanism)),
            ..none()
        };
        let long = format!("_dd.p.x={}", "y".repeat(504));
        for (context, header) in [
            (decided(7 << 64 | 9, 0), "_dd.p.dm=-0,_dd.p.tid=0000000000000007"),
            (decided(u128::MAX, 9), "_dd.p.dm=-9,_dd.p.tid=ffffffffffffffff"),
            (decided(u128::MAX, 10), "_dd.p.dm=-10,_dd.p.tid=ffffffffffffffff"),
            (decided(9, 3), "_dd.p.dm=-3"),
            (none().with_tag("_dd.p.x", "y".repeat(504)), &long),
            (none(), ""),
        ] {
            for max in [512, 511, 39, 38, 37, 11, 10, 0] {
                let expected = match max {
                    _ if header.len() <= max => Ok(header.to_owned()),
                    0 => Err("disabled"),
                    _ => Err("inject_max_size"),
                };
                assert_eq!(encode(&context, max), expected);
                // The same as by the shorter way that most headers take.
                let mut parts = Vec::new();
                let parts = write(&(&context).into(), max, &mut parts).map(|()| parts);
                assert_eq!(parts, expected.map(String::into_bytes));
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back(
            tags in prop::collection::btree_map("[!-+\\--<>-~]{1,30}", "[ -+\\--~]{0,60}[!-+\\--~]", 0..4),
            id in 1u128..,
            mechanism in any::<Option<u8>>(),
        ) {
            let mut context = SpanContext { trace_id: TraceId::new(id), ..SpanContext::default() };
            context.mechanism = mechanism.map(SamplingMechanism::new);
            let is_other = |name: &str| !["dm", "tid", "ts", "upstream_services"].contains(&name);
            for (name, value) in tags.into_iter().filter(|(name, _)| is_other(name)) {
                context = context.with_tag(format!("{PREFIX}{name}"), value);
            }
            let header = encode(&context, 512).unwrap();
            let (mut read, high) = decode(header.as_bytes(), 512);
            read.trace_id = TraceId::from_halves(high, id as u64);
            prop_assert_eq!(read, context);
        }

        #[test]
        fn no_header_breaks_the_reader(header: Vec<u8>) {
            decode(&header, 512);
        }
    }
}
