//! The count of what was lost, and of what has been said of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::loss::{LossReason, Losses};
use super::pause::Pause;

/// Spans lost in one process, by reason.
#[derive(Debug, Default)]
pub(super) struct Counters {
    reasons: [Counter; LossReason::ALL.len()],
}

#[derive(Debug, Default)]
struct Counter {
    lost: AtomicU64,
    /// How many of them a line has told.
    told: AtomicU64,
    pause: Pause,
}

impl Counters {
    pub(super) fn add(&self, reason: LossReason, spans: u64) {
        if let Some(counter) = self.reasons.get(reason as usize) {
            counter.lost.fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// How many a line about this reason has to tell now; `None` where there was one less than a minute ago.
    pub(super) fn to_tell(&self, reason: LossReason, now: Duration) -> Option<u64> {
        let counter = self.reasons.get(reason as usize)?;
        if !counter.pause.passes(now) {
            return None;
        }
        let lost = counter.lost.load(Ordering::Relaxed);
        Some(lost.saturating_sub(counter.told.swap(lost, Ordering::Relaxed)))
    }

    /// Whether more was lost than lines have told; from now on all of it counts as told.
    pub(super) fn has_untold(&self) -> bool {
        self.reasons.iter().fold(false, |untold, counter| {
            let lost = counter.lost.load(Ordering::Relaxed);
            untold | (counter.told.swap(lost, Ordering::Relaxed) < lost)
        })
    }

    pub(super) fn read(&self) -> Losses {
        let mut losses = Losses::default();
        for (spans, counter) in losses.spans.iter_mut().zip(&self.reasons) {
            *spans = counter.lost.load(Ordering::Relaxed);
        }
        losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_came_since_the_one_before() {
        let counters = Counters::default();
        let tell = |reason, seconds| counters.to_tell(reason, Duration::from_secs(seconds));
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
    fn what_no_line_has_told_is_known() {
        let counters = Counters::default();
        assert!(!counters.has_untold());
        counters.add(LossReason::QueueFull, 3);
        counters.to_tell(LossReason::QueueFull, Duration::ZERO);
        assert!(!counters.has_untold());
        counters.add(LossReason::QueueFull, 1);
        assert!(counters.has_untold());
        assert!(!counters.has_untold());
    }
}
