//! The sampling decision of one trace.

use std::num::NonZeroU64;

use crate::primitives::{AtomicU64, Mutex, Ordering, inherited, lock};
use crate::trace::values::{SamplingDecision, SamplingMechanism, SamplingPriority};

/// Tells sampling decisions apart: the same for two that have the same priority and mechanism. Rates do not count.
///
/// For bridges that keep what they have made of a decision; see
/// [`SpanRef::decision_mark`](crate::bridge::SpanExt::decision_mark).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionMark(NonZeroU64);

impl DecisionMark {
    /// That of every decision with this priority and mechanism.
    #[must_use]
    pub const fn of(priority: SamplingPriority, mechanism: Option<SamplingMechanism>) -> Self {
        let mechanism = match mechanism {
            Some(mechanism) => HAS_MECHANISM | ((mechanism.get() as u64) << MECHANISM_SHIFT),
            None => 0,
        };
        let priority = u32::from_ne_bytes(priority.get().to_ne_bytes()) as u64;
        match NonZeroU64::new(IS_DECIDED | mechanism | priority) {
            Some(bits) => DecisionMark(bits),
            // `IS_DECIDED` is not zero.
            None => DecisionMark(NonZeroU64::MIN),
        }
    }

    /// The priority of the decision.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the priority")]
    pub const fn priority(self) -> SamplingPriority {
        SamplingPriority::new(i32::from_ne_bytes((self.0.get() as u32).to_ne_bytes()))
    }
}

const IS_DECIDED: u64 = 1 << 63;
const HAS_MECHANISM: u64 = 1 << 40;
const MECHANISM_SHIFT: u32 = 32;

/// The decision of a trace: taken late, so that tags set after the start count. Then only the user's own word changes it.
#[derive(Debug, Default)]
pub(crate) struct TraceDecision {
    decision: Mutex<Option<SamplingDecision>>,
    /// Its [`DecisionMark`], to be read without the lock; zero where there is no decision. Written under the lock, and
    /// relaxed: nothing else is read by it.
    mark: AtomicU64,
}

impl TraceDecision {
    pub(super) fn new(decision: Option<SamplingDecision>) -> Self {
        let mark = decision.map_or(0, mark);
        TraceDecision { decision: Mutex::new(decision), mark: AtomicU64::new(mark) }
    }

    /// The decision, if there is one.
    #[inline]
    pub(super) fn get(&self) -> Option<SamplingDecision> {
        self.mark()?;
        *lock(&self.decision)
    }

    /// As [`TraceDecision::get`], where another process took it: without waiting for a lock.
    #[cold]
    pub(super) fn get_inherited(&self) -> Option<SamplingDecision> {
        inherited(&self.decision)?
    }

    /// Its priority, without a lock.
    pub(crate) fn priority(&self) -> Option<SamplingPriority> {
        self.mark().map(DecisionMark::priority)
    }

    /// What tells it from other ones, without a lock.
    #[inline]
    pub(crate) fn mark(&self) -> Option<DecisionMark> {
        NonZeroU64::new(self.mark.load(Ordering::Relaxed)).map(DecisionMark)
    }

    /// Makes `decision` the decision unless another thread was faster; the one that counts is returned.
    pub(crate) fn settle(&self, decision: SamplingDecision) -> SamplingDecision {
        *lock(&self.decision).get_or_insert_with(|| {
            self.mark.store(mark(decision), Ordering::Relaxed);
            decision
        })
    }

    /// The user's own word, over any decision before it.
    pub(crate) fn overrule(&self, decision: SamplingDecision) {
        let mut place = lock(&self.decision);
        *place = Some(decision);
        self.mark.store(mark(decision), Ordering::Relaxed);
    }
}

fn mark(decision: SamplingDecision) -> u64 {
    DecisionMark::of(decision.priority, decision.mechanism).0.get()
}

#[cfg(all(test, tracehound_model))]
mod models;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_says_what_the_decision_says() {
        let decided = TraceDecision::default();
        assert_eq!((decided.get(), decided.priority(), decided.mark()), (None, None, None));
        let mut marks = std::collections::HashSet::new();
        for priority in [i32::MIN, -1, 0, 1, 2, i32::MAX].map(SamplingPriority::new) {
            for mechanism in
                [None, Some(SamplingMechanism::DEFAULT), Some(SamplingMechanism::new(255))]
            {
                let decision = SamplingDecision::inherited(priority, mechanism);
                decided.overrule(decision);
                assert_eq!(decided.get(), Some(decision));
                assert_eq!(decided.priority(), Some(priority));
                let mark = DecisionMark::of(priority, mechanism);
                assert_eq!((decided.mark(), mark.priority()), (Some(mark), priority));
                assert!(marks.insert(mark));
                assert_eq!(TraceDecision::new(Some(decision)).priority(), Some(priority));
            }
        }
    }

    #[test]
    fn rates_leave_no_mark() {
        let with = |rate, limit_rate| {
            let decision =
                SamplingDecision::new(SamplingPriority::USER_KEEP, SamplingMechanism::RULE);
            SamplingDecision { rate, limit_rate, ..decision }
        };
        let plain = TraceDecision::new(Some(with(None, None))).mark();
        let decided = TraceDecision::default();
        let rates = [None, Some(0.0), Some(0.25), Some(1.0)];
        for decision in rates.iter().flat_map(|rate| rates.map(|limit| with(*rate, limit))) {
            assert_eq!(TraceDecision::new(Some(decision)).mark(), plain, "{decision:?}");
            decided.overrule(decision);
            assert_eq!(decided.mark(), plain, "{decision:?}");
            let other = TraceDecision::new(Some(SamplingDecision::manual(false)));
            other.overrule(decision);
            assert_eq!(other.mark(), plain, "over another one: {decision:?}");
        }
    }

    #[test]
    fn the_first_decision_stays_but_for_the_users_word_and_rates_come_along() {
        let first = SamplingDecision {
            rate: Some(0.25),
            limit_rate: Some(0.5),
            ..SamplingDecision::new(SamplingPriority::USER_KEEP, SamplingMechanism::RULE)
        };
        let by_hand = SamplingDecision::manual(true);
        let other = SamplingDecision { rate: Some(0.75), limit_rate: None, ..first };
        let decided = TraceDecision::default();
        assert_eq!(decided.settle(first), first);
        assert_eq!(decided.settle(by_hand), first, "the first one stays");
        assert_eq!(decided.priority(), Some(first.priority));
        for decision in [by_hand, other, first, by_hand] {
            decided.overrule(decision);
            assert_eq!(decided.get(), Some(decision));
            assert_eq!(decided.priority(), Some(decision.priority));
            assert_eq!(decided.get_inherited(), Some(decision));
            assert_eq!(decided.settle(other), decision);
        }
        for decision in [first, other, by_hand] {
            assert_eq!(TraceDecision::new(Some(decision)).get(), Some(decision));
        }
    }
}
