//! `_dd.tracer_kr`: the share of spans that the tracer did not have to drop.

/// How many flush intervals the average covers; the same as in other Datadog tracers.
const WINDOWS: usize = 10;

/// A moving average over the last ten flush intervals.
#[derive(Debug, Default)]
pub(crate) struct KeepRate {
    /// Share of the spans dropped in each interval.
    dropped: [f64; WINDOWS],
    next: usize,
    /// Spans delivered in this interval.
    pub(super) sent: u64,
    /// Spans lost in all before this interval.
    lost_before: u64,
}

impl KeepRate {
    /// Ends an interval, and returns the average; it is 1.0 while nothing is dropped. `lost` are the spans lost in all.
    #[expect(clippy::cast_precision_loss, reason = "a share; counts beyond 2^53 do not occur")]
    pub(crate) fn end_interval(&mut self, lost: u64) -> f64 {
        let sent = std::mem::take(&mut self.sent);
        let dropped = lost.saturating_sub(std::mem::replace(&mut self.lost_before, lost));
        let all = sent + dropped;
        if let Some(share) = self.dropped.get_mut(self.next) {
            *share = if all == 0 { 0.0 } else { dropped as f64 / all as f64 };
        }
        self.next = (self.next + 1) % WINDOWS;
        1.0 - self.dropped.iter().sum::<f64>() / WINDOWS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_recovers_when_the_bad_interval_is_ten_back() {
        assert!((KeepRate::default().end_interval(0) - 1.0).abs() < 1e-9, "nothing is lost");
        let mut rate = KeepRate::default();
        // One of two spans is lost in the first interval, and none later.
        let sent = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
        let rates = sent.map(|sent| {
            rate.sent += sent;
            rate.end_interval(1)
        });
        for (interval, rate) in rates.into_iter().enumerate() {
            let expected = if interval < WINDOWS { 0.95 } else { 1.0 };
            assert!((rate - expected).abs() < 1e-9, "{interval}: {rate}");
        }
    }
}
