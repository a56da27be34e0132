//! The member `ot` of `tracestate`: the probability with which a trace was kept, in OpenTelemetry's terms.
//!
//! `rv` is the randomness that the decision looked at, `th` the threshold from which on traces are kept,
//! both of 56 bits. An OpenTelemetry sampler downstream comes to the same decision from them.

#![deny(clippy::arithmetic_side_effects)]

use super::digits::hex;
use super::scratch;
use crate::id::TraceId;
use crate::text::Text;
use crate::trace::{SamplingDecision, SamplingMechanism, Segment, kept_by_hash, sampling_hash};

const BITS_56: u64 = (1 << 56) - 1;

/// A decision taken here, by a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probability {
    randomness: u64,
    threshold: u64,
}

impl Probability {
    /// What a decision says: nothing unless a rate alone has taken it.
    pub(crate) fn of(trace_id: TraceId, decision: &SamplingDecision) -> Option<Self> {
        let by_rate = decision.mechanism.is_some_and(|mechanism| {
            mechanism != SamplingMechanism::DEFAULT
                && matches!(mechanism.get(), 1..=3 | 6 | 7 | 11 | 12)
        });
        let rate = decision.rate.filter(|_| by_rate)?;
        let kept = decision.priority.is_keep();
        // Otherwise the limiter has dropped it, which no threshold can express.
        (kept == kept_by_hash(trace_id.low(), rate)).then_some(())?;
        Self::new(trace_id.low(), rate, kept)
    }

    /// `None` for rate 0, which has no threshold, and for what is no rate.
    fn new(trace_id_low: u64, rate: f64, kept: bool) -> Option<Self> {
        if rate.is_nan() || rate <= 0.0 {
            return None;
        }
        let all = BITS_56 as f64 + 1.0;
        let threshold = (((1.0 - rate) * all).round() as u64).min(BITS_56);
        // The hash keeps what is small, the threshold what is large.
        let randomness = !sampling_hash(trace_id_low) >> 8;
        // Both are rounded, so at the border they may disagree; the decision stands.
        let randomness = match kept {
            true => randomness.max(threshold),
            false => randomness.min(threshold.saturating_sub(1)),
        };
        Some(Probability { randomness, threshold })
    }

    fn push(self, header: &mut Vec<u8>) {
        // 56 bits are 14 digits.
        let [_, _, randomness @ ..] = hex(self.randomness);
        let [_, _, threshold @ ..] = hex(self.threshold);
        header.extend_from_slice(b"rv:");
        header.extend_from_slice(&randomness);
        header.extend_from_slice(b";th:");
        // Zeros at the end of a threshold go without saying; one digit stays.
        let last = threshold.iter().rposition(|digit| *digit != b'0').unwrap_or_default();
        header.extend_from_slice(threshold.get(..=last).unwrap_or(&threshold));
    }
}

/// What the member is to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OtMember<'a> {
    /// What came in with the trace, and the decision.
    Received(&'a Text),
    /// What came in, but for the threshold: that does not explain a decision by hand.
    ByHand(&'a Text),
    /// What follows from a decision taken here.
    Computed(Probability),
}

impl<'a> OtMember<'a> {
    /// What a decision says, of a trace of this process.
    #[inline]
    pub(crate) fn of(segment: &'a Segment, decision: &SamplingDecision) -> Option<Self> {
        let upstream = segment.upstream.as_deref();
        let received = upstream.and_then(|context| context.probability.as_ref());
        if decision.mechanism == Some(SamplingMechanism::MANUAL) {
            return received.map(OtMember::ByHand);
        }
        if upstream.is_some_and(|context| context.priority.is_some()) {
            return received.map(OtMember::Received);
        }
        Probability::of(segment.trace_id, decision).map(OtMember::Computed)
    }

    /// Appends the value of the member; nothing where nothing is left to say.
    pub(super) fn push(self, header: &mut Vec<u8>) {
        match self {
            OtMember::Received(text) => header.extend_from_slice(text.as_bytes()),
            OtMember::ByHand(text) => {
                let rest = retain(text, |key, _| key != "th").unwrap_or_default();
                header.extend_from_slice(rest.as_bytes());
            }
            OtMember::Computed(probability) => probability.push(header),
        }
    }

    /// The value of the member.
    pub(crate) fn text(self) -> Option<Text> {
        Some(scratch::text(|text| self.push(text))).filter(|text| !text.is_empty())
    }
}

/// A value that came in, without what is malformed in it; unknown keys are passed on.
pub(super) fn inbound(value: &str) -> Option<Text> {
    retain(value, |key, value| {
        let is_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
        match key {
            "rv" => is_hex && value.len() == 14,
            "th" => is_hex && (1..=14).contains(&value.len()),
            _ => true,
        }
    })
}

/// Keeps some of `key:value;key:value`.
fn retain(value: &str, keep: impl Fn(&str, &str) -> bool) -> Option<Text> {
    let is_kept = |part: &&str| part.split_once(':').is_some_and(|(key, value)| keep(key, value));
    let kept = value.split(';').filter(is_kept).collect::<Vec<_>>().join(";");
    // What ended with a blank may be the last part now.
    let kept = kept.trim_end_matches(' ');
    (!kept.is_empty()).then(|| Text::copy(kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SamplingPriority;
    use proptest::prelude::*;

    fn text(probability: Probability) -> Text {
        OtMember::Computed(probability).text().unwrap()
    }

    /// `tests/vectors/otel-probability.json`.
    #[test]
    fn the_member_follows_from_trace_id_rate_and_decision() {
        let table = include_str!("../../tests/vectors/otel-probability.json");
        let table: serde_json::Value = serde_json::from_str(table).unwrap();
        let rows = table["rows"].as_array().unwrap();
        assert!(rows.len() > 150);
        for row in rows {
            let low = row["trace_id"].as_str().unwrap().parse().unwrap();
            let (rate, kept) = (row["rate"].as_f64().unwrap(), row["sampled"].as_bool().unwrap());
            let member =
                Probability::new(low, rate, kept).map(|found| format!("ot={}", text(found)));
            assert_eq!(member.as_deref(), row["ot"].as_str(), "{row}");
        }
    }

    #[test]
    fn only_a_decision_by_rate_has_a_probability() {
        let trace_id = TraceId::new(1).unwrap();
        let decision = |priority, mechanism, rate| SamplingDecision {
            rate,
            ..SamplingDecision::new(priority, SamplingMechanism::new(mechanism))
        };
        let (keep, reject) = (SamplingPriority::USER_KEEP, SamplingPriority::USER_REJECT);
        let by = |mechanisms: &'static [u8], has| {
            mechanisms.iter().map(move |by| (decision(keep, *by, Some(0.1)), has))
        };
        let others = [
            (decision(keep, 3, None), false),
            (decision(reject, 3, Some(0.0)), false),
            (decision(reject, 3, Some(0.01)), true),
            // The limiter dropped what the rate kept.
            (decision(reject, 3, Some(0.1)), false),
            (SamplingDecision::inherited(keep, Some(SamplingMechanism::RULE)), false),
        ];
        let all = by(&[1, 2, 3, 6, 7, 11, 12], true).chain(by(&[0, 4, 5, 8, 9, 10, 13], false));
        for (decision, has) in all.chain(others) {
            assert_eq!(Probability::of(trace_id, &decision).is_some(), has, "{decision:?}");
        }
    }

    #[test]
    fn malformed_parts_are_dropped_and_unknown_ones_kept() {
        let good = "rv:ef284ace7a91e1;th:e6666666666668";
        for (value, expected) in [
            (good, Some(good)),
            ("rv:ef284ace7a91e1;th:", Some("rv:ef284ace7a91e1")),
            ("rv:ef284ace7a91e;th:8", Some("th:8")),
            ("rv:xf284ace7a91e1", None),
            ("th:012345678901234", None),
            ("p:8;th:0;q", Some("p:8;th:0")),
            ("", None),
            (";", None),
        ] {
            assert_eq!(inbound(value).as_deref(), expected, "{value}");
        }
        let by_hand = |text: &'static str| OtMember::ByHand(&text.into()).text();
        assert_eq!(by_hand(good).as_deref(), Some("rv:ef284ace7a91e1"));
        assert_eq!(by_hand("th:8"), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back_unchanged(low: u64, rate in 0.0f64..=1.0, kept: bool) {
            if let Some(probability) = Probability::new(low, rate, kept) {
                let value = text(probability);
                prop_assert_eq!(inbound(&value), Some(value));
                prop_assert_eq!(probability.randomness >= probability.threshold, kept || probability.threshold == 0);
            }
        }
    }
}
