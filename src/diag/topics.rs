//! Warnings about what lasts or recurs: once for each time it begins, and not each time where it flaps.

use std::collections::HashMap;
use std::time::Duration;

use super::pause::PAUSE;

/// What is going on, and what was said of it.
#[derive(Debug, Default)]
pub(super) struct Topics(HashMap<&'static str, Topic>);

#[derive(Debug, Default)]
struct Topic {
    /// The cause is there: it was reported, and not that it has gone.
    is_on: bool,
    /// It has been said of this cause.
    is_said: bool,
    said_at: Option<Duration>,
    /// How often the cause has come since the last line.
    came: u64,
}

impl Topics {
    /// Whether a line is due, so long after the clock's start: how often the cause came and went unsaid before.
    pub(super) fn report(&mut self, topic: &'static str, now: Duration) -> Option<u64> {
        let topic = self.0.entry(topic).or_default();
        if !topic.is_on {
            topic.is_on = true;
            topic.is_said = false;
            topic.came += 1;
        }
        let is_paused = topic.said_at.is_some_and(|said| now.saturating_sub(said) < PAUSE);
        // Where it came back within the pause and stays, it is said when the pause is over.
        if topic.is_said || is_paused {
            return None;
        }
        topic.is_said = true;
        topic.said_at = Some(now);
        Some(std::mem::take(&mut topic.came) - 1)
    }

    /// The cause has gone; says whether a line told that it was there.
    pub(super) fn clear(&mut self, topic: &'static str) -> bool {
        let Some(topic) = self.0.get_mut(topic) else { return false };
        std::mem::take(&mut topic.is_on) && topic.is_said
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
