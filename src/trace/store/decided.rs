//! The sampling decision of one trace, which costs no lock to read.

use std::num::NonZeroU64;

use crate::primitives::{AtomicU64, Mutex, Ordering, fence, inherited, lock};
use crate::trace::values::{Decision, Mechanism, Priority};

/// Tells sampling decisions apart: the same for two that have the same priority and mechanism. Rates do not count.
///
/// For bridges that keep what they have made of a decision; see
/// [`SpanRef::decision_mark`](crate::bridge::SpanExt::decision_mark).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecisionMark(NonZeroU64);

impl DecisionMark {
    /// That of every decision with this priority and mechanism.
    #[must_use]
    pub const fn of(priority: Priority, mechanism: Option<Mechanism>) -> Self {
        match NonZeroU64::new(summary(priority, mechanism)) {
            Some(bits) => DecisionMark(bits),
            // It has a bit that says that there is a decision.
            None => DecisionMark(NonZeroU64::MIN),
        }
    }

    /// The priority of the decision.
    #[inline]
    #[must_use]
    pub const fn priority(self) -> Priority {
        priority(self.0.get())
    }
}

/// Taken late, so that tags set after the start count; then it stays, but for the user's own word.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// Held by whoever changes the rest.
    change: Mutex<()>,
    /// Priority and mechanism, and which rates there are; zero where there is no decision.
    summary: AtomicU64,
    rate: AtomicU64,
    limit_rate: AtomicU64,
}

const IS_DECIDED: u64 = 1 << 63;
/// The rates are not those of the first decision, and may be changing: they are read under the lock.
const ASK_LOCK: u64 = 1 << 62;
const HAS_RATE: u64 = 1 << 61;
const HAS_LIMIT_RATE: u64 = 1 << 60;
const HAS_MECHANISM: u64 = 1 << 40;
const MECHANISM_SHIFT: u32 = 32;

impl Decided {
    pub(crate) fn new(decision: Option<Decision>) -> Self {
        let decided = Decided::default();
        if let Some(decision) = decision {
            decided.put(decision);
        }
        decided
    }

    /// The decision, if there is one. Without a lock, unless the user's own word has brought rates.
    #[inline]
    pub(crate) fn get(&self) -> Option<Decision> {
        let bits = self.bits()?;
        let decision = self.read(bits);
        if bits & (HAS_RATE | HAS_LIMIT_RATE) != 0 {
            // Whoever changes rates changes the summary before.
            fence(Ordering::Acquire);
            if bits & ASK_LOCK != 0 || self.summary.load(Ordering::Relaxed) != bits {
                return self.get_locked();
            }
        }
        Some(decision)
    }

    #[cold]
    fn get_locked(&self) -> Option<Decision> {
        let _lock = lock(&self.change);
        self.bits().map(|bits| self.read(bits))
    }

    /// As [`Decided::get`], where another process took it: without waiting for a lock.
    #[cold]
    pub(super) fn get_inherited(&self) -> Option<Decision> {
        inherited(&self.change)?;
        self.bits().map(|bits| self.read(bits))
    }

    /// Its priority, without a lock.
    pub(crate) fn priority(&self) -> Option<Priority> {
        self.bits().map(priority)
    }

    /// What tells it from other ones, without a lock.
    #[inline]
    pub(crate) fn mark(&self) -> Option<DecisionMark> {
        let bits = self.summary.load(Ordering::Acquire);
        NonZeroU64::new(bits & !(ASK_LOCK | HAS_RATE | HAS_LIMIT_RATE)).map(DecisionMark)
    }

    /// Makes `decision` the decision unless another thread was faster; the one that counts is returned.
    pub(crate) fn settle(&self, decision: Decision) -> Decision {
        let _lock = lock(&self.change);
        if let Some(bits) = self.bits() {
            return self.read(bits);
        }
        self.put(decision);
        decision
    }

    /// The user's own word, over any decision before it.
    pub(crate) fn overrule(&self, decision: Decision) {
        let _lock = lock(&self.change);
        self.put(decision);
    }

    /// To be called under the lock, if anybody else can see this.
    fn put(&self, decision: Decision) {
        let mut bits = summary(decision.priority, decision.mechanism);
        let rates = [
            (decision.rate, &self.rate, HAS_RATE),
            (decision.limit_rate, &self.limit_rate, HAS_LIMIT_RATE),
        ];
        for (rate, _, has) in rates {
            bits |= if rate.is_some() { has } else { 0 };
        }
        if bits & (HAS_RATE | HAS_LIMIT_RATE) != 0 && self.bits().is_some() {
            bits |= ASK_LOCK;
            self.summary.store(bits, Ordering::Relaxed);
            fence(Ordering::Release);
        }
        for (rate, into, _) in rates {
            if let Some(rate) = rate {
                into.store(rate.to_bits(), Ordering::Relaxed);
            }
        }
        self.summary.store(bits, Ordering::Release);
    }

    #[inline]
    fn read(&self, bits: u64) -> Decision {
        let rate = |has, rate: &AtomicU64| {
            (bits & has != 0).then(|| f64::from_bits(rate.load(Ordering::Relaxed)))
        };
        Decision {
            priority: priority(bits),
            mechanism: mechanism(bits),
            rate: rate(HAS_RATE, &self.rate),
            limit_rate: rate(HAS_LIMIT_RATE, &self.limit_rate),
        }
    }

    #[inline]
    fn bits(&self) -> Option<u64> {
        Some(self.summary.load(Ordering::Acquire)).filter(|bits| *bits != 0)
    }
}

const fn summary(priority: Priority, mechanism: Option<Mechanism>) -> u64 {
    let mechanism = match mechanism {
        Some(mechanism) => HAS_MECHANISM | ((mechanism.get() as u64) << MECHANISM_SHIFT),
        None => 0,
    };
    IS_DECIDED | mechanism | u32::from_ne_bytes(priority.get().to_ne_bytes()) as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is the priority")]
const fn priority(summary: u64) -> Priority {
    Priority::new(i32::from_ne_bytes((summary as u32).to_ne_bytes()))
}

#[expect(clippy::cast_possible_truncation, reason = "one byte is the mechanism")]
fn mechanism(summary: u64) -> Option<Mechanism> {
    let number = (summary >> MECHANISM_SHIFT) as u8;
    (summary & HAS_MECHANISM != 0).then(|| Mechanism::new(number))
}

#[cfg(all(test, tracehound_model))]
mod models;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_the_decision_says() {
        let decided = Decided::default();
        assert_eq!((decided.get(), decided.priority(), decided.mark()), (None, None, None));
        let mut marks = std::collections::HashSet::new();
        for priority in [i32::MIN, -1, 0, 1, 2, i32::MAX].map(Priority::new) {
            for mechanism in [None, Some(Mechanism::DEFAULT), Some(Mechanism::new(255))] {
                let decision = Decision::inherited(priority, mechanism);
                decided.overrule(decision);
                assert_eq!(decided.get(), Some(decision));
                assert_eq!(decided.priority(), Some(priority));
                let mark = DecisionMark::of(priority, mechanism);
                assert_eq!((decided.mark(), mark.priority()), (Some(mark), priority));
                assert!(marks.insert(mark));
                assert_eq!(Decided::new(Some(decision)).priority(), Some(priority));
            }
        }
    }

    #[test]
    fn rates_leave_no_mark() {
        let with = |rate, limit_rate| {
            let decision = Decision::new(Priority::USER_KEEP, Mechanism::RULE);
            Decision { rate, limit_rate, ..decision }
        };
        let plain = Decided::new(Some(with(None, None))).mark();
        let decided = Decided::default();
        let rates = [None, Some(0.0), Some(0.25), Some(1.0)];
        for decision in rates.iter().flat_map(|rate| rates.map(|limit| with(*rate, limit))) {
            assert_eq!(Decided::new(Some(decision)).mark(), plain, "{decision:?}");
            decided.overrule(decision);
            assert_eq!(decided.mark(), plain, "{decision:?}");
            let other = Decided::new(Some(Decision::manual(false)));
            other.overrule(decision);
            assert_eq!(other.mark(), plain, "over another one: {decision:?}");
        }
    }

    #[test]
    fn rates_come_along_whoever_has_brought_them() {
        let first = Decision {
            rate: Some(0.25),
            limit_rate: Some(0.5),
            ..Decision::new(Priority::USER_KEEP, Mechanism::RULE)
        };
        let by_hand = Decision::manual(true);
        let other = Decision { rate: Some(0.75), limit_rate: None, ..first };
        let decided = Decided::default();
        assert_eq!(decided.settle(first), first);
        for decision in [by_hand, other, first, by_hand] {
            decided.overrule(decision);
            assert_eq!(decided.get(), Some(decision));
            assert_eq!(decided.get_inherited(), Some(decision));
            assert_eq!(decided.settle(other), decision);
        }
        for decision in [first, other, by_hand] {
            assert_eq!(Decided::new(Some(decision)).get(), Some(decision));
        }
    }

    #[test]
    fn nobody_sees_a_part_of_a_decision() {
        let with = |rate: f64| Decision {
            rate: Some(rate),
            limit_rate: Some(rate),
            ..Decision::new(Priority::new(rate as i32), Mechanism::RULE)
        };
        let decided = Decided::new(Some(with(1.0)));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..10_000 {
                    let by_hand = n % 3 == 0;
                    decided.overrule(if by_hand { Decision::manual(true) } else { with(n.into()) });
                }
            });
            for _ in 0..10_000 {
                let decision = decided.get().unwrap();
                let whole = [with(decision.priority.get().into()), Decision::manual(true)];
                assert!(whole.contains(&decision), "{decision:?}");
            }
        });
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
