//! `_dd.tracer_kr`: the share of spans that the tracer did not have to drop.

/// How many flush intervals the average covers; the same as in other Datadog tracers.
const WINDOWS: usize = 10;

/// A moving average over the last ten flush intervals.
#[derive(Debug, Default)]
pub(crate) struct KeepRate {
    /// Share of the spans dropped in each interval.
    dropped: [f64; WINDOWS],
    next: usize,
}

impl KeepRate {
    /// Ends an interval: so many spans were sent in it, and so many dropped.
    #[expect(clippy::cast_precision_loss, reason = "a share; counts beyond 2^53 do not occur")]
    pub(crate) fn record(&mut self, sent: u64, dropped: u64) {
        let all = sent + dropped;
        let share = if all == 0 { 0.0 } else { dropped as f64 / all as f64 };
        if let Some(slot) = self.dropped.get_mut(self.next) {
            *slot = share;
        }
        self.next = (self.next + 1) % WINDOWS;
    }

    /// 1.0 while nothing is dropped.
    #[expect(clippy::cast_precision_loss, reason = "ten")]
    pub(crate) fn get(&self) -> f64 {
        1.0 - self.dropped.iter().sum::<f64>() / WINDOWS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_recovers_when_the_bad_interval_is_ten_back() {
        let mut rate = KeepRate::default();
        assert!((rate.get() - 1.0).abs() < 1e-9);
        rate.record(1, 1);
        assert!((rate.get() - 0.95).abs() < 1e-9);
        for _ in 0..9 {
            rate.record(0, 0);
        }
        assert!((rate.get() - 0.95).abs() < 1e-9);
        rate.record(5, 0);
        assert!((rate.get() - 1.0).abs() < 1e-9);
    }
}
