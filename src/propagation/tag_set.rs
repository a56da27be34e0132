//! `x-datadog-tags`: the propagated tags as `key=value,key=value`.

use super::chars::{self, TAG_KEY, TAG_VALUE, trim};
use super::digits::{Case, hex, parse_hex, push_decimal, push_form, push_hex};
use super::outgoing::Outgoing;
use super::tags::{DECODING_ERROR, Incoming, PREFIX, TRACE_ID_HIGH};
use crate::text::Text;
use crate::trace::OwnField;

/// The header, read: the tags, and the high half of the trace id.
pub(super) fn decode(header: &[u8], max: usize) -> (Incoming, u64) {
    if max == 0 || header.is_empty() {
        return (Incoming::default(), 0);
    }
    if header.len() > max {
        return failed("extract_max_size");
    }
    let Ok(header) = std::str::from_utf8(header) else { return failed(DECODING_ERROR) };
    let mut incoming = Incoming::default();
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

fn failed(error: &'static str) -> (Incoming, u64) {
    (Incoming { error: Some(Text::literal(error)), ..Incoming::default() }, 0)
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
    if push_usual(outgoing, max, text).is_some() {
        return Ok(());
    }
    let start = text.len();
    let result = write(outgoing, max, text);
    if result.is_err() {
        text.truncate(start);
    }
    result
}

/// What nearly all headers have: who decided, and the high bits. `None` where there is more to say, or less.
#[inline]
fn push_usual(outgoing: &Outgoing<'_>, max: usize, text: &mut Vec<u8>) -> Option<()> {
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

fn write(outgoing: &Outgoing<'_>, max: usize, header: &mut Vec<u8>) -> Result<(), &'static str> {
    let start = header.len();
    let check = |header: &Vec<u8>| match header.len().saturating_sub(start) {
        len if len <= max => Ok(()),
        _ if max == 0 => Err("disabled"),
        _ => Err("inject_max_size"),
    };
    let separate = |header: &mut Vec<u8>| {
        if header.len() > start {
            header.push(b',');
        }
    };
    let high = outgoing.trace_id.map_or(0, |id| id.high());
    let own = |header: &mut Vec<u8>, field| match (field, outgoing.mechanism) {
        (OwnField::Mechanism, Some(mechanism)) => {
            separate(header);
            header.extend_from_slice(b"_dd.p.dm=-");
            push_decimal(header, mechanism.get().into());
        }
        (OwnField::High, _) if high != 0 => {
            separate(header);
            header.extend_from_slice(b"_dd.p.tid=");
            push_hex(header, high);
        }
        _ => {}
    };
    let mut fields = outgoing.tag_order.fields().into_iter().peekable();
    if outgoing.has_tags() {
        for (place, (name, value)) in outgoing.tags().enumerate() {
            while let Some((field, _)) = fields.next_if(|(_, before)| *before <= place) {
                own(header, field);
            }
            let is_good = !name.is_empty()
                && !value.is_empty()
                && chars::all(name, TAG_KEY)
                && chars::all(value, TAG_VALUE);
            if !is_good {
                return Err("encoding_error");
            }
            // Blanks around a header belong to no value: what is left of it would be malformed.
            if trim(value).is_empty() {
                continue;
            }
            separate(header);
            header.extend_from_slice(PREFIX.as_bytes());
            header.extend_from_slice(name);
            header.push(b'=');
            header.extend_from_slice(value);
            check(header)?;
        }
    }
    fields.for_each(|(field, _)| own(header, field));
    while header.len() > start && header.last() == Some(&b' ') {
        header.pop();
    }
    check(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::trace::{Mechanism, TagOrder};
    use proptest::prelude::*;

    fn encode(outgoing: &Outgoing<'_>, max: usize) -> Result<String, &'static str> {
        // Behind something, as in a block of headers.
        let mut text = b"dd".to_vec();
        let result = super::encode(outgoing, max, &mut text);
        let header = String::from_utf8(text.split_off(2)).unwrap();
        assert!(result.is_ok() || header.is_empty());
        result.map(|()| header)
    }

    fn error(header: &str) -> Option<String> {
        let (incoming, high) = decode(header.as_bytes(), 512);
        assert!(incoming.tags.is_empty() && incoming.mechanism.is_none() && high == 0, "{header}");
        incoming.error.map(|error| error.to_string())
    }

    #[test]
    fn a_header_that_does_not_follow_the_grammar_is_dropped_whole() {
        for (name, header) in [
            ("no equals sign", "_dd.p.a"),
            ("one tag without equals sign", "_dd.p.a=1,_dd.p.b"),
            ("no key", "=1"),
            ("no value", "_dd.p.a="),
            ("nothing between commas", "_dd.p.a=1,,_dd.p.b=2"),
            ("comma at the end", "_dd.p.a=1,"),
            ("comma at the beginning", ",_dd.p.a=1"),
            ("space in a key", "_dd.p.a=1, _dd.p.b=2"),
            ("control character in a value", "_dd.p.a=\t1"),
            ("beyond ASCII", "_dd.p.a=é"),
        ] {
            assert_eq!(error(header).as_deref(), Some("decoding_error"), "{name}");
        }
        assert_eq!(decode(b"_dd.p.a=\xff", 512).0.error.as_deref(), Some("decoding_error"));
    }

    #[test]
    fn a_header_beyond_the_limit_is_dropped() {
        let header = format!("_dd.p.a={}", "x".repeat(504));
        assert_eq!(decode(header.as_bytes(), 512).0.tags.len(), 1);
        assert_eq!(error(&format!("{header}x")).as_deref(), Some("extract_max_size"));
        assert_eq!(error(""), None);
        assert_eq!(decode(header.as_bytes(), 0).0.error, None);
    }

    #[test]
    fn a_malformed_tid_is_dropped_and_reported() {
        for bad in [
            "zz0cfd8d00000000",
            "640cfd8d0000",
            "640CFD8D00000000",
            "0000000000000000",
            "+640cfd8d0000000",
            "640cfd8d000000000",
        ] {
            let error = error(&format!("_dd.p.tid={bad}"));
            assert_eq!(error, Some(format!("malformed_tid {bad}")));
        }
        assert_eq!(decode(b"_dd.p.tid=640cfd8d00000000", 512).1, 0x640c_fd8d_0000_0000);
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
        for members in [
            vec![dm],
            vec![tid],
            vec![dm, tid],
            vec![tid, dm],
            vec![dm, usr, tid],
            vec![usr, dm, tid],
            vec![usr, tid, dm],
            vec![tid, usr, dm],
            vec![tid, dm, usr],
            vec![dm, tid, usr, z],
            vec![usr, dm, z, tid],
            vec![usr, tid, dm, z],
            vec![usr, z, tid, dm],
            vec![usr, z],
        ] {
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
                outgoing.mechanism = Some(Mechanism::RULE);
                assert_eq!(encode(&outgoing, 512), Ok(header.replace("dm=-4", "dm=-3")));
            }
            // And the same is one and the same.
            let usual = [vec![dm], vec![tid], vec![dm, tid], vec![dm, usr, tid], vec![usr, z]];
            assert_eq!(incoming.order == TagOrder::default(), usual.contains(&members), "{header}");
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
    fn the_usual_header_is_what_the_parts_make() {
        for (id, mechanism) in [(7 << 64 | 9, 0), (u128::MAX, 9), (u128::MAX, 10), (9, 3)] {
            let outgoing = Outgoing {
                trace_id: TraceId::new(id),
                mechanism: Some(Mechanism::new(mechanism)),
                ..Outgoing::default()
            };
            for max in [512, 38, 37, 0] {
                let mut parts = b"dd".to_vec();
                let result = write(&outgoing, max, &mut parts);
                let parts = result.map(|()| String::from_utf8(parts.split_off(2)).unwrap());
                assert_eq!(encode(&outgoing, max), parts);
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
            let mechanism = mechanism.map(Mechanism::new);
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
