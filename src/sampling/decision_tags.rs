//! The tags that tell the backend how a decision came about (sampling §7, §11).

use super::rate::Rate;
use super::single_spans::SpanSamplingRule;
use super::stack_text::StackText;
use crate::trace::{SamplingDecision, SamplingMechanism};

/// A tag to be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tag<'a> {
    /// For `meta`.
    Text(&'static str, &'a str),
    /// For `metrics`.
    Number(&'static str, f64),
}

impl Tag<'_> {
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Tag::Text(key, _) | Tag::Number(key, _) => key,
        }
    }
}

pub(crate) const PRIORITY: &str = "_sampling_priority_v1";
pub(crate) const DECISION_MAKER: &str = "_dd.p.dm";
pub(crate) const RULE_RATE: &str = "_dd.rule_psr";
pub(crate) const AGENT_RATE: &str = "_dd.agent_psr";
pub(crate) const LIMIT_RATE: &str = "_dd.limit_psr";
pub(crate) const HASH_RATE: &str = "_dd.p.ksr";
pub(crate) const SPAN_MECHANISM: &str = "_dd.span_sampling.mechanism";
pub(crate) const SPAN_RULE_RATE: &str = "_dd.span_sampling.rule_rate";
pub(crate) const SPAN_MAX_PER_SECOND: &str = "_dd.span_sampling.max_per_second";

/// The mechanisms there are, as [`SamplingMechanism`] displays them: every chunk has one.
const COMMON_MECHANISMS: [&str; 14] =
    ["-0", "-1", "-2", "-3", "-4", "-5", "-6", "-7", "-8", "-9", "-10", "-11", "-12", "-13"];

/// Writes the tags that every chunk has, on its first span: the priority, and who decided.
///
/// A decision from upstream names who took it only if upstream did.
pub(crate) fn chunk_tags(decision: &SamplingDecision, mut write: impl FnMut(Tag<'_>)) {
    write(Tag::Number(PRIORITY, f64::from(decision.priority.get())));
    if let Some(mechanism) = decision.mechanism {
        match COMMON_MECHANISMS.get(usize::from(mechanism.get())) {
            Some(text) => write(Tag::Text(DECISION_MAKER, text)),
            None => write(Tag::Text(DECISION_MAKER, &mechanism.to_string())),
        }
    }
}

/// Writes the tags that explain a decision, on the local root: its rates.
///
/// A decision from upstream or by hand has no rates, and so no such tags. `has_hash_rate` says that upstream
/// sent a `_dd.p.ksr`, which is passed on as it came instead of one of ours.
pub(crate) fn root_tags(
    decision: &SamplingDecision,
    has_hash_rate: bool,
    mut write: impl FnMut(Tag<'_>),
) {
    // The fields are the user's where the sampler is: only rates are written.
    let valid = |rate: Option<f64>| Rate::new(rate?).ok();
    if let (Some((key, by_hash)), Some(rate)) = (rate_tag(decision.mechanism), valid(decision.rate))
    {
        write(Tag::Number(key, rate.get()));
        if by_hash && !has_hash_rate {
            write(Tag::Text(HASH_RATE, rate_text(rate).as_str()));
        }
    }
    if let Some(rate) = valid(decision.limit_rate) {
        write(Tag::Number(LIMIT_RATE, rate.get()));
    }
}

/// A remote user rate, as older tracers had it.
const REMOTE_USER_RATE: SamplingMechanism = SamplingMechanism::new(6);

/// The tag that says the rate of a decision, and whether that was taken by the hash of the id.
fn rate_tag(mechanism: Option<SamplingMechanism>) -> Option<(&'static str, bool)> {
    match mechanism? {
        SamplingMechanism::AGENT_RATE => Some((AGENT_RATE, true)),
        SamplingMechanism::RULE
        | SamplingMechanism::REMOTE_USER_RULE
        | SamplingMechanism::REMOTE_DYNAMIC_RULE => Some((RULE_RATE, true)),
        REMOTE_USER_RATE => Some((RULE_RATE, false)),
        _ => None,
    }
}

/// The longest: `0.333333`.
type RateText = StackText<8>;

/// The text of `_dd.p.ksr`, the rate of a decision by the hash of the id: in decimal, with at most six digits after the
/// point, rounded half up, and no zeros at the end (sampling §7).
fn rate_text(rate: Rate) -> RateText {
    // At most a million, so the cast is exact; the same steps as in the reference, so ties agree with it.
    let millionths = (rate.get() * 1e6 + 0.5).floor() as u32;
    let (whole, fraction) = (millionths / 1_000_000, millionths % 1_000_000);
    match fraction {
        0 => StackText::of(format_args!("{whole}")),
        _ => StackText::<8>::of(format_args!("{whole}.{fraction:06}")).trim_end('0'),
    }
}

/// Writes the tags of a single span that is kept though its trace is dropped.
pub(crate) fn span_tags(rule: &SpanSamplingRule, mut write: impl FnMut(Tag<'_>)) {
    write(Tag::Number(SPAN_MECHANISM, f64::from(SamplingMechanism::SPAN_RULE.get())));
    write(Tag::Number(SPAN_RULE_RATE, rule.rate.get()));
    if let Some(limit) = rule.max_per_second {
        write(Tag::Number(SPAN_MAX_PER_SECOND, limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::SamplingPriority;
    use proptest::prelude::*;
    use serde_json::Value;

    fn written(tags: impl FnOnce(&mut dyn FnMut(Tag<'_>))) -> Vec<String> {
        let mut all = Vec::new();
        tags(&mut |tag| {
            all.push(match tag {
                Tag::Text(key, text) => format!("{key}={text:?}"),
                Tag::Number(key, number) => format!("{key}={number}"),
            });
        });
        all
    }

    fn decision(mechanism: u8, rate: Option<f64>, limit_rate: Option<f64>) -> SamplingDecision {
        let decision =
            SamplingDecision::new(SamplingPriority::USER_KEEP, SamplingMechanism::new(mechanism));
        SamplingDecision { rate, limit_rate, ..decision }
    }

    #[test]
    fn every_chunk_says_what_was_decided_and_by_whom() {
        let chunk = |decision: SamplingDecision| written(|write| chunk_tags(&decision, write));
        let by_hand = ["_sampling_priority_v1=-1", "_dd.p.dm=\"-4\""];
        assert_eq!(chunk(SamplingDecision::manual(false)), by_hand);
        let inherited = SamplingDecision::inherited(SamplingPriority::new(7), None);
        assert_eq!(chunk(inherited), ["_sampling_priority_v1=7"]);
        for mechanism in 0..=255 {
            let expected = format!("_dd.p.dm=\"{}\"", SamplingMechanism::new(mechanism));
            assert_eq!(chunk(decision(mechanism, None, None))[1], expected);
        }
    }

    #[test]
    fn each_mechanism_is_explained_in_its_own_way() {
        let (half, rule, limit) = (Some(0.5), "_dd.rule_psr=0.5", "_dd.limit_psr=0.25");
        let ksr = "_dd.p.ksr=\"0.5\"";
        let inherited =
            SamplingDecision::inherited(SamplingPriority::USER_KEEP, Some(SamplingMechanism::RULE));
        for (decision, has_hash_rate, expected) in [
            (decision(3, half, Some(0.25)), false, &[rule, ksr, limit][..]),
            (decision(11, half, Some(0.25)), false, &[rule, ksr, limit]),
            (decision(12, half, Some(0.25)), false, &[rule, ksr, limit]),
            (decision(1, half, None), false, &["_dd.agent_psr=0.5", ksr]),
            (decision(6, half, None), false, &[rule]),
            (decision(5, None, Some(1.0)), false, &["_dd.limit_psr=1"]),
            (decision(0, half, None), false, &[]),
            (decision(4, half, None), false, &[]),
            (decision(5, half, None), false, &[]),
            (decision(8, half, None), false, &[]),
            (SamplingDecision::manual(true), false, &[]),
            (inherited, false, &[]),
            // What came in is not overwritten.
            (decision(3, half, None), true, &[rule]),
            // What is no rate is not written.
            (decision(3, Some(f64::NAN), Some(f64::INFINITY)), false, &[]),
            (decision(3, Some(2.0), None), false, &[]),
        ] {
            let tags = written(|write| root_tags(&decision, has_hash_rate, write));
            assert_eq!(tags, expected, "{decision:?}");
        }
    }

    #[test]
    fn a_single_span_says_which_limit_it_had() {
        let rule = SpanSamplingRule::new(0.5).unwrap();
        let mut expected = vec!["_dd.span_sampling.mechanism=8", "_dd.span_sampling.rule_rate=0.5"];
        assert_eq!(written(|write| span_tags(&rule, write)), expected);
        expected.push("_dd.span_sampling.max_per_second=5");
        assert_eq!(written(|write| span_tags(&rule.max_per_second(5.0), write)), expected);
    }

    #[test]
    fn rates_are_written_as_by_every_tracer() {
        let text = include_str!("../../tests/vectors/ksr-format.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let rows = vectors["rows"].as_array().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let rate = Rate::new(row["rate"].as_f64().unwrap()).unwrap();
            assert_eq!(rate_text(rate).as_str(), row["ksr"].as_str().unwrap());
        }
    }

    proptest! {
        #[test]
        fn the_text_is_the_rate_to_six_digits(rate in 0.0..=1.0) {
            let text = rate_text(Rate::new(rate).unwrap());
            let read: f64 = text.as_str().parse().unwrap();
            prop_assert!((read - rate).abs() <= 0.500_001e-6);
            prop_assert!(!text.as_str().contains('e'));
            prop_assert!(!text.as_str().contains('.') || !text.as_str().ends_with(['0', '.']));
        }
    }
}
