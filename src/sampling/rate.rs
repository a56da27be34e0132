//! A share of something: 0 is none of it, 1 is all.

use std::fmt;

/// A number from 0 to 1, and so never NaN.
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

    #[test]
    fn a_rate_lies_between_0_and_1() {
        for good in [0.0, -0.0, 1.0, 0.5, f64::MIN_POSITIVE, 1.0 - f64::EPSILON] {
            let rate = Rate::new(good).unwrap();
            assert_eq!(rate.get(), good);
            assert!(rate.get().is_sign_positive());
        }
        for bad in [-0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Rate::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Rate::new(1.5).unwrap_err().to_string(), "1.5 is not between 0 and 1");
    }
}
