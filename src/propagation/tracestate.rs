//! W3C `tracestate`: one member for each vendor, of which `dd` and `ot` are ours.

use super::chars::{self, STATE_KEY, STATE_VALUE, trim, trim_str};
use super::outgoing::{Outgoing, ProbabilityRef};
use super::{dd_member, scratch};
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
    vendors: Vendors,
}

/// Where the members of other vendors are.
#[derive(Clone, Copy, Debug)]
enum Vendors {
    Nowhere,
    /// Side by side, as `start..end` of the text: the rule.
    Together(usize, usize),
    Scattered,
}

impl<'a> Tracestate<'a> {
    /// `None` when any of it does not follow the grammar, as Trace Context asks for.
    pub(super) fn parse(header: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(trim(header)).ok()?;
        let mut tracestate =
            Tracestate { text, datadog: None, probability: None, vendors: Vendors::Nowhere };
        let mut count = 0usize;
        let mut next = 0usize;
        for part in chars::split(text, b',') {
            let (start, end) = (next, next.saturating_add(part.len()));
            next = end.saturating_add(1);
            let member = trim_str(part);
            if member.is_empty() {
                continue;
            }
            let (key, value) = chars::split_once(member, b'=')?;
            count = count.saturating_add(1);
            if count > MAX_MEMBERS || !is_key(key) || !chars::all(value, STATE_VALUE) {
                return None;
            }
            if member.len() > MAX_MEMBER_BYTES {
                continue;
            }
            match key {
                DATADOG => _ = tracestate.datadog.get_or_insert(value),
                OPEN_TELEMETRY => _ = tracestate.probability.get_or_insert(value),
                _ => {
                    let whole = member.len() == part.len();
                    tracestate.vendors = match tracestate.vendors {
                        Vendors::Nowhere if whole => Vendors::Together(start, end),
                        Vendors::Together(first, last)
                            if whole && last.saturating_add(1) == start =>
                        {
                            Vendors::Together(first, end)
                        }
                        _ => Vendors::Scattered,
                    };
                }
            }
        }
        Some(tracestate)
    }

    /// The members of other vendors, in their order, if there are any.
    pub(super) fn vendors(&self) -> Option<Text> {
        match self.vendors {
            Vendors::Nowhere => None,
            Vendors::Together(start, end) => self.text.get(start..end).map(Text::copy),
            Vendors::Scattered => Some(
                scratch::string(|vendors| {
                    vendor_members(self.text).for_each(|member| push_member(vendors, member));
                })
                .into(),
            ),
        }
    }
}

/// The header to send, of which `dd` is made from what is true now; empty when there is nothing to say.
pub(super) fn encode(outgoing: &Outgoing<'_>) -> String {
    scratch::string(|header| {
        let mut count = 0usize;
        let mut own = |header: &mut String, key, push: &dyn Fn(&mut String)| {
            let before = header.len();
            push_member(header, key);
            header.push('=');
            let start = header.len();
            push(header);
            if header.len() == start {
                header.truncate(before);
            } else {
                count = count.saturating_add(1);
            }
        };
        own(header, DATADOG, &|header| dd_member::push(outgoing, header));
        match outgoing.probability {
            Some(ProbabilityRef::Inbound(value)) => {
                own(header, OPEN_TELEMETRY, &|header| header.push_str(value));
            }
            Some(ProbabilityRef::Computed(probability)) => {
                own(header, OPEN_TELEMETRY, &|header| probability.push(header));
            }
            None => {}
        }
        let vendors = outgoing.vendors.unwrap_or_default();
        let room = if vendors.len() > MAX_BYTES { usize::MAX } else { MAX_BYTES };
        for member in vendor_members(vendors).take(MAX_MEMBERS.saturating_sub(count)) {
            let before = header.len();
            push_member(header, member);
            if header.len() > room {
                header.truncate(before);
                break;
            }
        }
    })
}

fn push_member(list: &mut String, member: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(member);
}

/// The members that belong to other vendors and are passed on. Empty ones are allowed and mean nothing.
fn vendor_members(list: &str) -> impl Iterator<Item = &str> {
    chars::split(list, b',').map(trim_str).filter(|member| {
        let is_of = |key| member.strip_prefix(key).is_some_and(|rest| rest.starts_with('='));
        !member.is_empty()
            && member.len() <= MAX_MEMBER_BYTES
            && !is_of(DATADOG)
            && !is_of(OPEN_TELEMETRY)
    })
}

/// `key`, or `tenant@system`.
fn is_key(key: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && chars::all(part, STATE_KEY)
    };
    key.len() <= MAX_KEY_BYTES
        && match chars::split_once(key, b'@') {
            Some((tenant, system)) => is_part(tenant) && is_part(system),
            None => is_part(key),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
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
        let outgoing = Outgoing {
            trace_id: TraceId::new(1),
            span_id: SpanId::new(1),
            is_local_span: true,
            probability: Some(ProbabilityRef::Inbound("rv:1")),
            vendors: Some(vendors),
            ..Outgoing::default()
        };
        encode(&outgoing).strip_prefix("dd=p:0000000000000001,ot=rv:1").unwrap().to_owned()
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
