//! The values of a sampling decision. The engine that decides is `crate::sampling`.

use std::fmt;

/// What is to happen with a trace: the metric `_sampling_priority_v1` of every chunk.
///
/// Other integers than the four named ones may come in from other tracers; they are carried unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SamplingPriority(i32);

impl SamplingPriority {
    /// Dropped by a rule of the user, the rate limit, or by hand: -1.
    pub const USER_REJECT: SamplingPriority = SamplingPriority(-1);
    /// Dropped by the agent's rates: 0.
    pub const AUTO_REJECT: SamplingPriority = SamplingPriority(0);
    /// Kept by the agent's rates or by default: 1.
    pub const AUTO_KEEP: SamplingPriority = SamplingPriority(1);
    /// Kept by a rule of the user or by hand: 2.
    pub const USER_KEEP: SamplingPriority = SamplingPriority(2);

    /// A priority as it came over the wire.
    #[must_use]
    pub const fn new(value: i32) -> Self {
        SamplingPriority(value)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// Whether the trace is kept: any priority above zero.
    #[must_use]
    pub const fn is_keep(self) -> bool {
        self.0 > 0
    }
}

impl fmt::Display for SamplingPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Who took a sampling decision: the tag `_dd.p.dm`, written `-<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SamplingMechanism(u8);

impl SamplingMechanism {
    /// Neither rules nor agent rates: `-0`.
    pub const DEFAULT: SamplingMechanism = SamplingMechanism(0);
    /// A rate the agent gave: `-1`.
    pub const AGENT_RATE: SamplingMechanism = SamplingMechanism(1);
    /// A rule or the global rate of this process: `-3`.
    pub const RULE: SamplingMechanism = SamplingMechanism(3);
    /// By hand, through the API or a tag: `-4`.
    pub const MANUAL: SamplingMechanism = SamplingMechanism(4);
    /// A security product: `-5`.
    pub const APPSEC: SamplingMechanism = SamplingMechanism(5);
    /// A single span rule: 8; never the decision for a trace.
    pub const SPAN_RULE: SamplingMechanism = SamplingMechanism(8);
    /// A rule that a user set through remote configuration: `-11`.
    pub const REMOTE_USER_RULE: SamplingMechanism = SamplingMechanism(11);
    /// A rule that Datadog adapts through remote configuration: `-12`.
    pub const REMOTE_DYNAMIC_RULE: SamplingMechanism = SamplingMechanism(12);

    /// A mechanism by its number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        SamplingMechanism(number)
    }

    /// The number, without the dash of the tag.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Reads the tag's value: a dash and a number from 0 to 255.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let is_number = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
        tag.strip_prefix('-').filter(is_number)?.parse().ok().map(SamplingMechanism)
    }
}

/// The tag's value: `-4`.
impl fmt::Display for SamplingMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-{}", self.0)
    }
}

/// A sampling decision with what explains it: one per trace and process.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SamplingDecision {
    /// Keep or drop, and how firmly.
    pub priority: SamplingPriority,
    /// Who decided; `None` when the decision came in from upstream without saying.
    pub mechanism: Option<SamplingMechanism>,
    /// The rate that a rule (`_dd.rule_psr`) or the agent (`_dd.agent_psr`) applied, by the mechanism.
    pub rate: Option<f64>,
    /// The effective rate of the limiter, where it was asked: `_dd.limit_psr`.
    pub limit_rate: Option<f64>,
}

impl SamplingDecision {
    /// A decision without rates.
    #[must_use]
    pub const fn new(priority: SamplingPriority, mechanism: SamplingMechanism) -> Self {
        SamplingDecision { priority, mechanism: Some(mechanism), rate: None, limit_rate: None }
    }

    /// The decision of the user: priority 2 or -1, mechanism 4. It has no rates, because none explains it.
    #[must_use]
    pub const fn manual(keep: bool) -> Self {
        let priority =
            if keep { SamplingPriority::USER_KEEP } else { SamplingPriority::USER_REJECT };
        SamplingDecision::new(priority, SamplingMechanism::MANUAL)
    }

    /// The decision of a remote parent.
    pub(crate) const fn inherited(
        priority: SamplingPriority,
        mechanism: Option<SamplingMechanism>,
    ) -> Self {
        SamplingDecision { priority, mechanism, rate: None, limit_rate: None }
    }
}

/// Spreads an id evenly over 64 bits; ids with a small result are kept. Every Datadog tracer multiplies by this factor, so
/// that all services of a trace decide the same.
pub(crate) fn sampling_hash(id: u64) -> u64 {
    id.wrapping_mul(1_111_111_111_111_111_111)
}

/// Whether an id is among the share of all ids that `rate` keeps.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "2^64 - 1 is 2^64 as a float; the product with a rate below 1 fits, and is cut off"
)]
pub(crate) fn kept_by_hash(id: u64, rate: f64) -> bool {
    rate >= 1.0 || (rate > 0.0 && sampling_hash(id) <= (rate * u64::MAX as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mechanism_is_a_dash_and_a_small_number() {
        assert_eq!(SamplingMechanism::parse("-4"), Some(SamplingMechanism::MANUAL));
        assert_eq!(SamplingMechanism::MANUAL.to_string(), "-4");
        for bad in ["4", "-", "", "--4", "-256", "-+4", "-4 ", "-a"] {
            assert_eq!(SamplingMechanism::parse(bad), None, "{bad:?}");
        }
    }
}
