//! How fast the processor's counter counts.

/// One moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) count: u64,
    /// By the system's clock.
    pub(super) ns: i64,
}

/// Nanoseconds per count, times 2^32. For counters of 1 to 8 GHz it is exact to one part in 2^30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(pub(super) u64);

impl Rate {
    /// No rate.
    pub(super) const NONE: Rate = Rate(0);

    /// The rate between two moments. [`Rate::NONE`] for a counter that stood still, or counts less than ten million
    /// times a second, which is too coarse for spans.
    pub(super) fn between(first: Moment, second: Moment) -> Self {
        let counts = u128::from(second.count.saturating_sub(first.count));
        let ns = u128::try_from(second.ns.saturating_sub(first.ns)).unwrap_or(0);
        let rate = (ns << 32).checked_div(counts).unwrap_or(0);
        match u64::try_from(rate) {
            Ok(rate) if rate < 100 << 32 => Rate(rate),
            _ => Rate::NONE,
        }
    }

    pub(super) const fn is_some(self) -> bool {
        self.0 != 0
    }

    /// Nanoseconds that so many counts take.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "three hundred years fit")]
    pub(super) const fn ns(self, counts: u64) -> i64 {
        ((counts as u128).wrapping_mul(self.0 as u128) >> 32) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_measured_is_told(
            hertz in 20_000_000u64..8_000_000_000,
            seconds in 1u64..1_000_000,
            start in 0u64..1 << 60,
        ) {
            let moment = |second: u64| Moment {
                count: start + hertz * second,
                ns: i64::try_from(second * 1_000_000_000).unwrap(),
            };
            let rate = Rate::between(moment(0), moment(1));
            let told = rate.ns(hertz * seconds);
            let true_ns = moment(seconds).ns;
            // A part in a hundred million.
            prop_assert!((told - true_ns).abs() <= true_ns / 100_000_000 + 1, "{told} {true_ns}");
        }

        #[test]
        fn later_is_never_earlier(bits in 1u64..100 << 32, count in any::<u32>(), more in any::<u32>()) {
            let rate = Rate(bits);
            prop_assert!(rate.ns(u64::from(count) + u64::from(more)) >= rate.ns(count.into()));
        }
    }

    #[test]
    fn what_is_no_clock_has_no_rate() {
        let moment = |count, ns| Moment { count, ns };
        assert_eq!(Rate::between(moment(5, 0), moment(5, 1_000)), Rate::NONE);
        assert_eq!(Rate::between(moment(5, 0), moment(4, 1_000)), Rate::NONE);
        assert_eq!(Rate::between(moment(0, 1_000), moment(5, 0)), Rate::NONE);
        assert_eq!(Rate::between(moment(0, 0), moment(9, 1_000)), Rate::NONE);
        assert!(Rate::between(moment(0, 0), moment(3_000, 1_000)).is_some());
    }
}
