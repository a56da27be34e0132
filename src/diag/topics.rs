//! Warnings about causes that last or recur: one line when the cause appears, and at most one a minute where it flaps.

use std::collections::HashMap;
use std::time::Duration;

use super::throttle::INTERVAL;

/// The causes of warnings by topic, each with what was logged about it.
#[derive(Debug, Default)]
pub(super) struct Topics(HashMap<&'static str, Topic>);

#[derive(Debug, Default)]
struct Topic {
    /// The cause was reported, and not cleared since.
    is_present: bool,
    /// This occurrence has been logged.
    is_logged: bool,
    logged_at: Option<Duration>,
    /// Occurrences since the last line.
    occurrences: u64,
}

impl Topics {
    /// Reports that a cause is there; `now` is the time since the start of the clock. If a line is due, returns how
    /// many earlier occurrences were not logged.
    pub(super) fn report(&mut self, topic: &'static str, now: Duration) -> Option<u64> {
        let topic = self.0.entry(topic).or_default();
        if !topic.is_present {
            topic.is_present = true;
            topic.is_logged = false;
            topic.occurrences += 1;
        }
        let is_throttled = topic.logged_at.is_some_and(|at| now.saturating_sub(at) < INTERVAL);
        // A throttled cause is logged at the first report after the interval, if it is still there.
        if topic.is_logged || is_throttled {
            return None;
        }
        topic.is_logged = true;
        topic.logged_at = Some(now);
        Some(std::mem::take(&mut topic.occurrences) - 1)
    }

    /// Reports that a cause has gone. Returns whether a line had said that it was there.
    pub(super) fn clear(&mut self, topic: &'static str) -> bool {
        let Some(topic) = self.0.get_mut(topic) else { return false };
        std::mem::take(&mut topic.is_present) && topic.is_logged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "agent";

    #[test]
    fn a_cause_is_said_once_and_topics_do_not_know_each_other() {
        let mut topics = Topics::default();
        assert_eq!(topics.report(AGENT, Duration::ZERO), Some(0));
        assert_eq!(topics.report(AGENT, Duration::from_secs(1000)), None);
        assert_eq!(topics.report("other", Duration::ZERO), Some(0));
    }

    #[test]
    fn what_flaps_is_said_once_a_minute_with_how_often_it_came() {
        let mut topics = Topics::default();
        let mut lines = Vec::new();
        let mut gone = 0;
        for second in 0..150 {
            if let Some(before) = topics.report(AGENT, Duration::from_secs(second)) {
                lines.push((second, before));
            }
            gone += usize::from(topics.clear(AGENT));
        }
        assert_eq!(lines, [(0, 0), (60, 59), (120, 59)]);
        assert_eq!(gone, 3);
    }

    #[test]
    fn what_came_back_within_the_minute_and_stays_is_said_when_that_is_over() {
        let mut topics = Topics::default();
        let at = Duration::from_secs;
        assert_eq!(topics.report(AGENT, at(0)), Some(0));
        assert!(topics.clear(AGENT));
        assert_eq!(topics.report(AGENT, at(10)), None);
        assert_eq!(topics.report(AGENT, at(59)), None);
        assert_eq!(topics.report(AGENT, at(61)), Some(0));
        assert_eq!(topics.report(AGENT, at(200)), None);
        assert!(topics.clear(AGENT));
    }
}
