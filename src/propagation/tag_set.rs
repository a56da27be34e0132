//! `x-datadog-tags`: the propagated tags as `key=value,key=value`.

#![deny(clippy::arithmetic_side_effects)]

use super::chars::{self, TAG_KEY, TAG_VALUE, trim};
use super::digits::{Case, hex, parse_hex, push_decimal, push_form, push_hex};
use super::list::List;
use super::outgoing::Outgoing;
use super::tags::{DECODING_ERROR, IncomingTags, PREFIX, TRACE_ID_HIGH};
use crate::text::Text;
use crate::trace::OwnField;

/// The header, read: the tags, and the high half of the trace id.
pub(super) fn decode(header: &[u8], max: usize) -> (IncomingTags, u64) {
    if max == 0 || header.is_empty() {
        return (IncomingTags::default(), 0);
    }
    if header.len() > max {
        return failed("extract_max_size");
    }
    let Ok(header) = std::str::from_utf8(header) else { return failed(DECODING_ERROR) };
    let mut incoming = IncomingTags::default();
    let mut high = 0;
    let mut rest = header;
    loop {
        // The whole header is good, or nothing of it counts.
        let Some((key, value, behind)) = next(rest) else { return failed(DECODING_ERROR) };
        match key.strip_prefix(PREFIX) {
            Some(TRACE_ID_HIGH) => match parse_high(value) {
                Some(bits) => {
                    if incoming.mechanism.is_none() {
                        incoming.order.note_high_first();
                    }
                    incoming.order.note(OwnField::High, incoming.tags.len());
                    high = bits;
                }
                None => incoming.report(format!("malformed_tid {value}").into()),
            },
            Some(name) => incoming.set(name, value, || Text::copy(key), Text::copy),
            None => {}
        }
        match behind {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    incoming.order.settle(incoming.tags.len(), incoming.mechanism.is_some(), high != 0);
    (incoming, high)
}

/// The first tag, and what comes behind the comma if there is one.
fn next(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (key, text) = chars::span(text, TAG_KEY);
    let (value, text) = chars::span(text.strip_prefix('=')?, TAG_VALUE);
    let behind = text.strip_prefix(',');
    let is_good = !key.is_empty() && !value.is_empty() && (behind.is_some() || text.is_empty());
    is_good.then_some((key, value, behind))
}

fn failed(error: &'static str) -> (IncomingTags, u64) {
    (IncomingTags { error: Some(Text::literal(error)), ..IncomingTags::default() }, 0)
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

/// What nearly all headers have: who decided, and the high bits. `None` where there is more to say, or less. It saves
/// a fiftieth of what it takes to write all headers.
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

    fn encode(outgoing: &Outgoing<'_>, max: usize) -> Result<String, &'static str> {
        // Behind something, as in a block of headers.
        let mut text = b"dd".to_vec();
        let result = super::encode(outgoing, max, &mut text);
        let header = String::from_utf8(text.split_off(2)).unwrap();
        assert!(result.is_ok() || header.is_empty());
        result.map(|()| header)
    }

    #[test]
    fn a_header_that_is_malformed_or_too_long_is_dropped_whole() {
        let too_long = format!("_dd.p.a={}", "x".repeat(505));
        for (header, error) in [
            // No equals sign.
            ("_dd.p.a", Some("decoding_error")),
            ("_dd.p.a=1,_dd.p.b", Some("decoding_error")),
            // No key, no value.
            ("=1", Some("decoding_error")),
            ("_dd.p.a=", Some("decoding_error")),
            // Nothing between commas, or before or behind them.
            ("_dd.p.a=1,,_dd.p.b=2", Some("decoding_error")),
            ("_dd.p.a=1,", Some("decoding_error")),
            (",_dd.p.a=1", Some("decoding_error")),
            // A space in a key; what is not printable, or not ASCII.
            ("_dd.p.a=1, _dd.p.b=2", Some("decoding_error")),
            ("_dd.p.a=\t1", Some("decoding_error")),
            ("_dd.p.a=é", Some("decoding_error")),
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
            let (incoming, high) = decode(header.as_bytes(), 512);
            assert_eq!(incoming.error.as_deref(), error, "{header}");
            let is_empty = incoming.tags.is_empty() && incoming.mechanism.is_none() && high == 0;
            assert!(is_empty, "{header}");
        }
        assert_eq!(decode(b"_dd.p.a=\xff", 512).0.error.as_deref(), Some("decoding_error"));
        assert_eq!(decode(b"_dd.p.tid=640cfd8d00000000", 512).1, 0x640c_fd8d_0000_0000);
        let just_fits = &too_long.as_bytes()[..512];
        assert_eq!(decode(just_fits, 512).0.tags.len(), 1);
        assert_eq!(decode(just_fits, 0).0.error, None);
    }

    #[test]
    fn a_value_keeps_equals_signs_and_spaces() {
        let (incoming, _) = decode(b"_dd.p.usr= YWJj== ", 512);
        assert_eq!(incoming.tags, [("_dd.p.usr".into(), " YWJj== ".into())]);
    }

    #[test]
    fn tags_go_out_in_the_order_in_which_they_came_in() {
        let (dm, tid, usr, z) =
            ("_dd.p.dm=-4", "_dd.p.tid=640cfd8d00000000", "_dd.p.usr=u", "_dd.p.z=1");
        let usual = [vec![dm], vec![tid], vec![dm, tid], vec![dm, usr, tid], vec![usr, z]];
        let others = [
            vec![tid, dm],
            vec![usr, dm, tid],
            vec![usr, tid, dm],
            vec![tid, usr, dm],
            vec![tid, dm, usr],
            vec![dm, tid, usr, z],
            vec![usr, dm, z, tid],
            vec![usr, tid, dm, z],
            vec![usr, z, tid, dm],
        ];
        for members in usual.iter().chain(&others) {
            let header = members.join(",");
            let (incoming, high) = decode(header.as_bytes(), 512);
            let mut outgoing = Outgoing {
                trace_id: TraceId::new(u128::from(high) << 64 | 7),
                tags: &incoming.tags,
                tag_order: incoming.order,
                mechanism: incoming.mechanism,
                ..Outgoing::default()
            };
            assert_eq!(encode(&outgoing, 512).as_deref(), Ok(&*header));
            // What changes, changes where it is.
            if outgoing.mechanism.is_some() {
                outgoing.mechanism = Some(SamplingMechanism::RULE);
                assert_eq!(encode(&outgoing, 512), Ok(header.replace("dm=-4", "dm=-3")));
            }
            // And the same is one and the same.
            assert_eq!(incoming.order == TagOrder::default(), usual.contains(members), "{header}");
        }
    }

    #[test]
    fn a_marker_takes_the_place_of_the_one_that_came_in() {
        let tags = [("_dd.p.opm".into(), "other".into()), ("_dd.p.z".into(), "1".into())];
        let marked = |tags| Outgoing { tags, marker: Some("own"), ..Outgoing::default() };
        assert_eq!(encode(&marked(&tags), 512).as_deref(), Ok("_dd.p.opm=own,_dd.p.z=1"));
        assert_eq!(encode(&marked(&tags[1..]), 512).as_deref(), Ok("_dd.p.z=1,_dd.p.opm=own"));
    }

    #[test]
    fn blanks_around_the_header_belong_to_no_value() {
        let sent = |values: &[&str]| {
            let tag = |(n, value): (usize, &&str)| (format!("_dd.p.{n}").into(), Text::copy(value));
            let tags: Vec<_> = values.iter().enumerate().map(tag).collect();
            encode(&Outgoing { tags: &tags, ..Outgoing::default() }, 512).unwrap()
        };
        assert_eq!(sent(&[" a ", " b "]), "_dd.p.0= a ,_dd.p.1= b");
        assert_eq!(sent(&[" ", "b"]), "_dd.p.1=b");
        assert_eq!(sent(&["a", " "]), "_dd.p.0=a");
    }

    #[test]
    fn the_limit_counts_the_whole_header() {
        let value = "y".repeat(504);
        let tags = [("_dd.p.x".into(), Text::from(value))];
        let outgoing = Outgoing { tags: &tags, ..Outgoing::default() };
        assert_eq!(encode(&outgoing, 512).unwrap().len(), 512);
        assert_eq!(encode(&outgoing, 511), Err("inject_max_size"));
        assert_eq!(encode(&outgoing, 0), Err("disabled"));
        assert_eq!(encode(&Outgoing::default(), 0), Ok(String::new()));
    }

    #[test]
    fn who_decided_and_the_high_bits_are_written_if_they_are_known() {
        for (id, mechanism, header) in [
            (7 << 64 | 9, 0, "_dd.p.dm=-0,_dd.p.tid=0000000000000007"),
            (u128::MAX, 9, "_dd.p.dm=-9,_dd.p.tid=ffffffffffffffff"),
            (u128::MAX, 10, "_dd.p.dm=-10,_dd.p.tid=ffffffffffffffff"),
            (9, 3, "_dd.p.dm=-3"),
        ] {
            let outgoing = Outgoing {
                trace_id: TraceId::new(id),
                mechanism: Some(SamplingMechanism::new(mechanism)),
                ..Outgoing::default()
            };
            for max in [512, 39, 38, 37, 11, 10, 0] {
                let expected = match max {
                    0 => Err("disabled"),
                    _ if header.len() > max => Err("inject_max_size"),
                    _ => Ok(header.to_owned()),
                };
                assert_eq!(encode(&outgoing, max), expected);
                let mut parts = Vec::new();
                let parts = write(&outgoing, max, &mut parts).map(|()| parts);
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
            let tags: Vec<(Text, Text)> = tags
                .iter()
                .filter(|(name, _)| !["dm", "tid", "ts", "upstream_services"].contains(&name.as_str()))
                .map(|(name, value)| (format!("{PREFIX}{name}").into(), value.into()))
                .collect();
            let mechanism = mechanism.map(SamplingMechanism::new);
            let outgoing = Outgoing {
                trace_id: TraceId::new(id),
                tags: &tags,
                mechanism,
                ..Outgoing::default()
            };
            let header = encode(&outgoing, 512).unwrap();
            let (incoming, high) = decode(header.as_bytes(), 512);
            prop_assert_eq!(incoming.error, None);
            prop_assert_eq!(incoming.order, TagOrder::default());
            prop_assert_eq!(incoming.tags, tags);
            prop_assert_eq!(incoming.mechanism, mechanism);
            prop_assert_eq!(high, TraceId::new(id).unwrap().high());
        }

        #[test]
        fn no_header_breaks_the_reader(header: Vec<u8>) {
            decode(&header, 512);
        }
    }
}
