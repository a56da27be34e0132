//! The sampling decision of one trace, and a summary of it that costs no lock.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sampling::{Decision, Mechanism, Priority};
use crate::sync::{inherited, lock};

/// Taken late, so that tags set after the start count; then it stays, but for the user's own word.
#[derive(Debug, Default)]
pub(super) struct Decided {
    decision: Mutex<Option<Decision>>,
    /// Priority and mechanism of `decision`; zero where there is none. Written under its lock.
    summary: AtomicU64,
}

const IS_DECIDED: u64 = 1 << 63;
const HAS_MECHANISM: u64 = 1 << 40;
const MECHANISM_SHIFT: u32 = 32;

impl Decided {
    pub(super) fn new(decision: Option<Decision>) -> Self {
        let summary = decision.as_ref().map_or(0, summary).into();
        Decided { decision: Mutex::new(decision), summary }
    }

    /// The decision, if there is one.
    pub(super) fn get(&self) -> Option<Decision> {
        self.bits()?;
        *lock(&self.decision)
    }

    /// As [`Decided::get`], where another process took it: without waiting for a lock.
    pub(super) fn get_inherited(&self) -> Option<Decision> {
        inherited(&self.decision).flatten()
    }

    /// Its priority, without a lock.
    pub(super) fn priority(&self) -> Option<Priority> {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the priority")]
        let priority = |bits: u64| Priority::new(i32::from_ne_bytes((bits as u32).to_ne_bytes()));
        self.bits().map(priority)
    }

    /// Its mechanism, without a lock.
    pub(super) fn mechanism(&self) -> Option<Mechanism> {
        let bits = self.bits().filter(|bits| bits & HAS_MECHANISM != 0)?;
        #[expect(clippy::cast_possible_truncation, reason = "one byte is the mechanism")]
        Some(Mechanism::new((bits >> MECHANISM_SHIFT) as u8))
    }

    /// Makes `decision` the decision unless another thread was faster; the one that counts is returned.
    pub(super) fn settle(&self, decision: Decision) -> Decision {
        let mut decided = lock(&self.decision);
        let decision = *decided.get_or_insert(decision);
        self.summary.store(summary(&decision), Ordering::Release);
        decision
    }

    /// The user's own word, over any decision before it.
    pub(super) fn overrule(&self, decision: Decision) {
        let mut decided = lock(&self.decision);
        *decided = Some(decision);
        self.summary.store(summary(&decision), Ordering::Release);
    }

    fn bits(&self) -> Option<u64> {
        Some(self.summary.load(Ordering::Acquire)).filter(|bits| *bits != 0)
    }
}

fn summary(decision: &Decision) -> u64 {
    let mechanism = decision
        .mechanism
        .map_or(0, |mechanism| HAS_MECHANISM | (u64::from(mechanism.get()) << MECHANISM_SHIFT));
    IS_DECIDED | mechanism | u64::from(u32::from_ne_bytes(decision.priority.get().to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_the_decision_says() {
        let decided = Decided::default();
        assert_eq!((decided.get(), decided.priority(), decided.mechanism()), (None, None, None));
        for priority in [i32::MIN, -1, 0, 1, 2, i32::MAX].map(Priority::new) {
            for mechanism in [None, Some(Mechanism::DEFAULT), Some(Mechanism::new(255))] {
                let decision = Decision::inherited(priority, mechanism);
                decided.overrule(decision);
                assert_eq!(decided.get(), Some(decision));
                assert_eq!(decided.priority(), Some(priority));
                assert_eq!(decided.mechanism(), mechanism);
                assert_eq!(Decided::new(Some(decision)).priority(), Some(priority));
            }
        }
    }

    #[test]
    fn the_first_decision_stays_until_the_user_speaks() {
        let decided = Decided::default();
        let first = Decision::new(Priority::AUTO_KEEP, Mechanism::DEFAULT);
        assert_eq!(decided.settle(first), first);
        assert_eq!(decided.settle(Decision::manual(false)), first);
        assert_eq!(decided.priority(), Some(Priority::AUTO_KEEP));
        decided.overrule(Decision::manual(false));
        assert_eq!(decided.priority(), Some(Priority::USER_REJECT));
    }
}
