//! A share of something, and which ids are in it (sampling §2).

use std::fmt;

use crate::trace::kept_by_hash;

/// A number from 0, which is nothing, to 1, which is all. Never NaN.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Rate(f64);

impl Rate {
    pub(crate) const NONE: Rate = Rate(0.0);

    pub(crate) fn new(rate: f64) -> Result<Self, InvalidRate> {
        if (0.0..=1.0).contains(&rate) {
            // The sum turns -0.0, which is in the range, into 0.0.
            Ok(Rate(rate + 0.0))
        } else {
            Err(InvalidRate(rate))
        }
    }

    pub(crate) const fn get(self) -> f64 {
        self.0
    }

    /// Whether an id is in the share that is kept: the low half of the trace id for a trace, the span id for a
    /// single span. Every Datadog tracer answers alike for the same id and rate.
    pub(crate) fn keeps(self, id: u64) -> bool {
        kept_by_hash(id, self.0)
    }
}

/// A sampling rate that is not a number between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvalidRate(f64);

impl fmt::Display for InvalidRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not between 0 and 1", self.0)
    }
}

impl std::error::Error for InvalidRate {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sampling_hash;
    use proptest::prelude::*;
    use serde_json::Value;

    const BELOW_1: f64 = 1.0 - f64::EPSILON / 2.0;

    #[test]
    fn a_rate_lies_between_0_and_1() {
        for good in [0.0, -0.0, 1.0, 0.5, f64::MIN_POSITIVE, BELOW_1] {
            let rate = Rate::new(good).unwrap();
            assert_eq!(rate.get(), good);
            assert!(rate.get().is_sign_positive());
        }
        for bad in [-0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Rate::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Rate::new(1.5).unwrap_err().to_string(), "1.5 is not between 0 and 1");
    }

    #[test]
    fn ids_are_kept_as_by_every_tracer() {
        let text = include_str!("../../tests/vectors/knuth-sampling.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let rows = vectors["rows"].as_array().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let id: u128 = row["id"].as_str().unwrap().parse().unwrap();
            let id = id as u64;
            assert_eq!(sampling_hash(id).to_string(), row["hash"].as_str().unwrap());
            for (rate, kept) in row["keep_by_rate"].as_object().unwrap() {
                let rate = Rate::new(rate.parse().unwrap()).unwrap();
                assert_eq!(rate.keeps(id), kept.as_bool().unwrap(), "{id} at {rate:?}");
            }
        }
    }

    #[test]
    fn all_and_none_are_exact() {
        let highest = 15_049_745_075_899_203_593;
        assert_eq!(sampling_hash(highest), u64::MAX);
        for (rate, id, kept) in [
            (1.0, highest, true),
            (BELOW_1, highest, false),
            (0.0, 0, false),
            (f64::MIN_POSITIVE, 0, true),
        ] {
            assert_eq!(Rate::new(rate).unwrap().keeps(id), kept, "{id} at {rate}");
        }
    }

    fn rate() -> impl Strategy<Value = Rate> {
        prop_oneof![0.0..=1.0, 0.0..1e-12, Just(BELOW_1)].prop_map(|rate| Rate::new(rate).unwrap())
    }

    /// `floor(rate * (2^64 - 1))` without rounding: a rate is its 53 bits over a power of two.
    fn exact(id: u64, rate: Rate) -> bool {
        let bits = rate.get().to_bits();
        let exponent = (bits >> 52) as i32;
        let mantissa = u128::from(bits & ((1 << 52) - 1)) | u128::from(exponent > 0) << 52;
        let shift = 1075 - exponent.max(1);
        let product = mantissa * u128::from(u64::MAX);
        let threshold = if shift < 128 { product >> shift } else { 0 };
        rate != Rate::NONE && u128::from(sampling_hash(id)) <= threshold
    }

    proptest! {
        #[test]
        fn who_is_kept_at_a_rate_is_kept_at_any_higher_one(id: u64, a in rate(), b in rate()) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(!low.keeps(id) || high.keeps(id));
        }

        #[test]
        fn floats_decide_as_exact_arithmetic_does(id: u64, rate in rate()) {
            // The float threshold lies at most one above the exact one, which no random id meets.
            prop_assert_eq!(rate.keeps(id), exact(id, rate));
        }
    }
}
