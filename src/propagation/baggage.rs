//! W3C Baggage: `baggage`; and OpenTracing's older way: `ot-baggage-*`.

#![deny(clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use super::block::Draft;
use super::carrier::Injector;
use super::chars::{self, BAGGAGE_KEY, BAGGAGE_VALUE, trim_str};
use super::digits::parse_byte;
use super::headers::Headers;
use super::list::List;
use super::names::{Field, LEGACY_BAGGAGE};
use super::scratch::{self, joined};
use super::strict::{header_value, is_header_name};
use crate::config::BaggageTagKeys;
use crate::text::Text;
use crate::trace::Baggage;

/// What W3C Baggage asks every vendor to pass on, and what is read.
const MAX_ITEMS: usize = 64;
/// The same for the length of the header, commas included.
const MAX_BYTES: usize = 8192;

// ===== reading =====

/// The items of the header; none if any of them is malformed.
///
/// Items beyond the limits are not read. Properties (behind `;`) are dropped. Bytes that are no UTF-8 become
/// U+FFFD.
pub(super) fn extract(headers: &Headers<'_>) -> Baggage {
    let mut baggage = Baggage::new();
    let Some(header) = headers.get(Field::Baggage) else { return baggage };
    // One byte more than is read shows whether the last item is whole.
    let mut room = MAX_BYTES + 1;
    let header = header.get(..room).unwrap_or(header);
    // `String::from_utf8_lossy` alone would look at each byte, even where all are good.
    let header =
        std::str::from_utf8(header).map_or_else(|_| String::from_utf8_lossy(header), Cow::Borrowed);
    for item in chars::split(&header, b',').take(MAX_ITEMS) {
        if !take(&mut room, [item, ","]) {
            break;
        }
        let Some((key, value)) = parse(item) else { return Baggage::new() };
        baggage.set(decode(key), decode(value));
    }
    baggage
}

/// Takes the length of two texts out of the room that is left; says whether there is enough.
fn take(room: &mut usize, texts: [&str; 2]) -> bool {
    let left = texts.iter().try_fold(*room, |room, text| room.checked_sub(text.len()));
    *room = left.unwrap_or(*room);
    left.is_some()
}

fn parse(item: &str) -> Option<(&str, &str)> {
    let (key, value) = chars::split_once(item, b'=')?;
    let value = chars::split_once(value, b';').map_or(value, |(value, _)| value);
    let (key, value) = (trim_str(key), trim_str(value));
    (!key.is_empty() && !value.is_empty()).then_some((key, value))
}

/// Replaces percent escapes by their bytes; a `%` that begins none stays.
fn decode(text: &str) -> Text {
    if !text.bytes().any(|byte| byte == b'%') {
        return Text::copy(text);
    }
    scratch::text(|decoded| {
        let mut rest = text.as_bytes();
        while let [byte, behind @ ..] = rest {
            let escaped = behind.split_first_chunk::<2>().filter(|_| *byte == b'%');
            let escaped = escaped.and_then(|(hex, behind)| Some((parse_byte(*hex)?, behind)));
            let (byte, behind) = escaped.unwrap_or((*byte, behind));
            decoded.push(byte);
            rest = behind;
        }
    })
}

/// Adds the items of `ot-baggage-*`, as they are.
pub(super) fn extract_legacy(headers: &Headers<'_>, baggage: &mut Baggage) {
    let mut room = MAX_BYTES;
    for (key, value) in headers.legacy_baggage.iter().take(MAX_ITEMS) {
        let Ok(value) = std::str::from_utf8(value) else { continue };
        if !take(&mut room, [key, value]) {
            return;
        }
        baggage.set(Text::copy(key), Text::copy(value));
    }
}

/// The tags of the local root: `baggage.<key>`.
pub(super) fn tags(baggage: &Baggage, keys: &BaggageTagKeys) -> Vec<(Text, Text)> {
    baggage
        .texts()
        .filter(|(key, _)| keys.contains(key))
        .map(|(key, value)| (joined("baggage.", key.as_bytes()), value.clone()))
        .collect()
}

// ===== writing =====

/// Writes the items up to the first that would exceed a limit.
pub(super) fn inject(baggage: &Baggage, draft: &mut Draft<'_>) {
    draft.add(Field::Baggage, |header| {
        let mut list = List::new(header, b',', MAX_BYTES);
        for (key, value) in sendable(baggage).take(MAX_ITEMS) {
            let is_there = list.add(b"", |header| {
                push_encoded(header, key, BAGGAGE_KEY);
                header.push(b'=');
                push_encoded(header, value, BAGGAGE_VALUE);
            });
            if !is_there {
                break;
            }
        }
    });
}

/// An item without key or value would make the receiver drop all of them.
fn sendable(baggage: &Baggage) -> impl Iterator<Item = (&[u8], &[u8])> {
    baggage
        .texts()
        .map(|(key, value)| (key.as_bytes().trim_ascii(), value.as_bytes().trim_ascii()))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
}

fn push_encoded(header: &mut Vec<u8>, text: &[u8], class: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if chars::all(text, class) {
        header.extend_from_slice(text);
        return;
    }
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    for byte in text {
        if chars::is(*byte, class) {
            header.push(*byte);
        } else {
            header.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

/// Writes one header for each item, as it is, up to the first that would exceed a limit; an item that HTTP does not
/// take as it is, is left out.
pub(super) fn inject_legacy(baggage: &Baggage, carrier: &mut dyn Injector) {
    let mut room = MAX_BYTES;
    let sendable = |(key, value)| Some((key, header_value(value).filter(|_| is_header_name(key))?));
    for (key, value) in baggage.iter().filter_map(sendable).take(MAX_ITEMS) {
        if !take(&mut room, [key, value]) {
            return;
        }
        carrier.set(&joined(LEGACY_BAGGAGE, key.as_bytes()), value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::block;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn read(header: &[u8]) -> Vec<(String, String)> {
        let carrier = [("baggage", header)];
        let baggage = extract(&Headers::collect(&carrier, &[]));
        baggage.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn write(items: &[(&str, &str)]) -> Option<String> {
        let baggage =
            items.iter().map(|(key, value)| (Text::copy(key), Text::copy(value))).collect();
        let mut carrier: Vec<(String, String)> = Vec::new();
        block::send(&mut carrier, |draft| inject(&baggage, draft));
        carrier.pop().map(|(_, value)| value)
    }

    #[test]
    fn items_are_trimmed_decoded_and_stripped_of_properties() {
        for (header, key, value) in [
            ("a=1", "a", "1"),
            (" a\t= 1 ;p=2;q", "a", "1"),
            ("a=b=c", "a", "b=c"),
            ("a=%20", "a", " "),
            ("%61=%c3%A9", "a", "é"),
            ("a=1+2", "a", "1+2"),
            ("a=%", "a", "%"),
            ("a=%4", "a", "%4"),
            ("a=%zz%+1", "a", "%zz%+1"),
            ("a=%ff", "a", "\u{fffd}"),
        ] {
            assert_eq!(read(header.as_bytes()), [(key.into(), value.into())], "{header}");
        }
        assert_eq!(read(b"a=\xff"), [("a".into(), "\u{fffd}".into())]);
        assert_eq!(read(b"a=1,b=2,a=3"), [("a".into(), "3".into()), ("b".into(), "2".into())]);
        // One malformed item, or none at all, and the whole header is dropped.
        for header in
            ["a,b=2", "=2", " =2", "a=1,b=", "a=;p=1", "a=1,,b=2", "a=1,", ",a=1", "", " "]
        {
            assert!(read(header.as_bytes()).is_empty(), "{header}");
        }
    }

    #[test]
    fn what_is_beyond_the_limits_is_not_read() {
        let many: Vec<_> = (0..70).map(|n| format!("k{n}=v")).collect();
        assert_eq!(read(many.join(",").as_bytes()).len(), 64);
        let long = "x".repeat(8000);
        let fitting = format!("a={long},b={}", "y".repeat(187));
        assert_eq!(fitting.len(), 8192);
        assert_eq!(read(format!("{fitting},c").as_bytes()).len(), 2);
        assert_eq!(read(format!("{fitting}y,c=1").as_bytes()).len(), 1);
    }

    /// `baggage_limits` of `tests/vectors/propagation-inject.json`.
    #[test]
    fn writing_stops_at_the_limits() {
        let keys: Vec<_> = (0..70).map(|n| format!("k{n}")).collect();
        let many: Vec<_> = keys.iter().map(|key| (key.as_str(), "v")).collect();
        let header = write(&many).unwrap();
        assert_eq!(header.split(',').count(), 64);
        assert!(header.ends_with(",k63=v"));

        let (x, y) = ("x".repeat(8000), "y".repeat(188));
        assert_eq!(write(&[("a", &x), ("b", &y), ("c", "z")]), Some(format!("a={x}")));
        let fitting = write(&[("a", &x), ("b", &y[1..]), ("c", "z")]).unwrap();
        assert_eq!((fitting.len(), fitting), (8192, format!("a={x},b={}", &y[1..])));
    }

    #[test]
    fn nothing_is_written_for_nothing() {
        assert_eq!(write(&[]), None);
        assert_eq!(write(&[("", "1"), ("a", ""), ("b", " ")]), None);
        assert_eq!(write(&[("a", ""), (" b ", " 1 ")]).as_deref(), Some("b=1"));
    }

    #[test]
    fn legacy_items_are_bounded_and_those_that_could_end_a_header_are_left_out() {
        let read = |carrier: &Vec<(String, String)>| {
            let mut baggage = Baggage::new();
            extract_legacy(&Headers::collect_all(carrier), &mut baggage);
            baggage
        };
        let items = [("userId", "a b"), ("a b", "1"), ("c:", "1"), ("d", "1\r\nx: 2"), ("é", "1")];
        let mut carrier = Vec::new();
        inject_legacy(&items.into_iter().collect(), &mut carrier);
        assert_eq!(carrier, [("ot-baggage-userId".to_owned(), "a b".to_owned())]);
        assert_eq!(read(&carrier), items[..1].iter().copied().collect());
        let item = |n| (format!("ot-baggage-{n}"), "v".repeat(200));
        assert_eq!(read(&(0..100).map(item).collect()).len(), 40);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back(
            items in prop::collection::btree_map("\\PC{1,20}", "\\PC{1,20}", 0..10),
        ) {
            let trimmed = items.iter().map(|(key, value)| (key.trim_ascii(), value.trim_ascii()));
            let items = trimmed.filter(|(key, value)| !key.is_empty() && !value.is_empty());
            // Two keys may be the same without the blanks around them: the later one counts.
            let items: BTreeMap<_, _> = items.collect();
            let header = write(&items.clone().into_iter().collect::<Vec<_>>()).unwrap_or_default();
            let read = read(header.as_bytes());
            prop_assert!(read.iter().map(|(key, value)| (&**key, &**value)).eq(items), "{header}");
        }

        #[test]
        fn no_header_breaks_the_reader(header: Vec<u8>) {
            read(&header);
        }
    }
}
