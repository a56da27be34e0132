//! The tags that tell the backend how a decision came about (sampling §7, §11).

use super::ksr::rate_text;
use super::rate::Rate;
use super::short::Short;
use super::spans::SpanDecision;
use crate::trace::{Decision, Mechanism};

/// A tag to be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tag<'a> {
    /// For `meta`.
    Text(&'static str, &'a str),
    /// For `metrics`.
    Number(&'static str, f64),
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

/// The mechanisms there are, as [`Mechanism`] displays them: every chunk has one.
const COMMON_MECHANISMS: [&str; 14] =
    ["-0", "-1", "-2", "-3", "-4", "-5", "-6", "-7", "-8", "-9", "-10", "-11", "-12", "-13"];

/// A decision as far as it is new with every chunk: for the first span of each.
///
/// One from upstream names who took it only if upstream did.
pub(crate) fn chunk_tags(decision: &Decision, mut write: impl FnMut(Tag<'_>)) {
    write(Tag::Number(PRIORITY, f64::from(decision.priority.get())));
    if let Some(mechanism) = decision.mechanism {
        match COMMON_MECHANISMS.get(usize::from(mechanism.get())) {
            Some(text) => write(Tag::Text(DECISION_MAKER, text)),
            None => {
                let text = Short::<4>::of(format_args!("{mechanism}"));
                write(Tag::Text(DECISION_MAKER, text.as_str()));
            }
        }
    }
}

/// What explains a decision: for the local root.
///
/// One from upstream, or by hand, has no rates and so is not explained. `has_hash_rate` says that upstream
/// sent a `_dd.p.ksr`, which is passed on as it came instead of one of ours.
pub(crate) fn root_tags(decision: &Decision, has_hash_rate: bool, mut write: impl FnMut(Tag<'_>)) {
    // The fields are the user's where the sampler is: only rates are written.
    let valid = |rate: Option<f64>| Rate::new(rate?).ok();
    if let (Some(explanation), Some(rate)) = (explain(decision.mechanism), valid(decision.rate)) {
        write(Tag::Number(explanation.key, rate.get()));
        if explanation.by_hash && !has_hash_rate {
            write(Tag::Text(HASH_RATE, rate_text(rate).as_str()));
        }
    }
    if let Some(rate) = valid(decision.limit_rate) {
        write(Tag::Number(LIMIT_RATE, rate.get()));
    }
}

/// Where the rate of a decision goes.
struct Explanation {
    key: &'static str,
    by_hash: bool,
}

/// A remote user rate, as older tracers had it.
const REMOTE_USER_RATE: Mechanism = Mechanism::new(6);

fn explain(mechanism: Option<Mechanism>) -> Option<Explanation> {
    let (key, by_hash) = match mechanism? {
        Mechanism::AGENT_RATE => (AGENT_RATE, true),
        Mechanism::RULE | Mechanism::REMOTE_USER_RULE | Mechanism::REMOTE_DYNAMIC_RULE => {
            (RULE_RATE, true)
        }
        REMOTE_USER_RATE => (RULE_RATE, false),
        _ => return None,
    };
    Some(Explanation { key, by_hash })
}

/// What marks a span that is kept though its trace is dropped.
pub(crate) fn span_tags(decision: &SpanDecision, mut write: impl FnMut(Tag<'_>)) {
    write(Tag::Number(SPAN_MECHANISM, f64::from(Mechanism::SPAN_RULE.get())));
    write(Tag::Number(SPAN_RULE_RATE, decision.rule_rate));
    if let Some(limit) = decision.max_per_second {
        write(Tag::Number(SPAN_MAX_PER_SECOND, limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Priority;

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

    fn root(decision: Decision) -> Vec<String> {
        written(|write| root_tags(&decision, false, write))
    }

    fn decision(mechanism: u8, rate: Option<f64>, limit_rate: Option<f64>) -> Decision {
        let decision = Decision::new(Priority::USER_KEEP, Mechanism::new(mechanism));
        Decision { rate, limit_rate, ..decision }
    }

    #[test]
    fn every_chunk_says_what_was_decided_and_by_whom() {
        let chunk = |decision: Decision| written(|write| chunk_tags(&decision, write));
        assert_eq!(chunk(Decision::manual(false)), ["_sampling_priority_v1=-1", "_dd.p.dm=\"-4\""]);
        for mechanism in 0..=255 {
            let text = Mechanism::new(mechanism).to_string();
            let expected = format!("_dd.p.dm=\"{text}\"");
            assert_eq!(chunk(decision(mechanism, None, None))[1], expected);
        }
        assert_eq!(chunk(Decision::inherited(Priority::new(7), None)), ["_sampling_priority_v1=7"]);
    }

    #[test]
    fn each_mechanism_is_explained_in_its_own_way() {
        let rule = ["_dd.rule_psr=0.5", "_dd.p.ksr=\"0.5\"", "_dd.limit_psr=0.25"];
        for mechanism in [3, 11, 12] {
            assert_eq!(root(decision(mechanism, Some(0.5), Some(0.25))), rule);
        }
        assert_eq!(root(decision(1, Some(0.5), None)), ["_dd.agent_psr=0.5", "_dd.p.ksr=\"0.5\""]);
        assert_eq!(root(decision(6, Some(0.5), None)), ["_dd.rule_psr=0.5"]);
        assert_eq!(root(decision(5, None, Some(1.0))), ["_dd.limit_psr=1"]);
        for mechanism in [0, 4, 5, 8] {
            assert!(root(decision(mechanism, Some(0.5), None)).is_empty());
        }
        assert!(root(Decision::manual(true)).is_empty());
        let inherited = Decision::inherited(Priority::USER_KEEP, Some(Mechanism::RULE));
        assert!(root(inherited).is_empty());
    }

    #[test]
    fn the_rate_that_came_in_is_not_overwritten() {
        let decision = decision(3, Some(0.5), None);
        assert_eq!(written(|write| root_tags(&decision, true, write)), ["_dd.rule_psr=0.5"]);
    }

    #[test]
    fn what_is_no_rate_is_not_written() {
        assert!(root(decision(3, Some(f64::NAN), Some(f64::INFINITY))).is_empty());
        assert!(root(decision(3, Some(2.0), None)).is_empty());
    }

    #[test]
    fn a_single_span_says_which_limit_it_had() {
        let tags = |max_per_second| {
            let decision = SpanDecision { rule_rate: 0.5, max_per_second };
            written(|write| span_tags(&decision, write))
        };
        let unlimited = ["_dd.span_sampling.mechanism=8", "_dd.span_sampling.rule_rate=0.5"];
        assert_eq!(tags(None), unlimited);
        assert_eq!(tags(Some(5.0)).last().unwrap(), "_dd.span_sampling.max_per_second=5");
    }
}
