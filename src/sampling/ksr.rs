//! The text of `_dd.p.ksr`: the rate that the hash decision was taken with.

use super::rate::Rate;
use super::short::Short;

/// The longest: `0.333333`.
pub(crate) type RateText = Short<8>;

/// A rate in decimal, with at most six digits after the point, rounded half up, and no zeros at the end
/// (sampling §7).
pub(crate) fn rate_text(rate: Rate) -> RateText {
    // At most a million, so the cast is exact; the same steps as in the reference, so ties agree with it.
    let millionths = (rate.get() * 1e6 + 0.5).floor() as u32;
    let (whole, fraction) = (millionths / 1_000_000, millionths % 1_000_000);
    match fraction {
        0 => Short::of(format_args!("{whole}")),
        _ => Short::<8>::of(format_args!("{whole}.{fraction:06}")).trim_end('0'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

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
