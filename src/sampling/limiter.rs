//! How many traces, or single spans, are let through per second (sampling §5).

use std::sync::Mutex;

use tracehound_fork::PerProcess;

use crate::clock::Ticks;
use crate::sync::lock;

/// A token bucket that starts full, and the share of what asked that it let through lately.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// `None` lets everything through.
    bucket: Option<Bucket>,
    window_ns: i64,
    state: PerProcess<Mutex<State>>,
}

/// What a limiter answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// What share was allowed in this window and the one before, by their mean: `_dd.limit_psr`.
    pub(crate) effective_rate: f64,
}

/// Whole numbers, so that however often it is asked nothing is gained or lost by rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// What comes in each nanosecond.
    gain: u64,
    /// What each one that is let through takes.
    cost: u64,
    capacity: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    level: u64,
    filled_at: Ticks,
    /// When the present window began; `None` as long as nobody asked.
    window: Option<Ticks>,
    seen: u64,
    allowed: u64,
    /// The share that was allowed in the window before this one.
    before: Option<f64>,
}

const SECOND_NS: i64 = 1_000_000_000;

/// Limits are kept in thousandths, so that `0.5` and `0.1` per second can be said.
const THOUSANDTHS: f64 = 1000.0;
/// A thousandth per second comes in as one each nanosecond, so this is what one whole costs.
const COST: u64 = 1_000_000_000_000;

impl Limiter {
    /// Lets `limit` through at once, and each second; everything where there is none. Zero lets nothing through, a limit
    /// below one lets one through at once.
    pub(crate) fn per_second(limit: Option<f64>) -> Self {
        let bucket = limit.map(|limit| {
            // Casts and products saturate: from 18 million per second on, the bucket is that large at the most.
            let gain = (limit * THOUSANDTHS).round() as u64;
            let capacity = match gain {
                0 => 0,
                gain => gain.saturating_mul(SECOND_NS.unsigned_abs()).max(COST),
            };
            Bucket { gain, cost: COST, capacity }
        });
        Self::new(bucket, SECOND_NS)
    }

    /// Lets one through at once, and each minute.
    pub(crate) fn once_per_minute() -> Self {
        const MINUTE_NS: i64 = 60 * SECOND_NS;
        let minute = MINUTE_NS.unsigned_abs();
        Self::new(Some(Bucket { gain: 1, cost: minute, capacity: minute }), MINUTE_NS)
    }

    fn new(bucket: Option<Bucket>, window_ns: i64) -> Self {
        Limiter { bucket, window_ns, state: PerProcess::of(State::full(bucket)) }
    }

    /// Asks for one to be let through.
    pub(crate) fn ask(&self, now: Ticks) -> Verdict {
        let mut state = lock(self.state.get_or_make(|| State::full(self.bucket)));
        let allowed = self.bucket.is_none_or(|bucket| state.take(bucket, now));
        state.count(allowed, now, self.window_ns);
        Verdict { allowed, effective_rate: state.effective_rate() }
    }
}

impl State {
    /// What each process starts with.
    fn full(bucket: Option<Bucket>) -> Mutex<Self> {
        let level = bucket.map_or(0, |bucket| bucket.capacity);
        Mutex::new(State { level, ..State::default() })
    }

    fn take(&mut self, bucket: Bucket, now: Ticks) -> bool {
        // Threads may come in another order than they read the clock.
        let elapsed = now.0.saturating_sub(self.filled_at.0).max(0).unsigned_abs();
        self.filled_at = self.filled_at.max(now);
        let filled = self.level.saturating_add(elapsed.saturating_mul(bucket.gain));
        self.level = filled.min(bucket.capacity);
        let left = self.level.checked_sub(bucket.cost);
        self.level = left.unwrap_or(self.level);
        left.is_some()
    }

    fn count(&mut self, allowed: bool, now: Ticks, window_ns: i64) {
        let began = *self.window.get_or_insert(now);
        if now.0.saturating_sub(began.0) >= window_ns {
            let before = Some(self.share());
            *self = State { window: Some(now), seen: 0, allowed: 0, before, ..*self };
        }
        self.seen += 1;
        self.allowed += u64::from(allowed);
    }

    /// What share of the present window was allowed.
    fn share(&self) -> f64 {
        match self.seen {
            0 => 1.0,
            seen => self.allowed as f64 / seen as f64,
        }
    }

    fn effective_rate(&self) -> f64 {
        self.before.map_or(self.share(), |before| (before + self.share()) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    /// How many of `asked` at one moment are let through.
    fn allowed(limiter: &Limiter, at_ms: i64, asked: usize) -> usize {
        (0..asked).filter(|_| limiter.ask(Ticks(at_ms * MS)).allowed).count()
    }

    #[test]
    fn the_bucket_starts_full_and_refills_steadily() {
        let (hundred, one) = (Limiter::per_second(Some(100.0)), Limiter::per_second(Some(1.0)));
        for (limiter, at_ms, asked, passed) in [
            (&hundred, 5000, 150, 100),
            (&hundred, 5009, 150, 0),
            (&hundred, 5010, 150, 1),
            (&hundred, 5510, 150, 50),
            // Never more than a second's worth, however long nobody asked.
            (&hundred, 100_000, 150, 100),
            // A clock that seems to go back gains nothing.
            (&one, 10_000, 1, 1),
            (&one, 9_000, 1, 0),
            (&one, 10_500, 1, 0),
            (&one, i64::MAX / MS, 1, 1),
        ] {
            assert_eq!(allowed(limiter, at_ms, asked), passed, "{at_ms}");
        }
    }

    #[test]
    fn zero_is_nothing_and_no_limit_is_everything() {
        for (limit, passed, rate) in
            [(Some(0.0), 0, 0.0), (None, 10, 1.0), (Some(f64::INFINITY), 10, 1.0)]
        {
            let limiter = Limiter::per_second(limit);
            assert_eq!(allowed(&limiter, 0, 10), passed, "{limit:?}");
            assert_eq!(limiter.ask(Ticks(0)).effective_rate, rate, "{limit:?}");
        }
    }

    #[test]
    fn a_limit_below_one_lets_one_through_now_and_then() {
        for (limiter, step_ms, expected) in [
            (Limiter::per_second(Some(0.5)), 1_000, [1, 0, 1, 0, 1, 0]),
            (Limiter::once_per_minute(), 30_000, [1, 0, 1, 0, 1, 0]),
            (Limiter::once_per_minute(), 20_000, [1, 0, 0, 1, 0, 0]),
        ] {
            let passed: Vec<_> = (0..6).map(|step| allowed(&limiter, step * step_ms, 3)).collect();
            assert_eq!(passed, expected);
        }
    }

    #[test]
    fn the_effective_rate_is_the_mean_of_two_windows() {
        let limiter = Limiter::per_second(Some(1.0));
        let rate = |at_ms: i64| limiter.ask(Ticks(at_ms * MS)).effective_rate;
        let steps = [10_000, 10_000, 10_000, 10_999, 11_000, 11_000].map(rate);
        // In the new window: a quarter before, all of it now, then half.
        let expected = [1.0, 0.5, 1.0 / 3.0, 0.25, (0.25 + 1.0) / 2.0, (0.25 + 0.5) / 2.0];
        assert_eq!(steps, expected);
    }

    proptest! {
        #[test]
        fn never_more_than_the_bucket_and_its_refill(
            limit in 1u32..200,
            steps in prop::collection::vec(0i64..100, 1..200),
        ) {
            let limiter = Limiter::per_second(Some(limit.into()));
            let (mut now, mut passed) = (0, 0u128);
            for step in steps {
                now += step * MS / 7;
                passed += u128::from(limiter.ask(Ticks(now)).allowed);
                let second = u128::from(SECOND_NS.unsigned_abs());
                let most = u128::from(limit) * (second + u128::from(now.unsigned_abs()));
                prop_assert!(passed * second <= most);
            }
        }

        #[test]
        fn what_stays_below_the_limit_passes(limit in 1u32..1000) {
            let limiter = Limiter::per_second(Some(limit.into()));
            let gap = (SECOND_NS + i64::from(limit) - 1) / i64::from(limit);
            for turn in 0..1000 {
                prop_assert!(limiter.ask(Ticks(turn * gap)).allowed);
            }
        }
    }
}
