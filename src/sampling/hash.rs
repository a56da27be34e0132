//! The decision that every Datadog tracer takes alike for the same id and rate (sampling §2).

use super::rate::Rate;
use crate::trace::kept_by_hash;

/// Whether an id is among the share that is kept: the low half of the trace id for a trace, the span id for
/// a single span.
pub(crate) fn keeps(id: u64, rate: Rate) -> bool {
    kept_by_hash(id, rate.get())
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
mod tests {
    use super::*;
    use crate::trace::sampling_hash;
    use proptest::prelude::*;
    use serde_json::Value;

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
                assert_eq!(keeps(id, rate), kept.as_bool().unwrap(), "{id} at {rate:?}");
            }
        }
    }

    #[test]
    fn all_and_none_are_exact() {
        // The highest hash there is, and the lowest.
        let highest = 15_049_745_075_899_203_593_u64;
        assert_eq!(sampling_hash(highest), u64::MAX);
        assert!(keeps(highest, Rate::new(1.0).unwrap()));
        assert!(!keeps(highest, Rate::new(1.0 - f64::EPSILON / 2.0).unwrap()));
        assert!(!keeps(0, Rate::NONE));
        assert!(keeps(0, Rate::new(f64::MIN_POSITIVE).unwrap()));
    }

    fn rate() -> impl Strategy<Value = Rate> {
        prop_oneof![0.0..=1.0, 0.0..1e-12, Just(1.0 - f64::EPSILON / 2.0)]
            .prop_map(|rate| Rate::new(rate).unwrap())
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
            prop_assert!(!keeps(id, low) || keeps(id, high));
        }

        #[test]
        fn floats_decide_as_exact_arithmetic_does(id: u64, rate in rate()) {
            // The float threshold lies at most one above the exact one, which no random id meets.
            prop_assert_eq!(keeps(id, rate), exact(id, rate));
        }
    }
}
