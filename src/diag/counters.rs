//! How many spans were lost, by reason, and how many of them a line has reported.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::loss::{LossReason, Losses};
use super::throttle::Throttle;

/// Spans lost in one process, by reason: one counter for each [`LossReason`], in the order of its values.
#[derive(Debug, Default)]
pub(super) struct Counters {
    reasons: [Counter; LossReason::ALL.len()],
}

#[derive(Debug, Default)]
struct Counter {
    lost: AtomicU64,
    /// How many of them a line has reported.
    reported: AtomicU64,
    throttle: Throttle,
}

impl Counters {
    pub(super) fn add(&self, reason: LossReason, spans: u64) {
        if let Some(counter) = self.reasons.get(reason as usize) {
            counter.lost.fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// How many spans a line about this reason has to report now. `None` where there was such a line less than a minute
    /// ago, or nothing is left to report.
    pub(super) fn take_unreported(&self, reason: LossReason, now: Duration) -> Option<u64> {
        let counter = self.reasons.get(reason as usize)?;
        if !counter.throttle.allows(now) {
            return None;
        }
        let lost = counter.lost.load(Ordering::Relaxed);
        let spans = lost.saturating_sub(counter.reported.swap(lost, Ordering::Relaxed));
        // A report of the total may have come in between.
        (spans > 0).then_some(spans)
    }

    /// Whether more was lost than lines have reported. From now on all of it counts as reported.
    pub(super) fn take_any_unreported(&self) -> bool {
        self.reasons.iter().fold(false, |any, counter| {
            let lost = counter.lost.load(Ordering::Relaxed);
            any | (counter.reported.swap(lost, Ordering::Relaxed) < lost)
        })
    }

    pub(super) fn read(&self) -> Losses {
        Losses { spans: self.reasons.each_ref().map(|it| it.lost.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reports_what_was_lost_since_the_one_before() {
        let counters = Counters::default();
        let tell = |reason, seconds| counters.take_unreported(reason, Duration::from_secs(seconds));
        counters.add(LossReason::QueueFull, 3);
        assert_eq!(tell(LossReason::QueueFull, 0), Some(3));
        counters.add(LossReason::QueueFull, 4);
        assert_eq!(tell(LossReason::QueueFull, 30), None);
        counters.add(LossReason::TooLarge, 1);
        assert_eq!(tell(LossReason::TooLarge, 30), Some(1));
        counters.add(LossReason::QueueFull, 5);
        assert_eq!(tell(LossReason::QueueFull, 60), Some(9));
        assert_eq!(counters.read().total(), 13);
    }

    #[test]
    fn what_no_line_has_reported_is_known() {
        let counters = Counters::default();
        assert!(!counters.take_any_unreported());
        counters.add(LossReason::QueueFull, 3);
        counters.take_unreported(LossReason::QueueFull, Duration::ZERO);
        assert!(!counters.take_any_unreported());
        counters.add(LossReason::QueueFull, 1);
        assert!(counters.take_any_unreported());
        assert!(!counters.take_any_unreported());
        counters.add(LossReason::TooLarge, 1);
        assert!(counters.take_any_unreported());
        assert_eq!(counters.take_unreported(LossReason::TooLarge, Duration::ZERO), None);
    }
}
