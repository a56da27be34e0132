//! W3C Trace Context: `traceparent`, and `tracestate` beside it.

#![deny(clippy::arithmetic_side_effects)]

use super::block::Draft;
use super::chars::trim;
use super::dd_member::DdMember;
use super::digits::{Case, hex, parse_hex, push_form};
use super::headers::Headers;
use super::names::Field;
use super::outgoing::Outgoing;
use super::probability;
use super::scratch;
use super::tracestate::{self, Tracestate};

use crate::id::{SpanId, TraceId};
use crate::text::Text;
use crate::trace::{SamplingMechanism, SamplingPriority, SpanContext};

/// `00-<32 digits>-<16 digits>-<2 digits>`.
const TRACEPARENT_LEN: usize = 55;

/// What came in, read only as far as every use of it needs.
#[derive(Debug)]
pub(super) struct Incoming<'h> {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    sampled: bool,
    tracestate: Option<Tracestate<'h>>,
    datadog: DdMember<'h>,
}

impl<'h> Incoming<'h> {
    /// `None` without a valid `traceparent`; `tracestate` alone means nothing.
    pub(super) fn parse(headers: &'h Headers<'_>) -> Option<Self> {
        let (trace_id, span_id, sampled) = parse_traceparent(headers.get(Field::Traceparent)?)?;
        let tracestate = headers.get(Field::Tracestate).and_then(Tracestate::parse);
        let datadog = tracestate.as_ref().and_then(|tracestate| tracestate.datadog);
        let datadog = datadog.map(DdMember::parse).unwrap_or_default();
        Some(Incoming { trace_id, span_id, sampled, tracestate, datadog })
    }

    /// The whole of `tracestate`, if it is valid and not empty.
    pub(super) fn tracestate(&self) -> Option<&'h str> {
        let tracestate = self.tracestate.as_ref()?;
        Some(tracestate.text).filter(|text| !text.is_empty())
    }

    /// The `p` of the `dd` member.
    pub(super) fn last_parent(&self) -> Option<Text> {
        self.datadog.last_parent.map(Text::copy)
    }

    /// What every tracer passes on: the other vendors' members, and `ot`.
    pub(super) fn pass_on(&self, context: &mut SpanContext) {
        let Some(tracestate) = &self.tracestate else { return };
        context.vendors = tracestate.vendors();
        context.probability = tracestate.probability.and_then(probability::inbound);
    }

    /// Fills an empty context.
    pub(super) fn fill(&self, context: &mut SpanContext) {
        context.trace_id = Some(self.trace_id);
        context.span_id = Some(self.span_id);
        context.remote = true;
        self.datadog.fill_tags(context);
        let said = self.datadog.priority;
        // Services between ours may have changed the flag, but not `s`, which says more as long as it agrees.
        (context.priority, context.mechanism) =
            match said.filter(|said| (*said > 0) == self.sampled) {
                Some(priority) => (Some(SamplingPriority::new(priority)), context.mechanism),
                // A trace that began in a browser without a decision is decided here.
                None if said.is_none() && self.datadog.is_from_browser() => (None, None),
                // Who set `s` has not set a flag that says the opposite.
                None if self.sampled => {
                    (Some(SamplingPriority::AUTO_KEEP), Some(SamplingMechanism::DEFAULT))
                }
                None => (Some(SamplingPriority::AUTO_REJECT), None),
            };
        context.origin = self.datadog.origin();
        context.last_parent = self.last_parent();
        self.pass_on(context);
    }
}

/// Lower case only, as Trace Context has it. Of the flags only "sampled" is known.
fn parse_traceparent(header: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    let header = trim(header);
    let (known, rest) = header.split_at_checked(TRACEPARENT_LEN)?;
    let (version, known) = known.split_at_checked(2)?;
    // Later versions may append fields.
    match (version, rest) {
        (b"ff", _) => return None,
        (_, []) => {}
        (b"00", _) => return None,
        (_, [b'-', ..]) => {}
        _ => return None,
    }
    parse_hex(version, Case::Lower)?;
    let (high, known) = field::<16>(known, true)?;
    let (low, known) = field::<16>(known, false)?;
    let (span, known) = field::<16>(known, true)?;
    let (flags, _) = field::<2>(known, true)?;
    Some((TraceId::from_halves(high, low)?, SpanId::new(span)?, flags & 1 == 1))
}

/// The next digits, behind a dash or not, and what comes after them.
fn field<const DIGITS: usize>(text: &[u8], dash: bool) -> Option<(u64, &[u8])> {
    let text = if dash { text.strip_prefix(b"-")? } else { text };
    let (digits, rest) = text.split_first_chunk::<DIGITS>()?;
    Some((parse_hex(digits, Case::Lower)?, rest))
}

/// Nothing is written where there is no span to name as the parent.
pub(super) fn inject(outgoing: &Outgoing<'_>, draft: &mut Draft<'_>) {
    let (Some(trace_id), Some(span_id)) = (outgoing.trace_id, outgoing.span_id) else { return };
    let sampled = outgoing.priority.is_some_and(SamplingPriority::is_keep);
    let span = hex(span_id.get());
    draft.add(Field::Traceparent, |header| {
        let form = b"00-00000000000000000000000000000000-0000000000000000-00";
        let Some(form) = push_form::<TRACEPARENT_LEN>(header, form) else { return };
        form[3..19].copy_from_slice(&hex(trace_id.high()));
        form[19..35].copy_from_slice(&hex(trace_id.low()));
        form[36..52].copy_from_slice(&span);
        form[54] |= u8::from(sampled);
    });
    draft.add(Field::Tracestate, |header| tracestate::encode(outgoing, &span, header));
}

/// Lends what `tracestate` says of it, whatever styles there are; empty where that is nothing.
pub(crate) fn with_tracestate<T>(outgoing: &Outgoing<'_>, read: impl FnOnce(&str) -> T) -> T {
    let span = hex(outgoing.span_id.map_or(0, SpanId::get));
    scratch::with(|header| {
        tracestate::encode(outgoing, &span, header);
        read(std::str::from_utf8(header).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-12345678901234567890123456789012-1234567890123456-01";

    fn filled(incoming: &Incoming<'_>) -> SpanContext {
        let mut context = SpanContext::default();
        incoming.fill(&mut context);
        context
    }

    #[test]
    fn a_malformed_traceparent_is_refused() {
        let future = GOOD.replacen("00", "01", 1);
        for good in
            [GOOD, &future, &format!("{future}-x"), &format!("{future}-"), &format!(" {GOOD}\t")]
        {
            assert!(parse_traceparent(good.as_bytes()).is_some(), "{good}");
        }
        for (name, bad) in [
            ("empty", String::new()),
            ("one character less", GOOD.split_at(54).0.to_owned()),
            ("version ff", GOOD.replacen("00", "ff", 1)),
            ("version in upper case", GOOD.replacen("00", "0A", 1)),
            ("version that is no number", GOOD.replacen("00", "0x", 1)),
            ("version 00 with more", format!("{GOOD}-x")),
            ("version 00 with a dash", format!("{GOOD}-")),
            ("later version that goes on without a dash", format!("{future}x")),
            ("upper case in the trace id", GOOD.replacen("12345678901", "1234567890A", 1)),
            ("trace id of zeros", format!("00-{}-1234567890123456-01", "0".repeat(32))),
            ("span id of zeros", format!("00-{}-{}-01", "1".repeat(32), "0".repeat(16))),
            ("no dash", GOOD.replacen("12-1", "12x1", 1)),
            ("flags that are no number", GOOD.replace("-01", "-0x")),
            ("line break around it", format!("{GOOD}\n")),
            ("two at once", format!("{GOOD},{GOOD}")),
        ] {
            assert_eq!(parse_traceparent(bad.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn flag_and_priority_are_reconciled() {
        let decide = |flag, member: &str| {
            let traceparent = GOOD.replace("-01", flag);
            let tracestate = format!("dd={member};t.dm:-4");
            let carrier = [("traceparent", traceparent), ("tracestate", tracestate)];
            let headers = Headers::collect(&carrier, &[]);
            let context = filled(&Incoming::parse(&headers).unwrap());
            (
                context.priority.map(SamplingPriority::get),
                context.mechanism.map(SamplingMechanism::get),
            )
        };
        for (flag, member, expected) in [
            ("-01", "s:2", (Some(2), Some(4))),
            ("-01", "s:3", (Some(3), Some(4))),
            ("-01", "s:0", (Some(1), Some(0))),
            ("-01", "s:-1", (Some(1), Some(0))),
            ("-01", "s:x", (Some(1), Some(0))),
            ("-01", "o:lambda", (Some(1), Some(0))),
            ("-00", "s:-1", (Some(-1), Some(4))),
            ("-00", "s:0", (Some(0), Some(4))),
            ("-00", "s:2", (Some(0), None)),
            ("-00", "o:lambda", (Some(0), None)),
            ("-02", "s:0", (Some(0), Some(4))),
            ("-03", "s:1", (Some(1), Some(4))),
            ("-01", "o:rum", (None, None)),
            ("-00", "o:rum", (None, None)),
            ("-01", "o:rum;s:2", (Some(2), Some(4))),
        ] {
            assert_eq!(decide(flag, member), expected, "{flag} {member}");
        }
    }

    #[test]
    fn a_tracestate_that_is_malformed_leaves_the_traceparent() {
        let carrier = [("traceparent", GOOD), ("tracestate", "dd=s:2,A=1")];
        let headers = Headers::collect(&carrier, &[]);
        let incoming = Incoming::parse(&headers).unwrap();
        assert_eq!(incoming.tracestate(), None);
        assert_eq!(filled(&incoming).priority, Some(SamplingPriority::AUTO_KEEP));
    }

    proptest! {
        #[test]
        fn no_traceparent_breaks_the_reader(header: Vec<u8>, tail in "[-0-9a-fx]{50,60}") {
            parse_traceparent(&header);
            parse_traceparent(tail.as_bytes());
        }
    }
}
