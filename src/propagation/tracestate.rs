//! W3C `tracestate`: one member for each vendor, of which `dd` and `ot` are ours.

#![deny(clippy::arithmetic_side_effects)]

use super::chars::{self, STATE_KEY, STATE_VALUE, trim};
use super::dd_member;
use super::list::List;
use super::outgoing::Outgoing;
use super::scratch;
use crate::text::Text;

/// Trace Context allows no more members.
const MAX_MEMBERS: usize = 32;
/// Members that are longer are not passed on.
const MAX_MEMBER_BYTES: usize = 512;
/// What Trace Context asks every vendor to pass on; more is written only where more came in.
const MAX_BYTES: usize = 512;

const MAX_KEY_BYTES: usize = 256;

const DATADOG: &str = "dd";
const OPEN_TELEMETRY: &str = "ot";

/// An incoming header.
#[derive(Debug)]
pub(super) struct Tracestate<'a> {
    /// All of it.
    pub(super) text: &'a str,
    /// The value of the first `dd`.
    pub(super) datadog: Option<&'a str>,
    /// The value of the first `ot`.
    pub(super) probability: Option<&'a str>,
    has_vendors: bool,
}

impl<'a> Tracestate<'a> {
    /// `None` when any of it does not follow the grammar, as Trace Context asks for.
    pub(super) fn parse(header: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(trim(header)).ok()?;
        let mut tracestate =
            Tracestate { text, datadog: None, probability: None, has_vendors: false };
        let mut count = 0usize;
        let mut rest = text;
        while !rest.is_empty() {
            rest = trim_start(rest);
            if let Some(behind) = rest.strip_prefix(',') {
                rest = behind;
                continue;
            }
            let (key, behind) = parse_key(rest)?;
            let (value, behind) = chars::span(behind.strip_prefix('=')?, STATE_VALUE);
            let value = value.trim_end_matches(' ');
            rest = match trim_start(behind) {
                "" => "",
                behind => behind.strip_prefix(',')?,
            };
            count = count.saturating_add(1);
            if count > MAX_MEMBERS {
                return None;
            }
            // One byte is the equals sign.
            if key.len().saturating_add(value.len()) >= MAX_MEMBER_BYTES {
                continue;
            }
            match key {
                DATADOG => _ = tracestate.datadog.get_or_insert(value),
                OPEN_TELEMETRY => _ = tracestate.probability.get_or_insert(value),
                _ => tracestate.has_vendors = true,
            }
        }
        Some(tracestate)
    }

    /// The members of other vendors, in their order, if there are any.
    pub(super) fn vendors(&self) -> Option<Text> {
        self.has_vendors.then(|| {
            scratch::text(|text| {
                let mut list = List::new(text, b',', usize::MAX);
                for member in vendor_members(self.text.as_bytes()) {
                    list.add(b"", |text| text.extend_from_slice(member));
                }
            })
        })
    }
}

/// Appends the header to send: `dd` and `ot` as they are now, then the members of other vendors. Nothing where there is
/// nothing to say. `span` has the digits of the span's id.
pub(super) fn encode(outgoing: &Outgoing<'_>, span: &[u8; 16], text: &mut Vec<u8>) {
    let mut list = List::new(text, b',', usize::MAX);
    let has_dd = list.add(b"dd=", |text| dd_member::push(outgoing, span, text));
    let has_ot = outgoing
        .probability
        .is_some_and(|probability| list.add(b"ot=", |text| probability.push(text)));
    let others = MAX_MEMBERS.saturating_sub(usize::from(has_dd)).saturating_sub(has_ot.into());
    let Some(vendors) = outgoing.vendors.map(Text::as_bytes) else { return };
    list.max = if vendors.len() > MAX_BYTES { usize::MAX } else { MAX_BYTES };
    for member in vendor_members(vendors).take(others) {
        if !list.add(b"", |text| text.extend_from_slice(member)) {
            break;
        }
    }
}

/// The members that belong to other vendors and are passed on. Empty ones are allowed and mean nothing.
fn vendor_members(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trim).filter(|member| {
        let is_of = |key: &str| {
            member.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
        };
        !member.is_empty()
            && member.len() <= MAX_MEMBER_BYTES
            && !is_of(DATADOG)
            && !is_of(OPEN_TELEMETRY)
    })
}

/// `key`, or `tenant@system`, and what comes behind.
fn parse_key(text: &str) -> Option<(&str, &str)> {
    let part = |text| {
        let (part, behind) = chars::span(text, STATE_KEY);
        // The signs that may be in a key cannot begin it.
        part.starts_with(|c: char| c.is_ascii_alphanumeric()).then_some(behind)
    };
    let mut behind = part(text)?;
    if let Some(system) = behind.strip_prefix('@') {
        behind = part(system)?;
    }
    let len = text.len().saturating_sub(behind.len());
    text.split_at_checked(len).filter(|_| len <= MAX_KEY_BYTES)
}

fn trim_start(text: &str) -> &str {
    match text.as_bytes() {
        [b' ' | b'\t', ..] => text.trim_start_matches([' ', '\t']),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SpanId;
    use crate::trace::SpanContext;
    use proptest::prelude::*;

    fn vendors(header: &str) -> Option<Text> {
        Tracestate::parse(header.as_bytes()).and_then(|tracestate| tracestate.vendors())
    }

    #[test]
    fn members_are_told_apart() {
        let header = b"\ta=1 ,, dd=s:1,\tot=rv:1, b@c=2,dd=s:2 ,ot=x, a=1";
        let tracestate = Tracestate::parse(header).unwrap();
        assert_eq!(tracestate.datadog, Some("s:1"));
        assert_eq!(tracestate.probability, Some("rv:1"));
        assert_eq!(tracestate.vendors().as_deref(), Some("a=1,b@c=2,a=1"));
    }

    #[test]
    fn a_header_that_does_not_follow_the_grammar_is_dropped_whole() {
        let members = (0..33).map(|n| format!("k{n}=1")).collect::<Vec<_>>();
        assert!(Tracestate::parse(members[..32].join(",").as_bytes()).is_some());
        for (name, header) in [
            ("no equals sign", "a=1,b".to_owned()),
            ("no key", "=1".to_owned()),
            ("upper case in a key", "A=1".to_owned()),
            ("space after a key", "a =1".to_owned()),
            ("dash at the beginning of a key", "-a=1".to_owned()),
            ("key of 257 characters", format!("{}=1", "a".repeat(257))),
            ("no tenant", "@a=1".to_owned()),
            ("no system", "a@=1".to_owned()),
            ("two tenants", "a@b@c=1".to_owned()),
            ("equals sign in a value", "a=1=2".to_owned()),
            ("control character in a value", "a=1\u{7f}".to_owned()),
            ("beyond ASCII", "a=é".to_owned()),
            ("33 members", members.join(",")),
            ("good ones around a bad one", "dd=s:1,B=2,c=3".to_owned()),
        ] {
            assert!(Tracestate::parse(header.as_bytes()).is_none(), "{name}");
        }
        assert!(Tracestate::parse(b"a=\xff").is_none());
        assert!(Tracestate::parse(format!("{}=1", "a".repeat(256)).as_bytes()).is_some());
    }

    #[test]
    fn a_member_beyond_512_bytes_is_left_out() {
        let good = format!("a={}", "x".repeat(510));
        let all = format!("{good},b=1");
        assert_eq!(vendors(&all).as_deref(), Some(&*all));
        assert_eq!(vendors(&format!("{good}x,b=1")).as_deref(), Some("b=1"));
    }

    fn sent(vendors: &str) -> String {
        let context = SpanContext {
            span_id: SpanId::new(1),
            probability: Some("rv:1".into()),
            vendors: Some(vendors.into()),
            ..SpanContext::default()
        };
        // Behind something, as in a block of headers.
        let mut header = b"00".to_vec();
        encode(&(&context).into(), b"0000000000000001", &mut header);
        let header = String::from_utf8(header).unwrap();
        header.strip_prefix("00dd=p:0000000000000001,ot=rv:1").unwrap().to_owned()
    }

    #[test]
    fn vendors_are_dropped_from_the_right() {
        let members: Vec<_> = (0..40).map(|n| format!("k{n}={n}")).collect();
        assert_eq!(sent(&members.join(",")), format!(",{}", members[..30].join(",")));
        // 29 bytes are ours: 482 are left behind a comma.
        let fitting = format!("a={}", "x".repeat(480));
        assert_eq!(sent(&fitting), format!(",{fitting}"));
        assert_eq!(sent(&format!("{fitting}x")), "");
        assert_eq!(sent(&format!("b=1,{fitting}")), ",b=1");
        // What came in was longer than 512 bytes itself.
        let long = format!("{fitting},b={}", "y".repeat(40));
        assert_eq!(sent(&long), format!(",{long}"));
    }

    #[test]
    fn our_own_members_are_never_repeated() {
        assert_eq!(sent("dd=s:2, a=1 ,ot=th:0,,b"), ",a=1,b");
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(header: Vec<u8>) {
            let _ = Tracestate::parse(&header).map(|tracestate| tracestate.vendors());
        }

        #[test]
        fn vendors_come_in_their_order_wherever_they_are(
            members in prop::collection::vec(
                prop_oneof![Just("dd=1"), Just("ot=x"), Just(""), Just(" "), Just(" b=2\t"), Just("a=1")],
                0..9,
            ),
        ) {
            let kept: Vec<_> = members
                .iter()
                .map(|member| member.trim())
                .filter(|member| member.starts_with(['a', 'b']))
                .collect();
            let vendors = vendors(&members.join(",")).unwrap_or_default();
            prop_assert_eq!(vendors.as_str(), kept.join(","));
        }
    }
}
