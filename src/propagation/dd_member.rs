//! The member `dd` of `tracestate`: what `traceparent` has no place for, as `key:value;key:value`.

#![deny(clippy::arithmetic_side_effects)]

use super::chars::{self, MEMBER_NAME, MEMBER_VALUE};
use super::digits::{parse_integer, push_decimal, push_integer};
use super::list::List;
use super::outgoing::Outgoing;
use super::scratch::{self, joined};
use super::tags::PREFIX;
use crate::text::Text;
use crate::trace::SpanContext;

/// The longest value; a part that does not fit is left out.
const MAX_BYTES: usize = 256;

/// An incoming member. Texts are still encoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DdMember<'a> {
    text: &'a str,
    /// `s`, if it is an integer.
    pub(super) priority: Option<i32>,
    /// `o`.
    origin: Option<&'a str>,
    /// `p`: the last Datadog span above, as it came.
    pub(super) last_parent: Option<&'a str>,
}

impl<'a> DdMember<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut member = DdMember { text, ..DdMember::default() };
        for part in chars::split(text, b';') {
            match part.as_bytes() {
                [b's', b':', value @ ..] => member.priority = parse_integer(value),
                [b'o', b':', ..] => member.origin = part.get(2..),
                [b'p', b':', ..] => member.last_parent = part.get(2..),
                _ => {}
            }
        }
        member
    }

    /// Whether the trace began in a browser.
    pub(super) fn is_from_browser(&self) -> bool {
        self.origin == Some("rum")
    }

    pub(super) fn origin(&self) -> Option<Text> {
        self.origin.filter(|origin| !origin.is_empty()).map(decode)
    }

    /// Reads the propagated tags, and who decided, into an empty context.
    pub(super) fn fill_tags(&self, context: &mut SpanContext) {
        for part in chars::split(self.text, b';') {
            // `t.` stands for `_dd.p.`.
            let tag = part.strip_prefix("t.").and_then(|tag| chars::split_once(tag, b':'));
            let Some((name, value)) = tag else { continue };
            // A space in a name could not be sent in `x-datadog-tags`, and would take the others along.
            if !value.is_empty() && !name.contains(' ') {
                context.take_tag(name, value, || joined(PREFIX, name.as_bytes()), decode);
            }
        }
        context.tag_order.settle(context.tags.len(), context.mechanism.is_some(), false);
    }
}

fn decode(value: &str) -> Text {
    if !value.bytes().any(|byte| byte == b'~') {
        return Text::copy(value);
    }
    let decoded = |byte| if byte == b'~' { b'=' } else { byte };
    scratch::text(|text| text.extend(value.bytes().map(decoded)))
}

/// Appends the member's value, or nothing when there is nothing to say. `span` has the digits of the span's id.
pub(super) fn push(outgoing: &Outgoing<'_>, span: &[u8; 16], header: &mut Vec<u8>) {
    let mut parts = List::new(header, b';', MAX_BYTES);
    if outgoing.is_local_span && outgoing.span_id.is_some() {
        parts.add(b"p:", |header| header.extend_from_slice(span));
    }
    if let Some(priority) = outgoing.priority {
        parts.add(b"s:", |header| push_integer(header, priority.get()));
    }
    // Behind the priority: what came in may be longer than an id, and must not take its room.
    if let Some(last_parent) = outgoing.last_parent.filter(|_| !outgoing.is_local_span) {
        parts.add(b"p:", |header| push_value(header, last_parent.as_bytes()));
    }
    if let Some(origin) = outgoing.origin {
        parts.add(b"o:", |header| push_value(header, origin.as_bytes()));
    }
    if let Some(mechanism) = outgoing.mechanism {
        parts.add(b"t.dm:-", |header| push_decimal(header, mechanism.get().into()));
    }
    if outgoing.has_tags() {
        for (name, value) in outgoing.tags() {
            parts.add(b"t.", |header| {
                push_encoded(header, name, MEMBER_NAME, b'_');
                header.push(b':');
                push_value(header, value);
            });
        }
    }
    // A space at the end would be taken for what is around the member.
    for byte in parts.written().iter_mut().rev().take_while(|byte| **byte == b' ') {
        *byte = b'_';
    }
}

fn push_value(header: &mut Vec<u8>, value: &[u8]) {
    push_encoded(header, value, MEMBER_VALUE, b'~');
}

/// One byte for each character, so that a text keeps its length: the character itself where it may stand,
/// `equals` for `=`, and an underscore for all others. No more than what makes a part too long.
fn push_encoded(header: &mut Vec<u8>, text: &[u8], class: u8, equals: u8) {
    if chars::all(text, class) {
        header.extend_from_slice(text.get(..=MAX_BYTES).unwrap_or(text));
        return;
    }
    // The bytes behind the first of a character count as part of it.
    let firsts = text.iter().filter(|byte| **byte & 0xc0 != 0x80);
    header.extend(firsts.take(MAX_BYTES + 1).map(|byte| match *byte {
        byte if chars::is(byte, class) => byte,
        b'=' => equals,
        _ => b'_',
    }));
}

#[cfg(test)]
mod tests {
    use super::super::digits::hex;
    use super::*;
    use crate::id::SpanId;
    use crate::trace::{SamplingMechanism, SamplingPriority};
    use proptest::prelude::*;

    fn tags(member: &DdMember<'_>) -> SpanContext {
        let mut context = SpanContext::default();
        member.fill_tags(&mut context);
        context
    }

    #[test]
    fn parts_are_told_apart() {
        let member = DdMember::parse("s:2;o:a~b;p:00ff;t.dm:-4;t.usr.id:YWJj~~:x;q:1;t.:1;t.e:;;x");
        assert_eq!((member.priority, member.last_parent), (Some(2), Some("00ff")));
        assert_eq!(member.origin().as_deref(), Some("a=b"));
        let expected = SpanContext::default().with_mechanism(SamplingMechanism::MANUAL);
        assert_eq!(tags(&member), expected.with_tag("_dd.p.usr.id", "YWJj==:x"));
    }

    #[test]
    fn a_malformed_part_is_as_good_as_none() {
        for (text, error) in [
            ("s:", None),
            ("s:1.5", None),
            ("s:+1", None),
            ("s: 1", None),
            ("o:", None),
            ("t.dm:4", Some("decoding_error")),
            ("t.ts:x", None),
            ("t.a b:1", None),
            ("t.tid:640cfd8d00000000", None),
        ] {
            let member = DdMember::parse(text);
            assert_eq!((member.priority, member.origin()), (None, None), "{text}");
            let expected = SpanContext { error: error.map(Text::copy), ..SpanContext::default() };
            assert_eq!(tags(&member), expected, "{text}");
        }
    }

    /// Behind something, as in a header.
    fn encode<'a>(outgoing: impl Into<Outgoing<'a>>) -> String {
        let outgoing = outgoing.into();
        let mut header = b"dd=".to_vec();
        push(&outgoing, &hex(outgoing.span_id.map_or(0, SpanId::get)), &mut header);
        String::from_utf8(header.split_off(3)).unwrap()
    }

    fn sent(tags: &[(&str, &str)]) -> String {
        let tags: Vec<_> = tags.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        encode(Outgoing { tags: &tags, ..Outgoing::default() })
    }

    #[test]
    fn what_the_grammar_forbids_becomes_an_underscore() {
        for (tags, expected) in [
            (&[("_dd.p.usr", "a=b;c~d é\n")][..], "t.usr:a~b_c_d __"),
            (&[("_dd.p.a b=c;d:e,fé", "v:w")], "t.a_b_c_d_e_f_:v:w"),
            (&[("other", "x")], ""),
            (&[("_dd.p.a", " "), ("_dd.p.b", "c  ")], "t.a: ;t.b:c__"),
        ] {
            assert_eq!(sent(tags), expected);
        }
    }

    #[test]
    fn a_part_that_does_not_fit_is_skipped() {
        let long = "x".repeat(300);
        assert_eq!(sent(&[("_dd.p.a", &long[..252])]).len(), 256);
        assert_eq!(sent(&[("_dd.p.a", &long[..253])]), "");
        let tags = [("_dd.p.a", "x"), ("_dd.p.b", &*long), ("_dd.p.c", "xx")];
        assert_eq!(sent(&tags), "t.a:x;t.c:xx");
        let context = SpanContext::default().with_origin("é".repeat(300));
        assert_eq!(encode(&context.with_tag("_dd.p.b", "x")), "t.b:x");
        // The priority always has room.
        let last_parent = Some("f".repeat(254).into());
        let context = SpanContext { last_parent, remote: true, ..SpanContext::default() };
        assert_eq!(encode(&context.with_priority(SamplingPriority::USER_KEEP)), "s:2");
    }

    #[test]
    fn each_part_is_there_if_it_is_known() {
        let usual = SpanContext {
            span_id: SpanId::new(0x1234_5678_9abc_def0),
            priority: Some(SamplingPriority::AUTO_KEEP),
            mechanism: Some(SamplingMechanism::RULE),
            ..SpanContext::default()
        };
        let usual = || usual.clone();
        let with = |priority, mechanism| {
            let context = usual().with_priority(SamplingPriority::new(priority));
            context.with_mechanism(SamplingMechanism::new(mechanism))
        };
        for (context, expected) in [
            (usual(), "p:123456789abcdef0;s:1;t.dm:-3"),
            (with(0, 0), "p:123456789abcdef0;s:0;t.dm:-0"),
            (with(9, 9), "p:123456789abcdef0;s:9;t.dm:-9"),
            (with(10, 9), "p:123456789abcdef0;s:10;t.dm:-9"),
            (with(9, 10), "p:123456789abcdef0;s:9;t.dm:-10"),
            (with(-1, 4), "p:123456789abcdef0;s:-1;t.dm:-4"),
            (with(256, 4), "p:123456789abcdef0;s:256;t.dm:-4"),
            (SpanContext { span_id: None, ..usual() }, "s:1;t.dm:-3"),
            (SpanContext { remote: true, ..usual() }, "s:1;t.dm:-3"),
            (SpanContext { priority: None, ..usual() }, "p:123456789abcdef0;t.dm:-3"),
            (SpanContext { mechanism: None, ..usual() }, "p:123456789abcdef0;s:1"),
            (usual().with_origin("rum"), "p:123456789abcdef0;s:1;o:rum;t.dm:-3"),
        ] {
            assert_eq!(encode(&context), expected, "{context:?}");
        }
        let marked = encode(Outgoing { marker: Some("own"), ..(&usual()).into() });
        assert_eq!(marked, "p:123456789abcdef0;s:1;t.dm:-3;t.opm:own");
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back(
            priority: i32,
            parent in 1u64..,
            origin in "[ -+\\--:<-}]{1,20}",
            mechanism: u8,
            value in "[ -+\\--:<-}]{0,40}[!-+\\--:<-}]",
        ) {
            let sent = SpanContext::default().with_mechanism(SamplingMechanism::new(mechanism));
            let sent = sent.with_tag("_dd.p.usr", value);
            let whole = SpanContext { span_id: SpanId::new(parent), ..sent.clone() };
            let whole = whole.with_priority(SamplingPriority::new(priority)).with_origin(&origin);
            let encoded = encode(&whole);
            let member = DdMember::parse(&encoded);
            prop_assert_eq!(member.priority, Some(priority));
            prop_assert_eq!(member.last_parent, Some(&*format!("{parent:016x}")));
            prop_assert_eq!(member.origin(), Some(origin.into()));
            prop_assert_eq!(tags(&member), sent);
        }

        #[test]
        fn any_text_is_sent_as_what_the_grammar_allows(name: String, value: String) {
            let encoded = sent(&[(&format!("_dd.p.{name}"), &value)]);
            prop_assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')
                && byte != b',' && byte != b'='));
        }
    }
}
