//! The rates that the agent asks for, by service and environment (sampling §4.5).

use std::cmp::Ordering;

use super::rate::Rate;
use crate::clock::Ticks;
use crate::sync::Snapshot;

/// The agent's rates: replaced whole with each of its answers, read once per trace.
#[derive(Debug, Default)]
pub(crate) struct AgentRates(Snapshot<Vec<Entry>>);

#[derive(Clone, Debug)]
struct Entry {
    /// `<service>,env:<env>`; the list is sorted by it.
    ///
    /// Not taken apart, because a service may contain `,env:` as well.
    key: Box<str>,
    /// The rate as it was at `rose_at`; below the target it has been doubled since, see [`ramp`].
    used: Rate,
    target: Rate,
    rose_at: Ticks,
}

const SERVICE: &str = "service:";
const ENV: &str = ",env:";

/// From one doubling of a rate to the next: one flush, after which the agent has seen what the first did.
const STEP_NS: i64 = 1_000_000_000;

impl AgentRates {
    /// Takes new rates over, by keys like `service:web,env:prod`, and gives all others up.
    ///
    /// Rates that are not between 0 and 1 are left out, and so are keys of another form.
    pub(crate) fn replace<'a>(&self, rates: impl Iterator<Item = (&'a str, f64)>, now: Ticks) {
        let old = self.0.load();
        let mut new: Vec<Entry> = rates
            .filter_map(|(key, rate)| {
                let key = key.strip_prefix(SERVICE)?;
                let target = Rate::new(rate).ok()?;
                Some(match search(&old, &[key]) {
                    Some(entry) => entry.clone().retarget(target, now),
                    // A rate that was not known before is used as it is.
                    None => Entry { key: key.into(), used: target, target, rose_at: now },
                })
            })
            .collect();
        new.sort_by(|a, b| a.key.cmp(&b.key));
        self.0.store(new);
    }

    /// The rate for a service and environment, else the agent's rate for all others.
    pub(crate) fn find(
        &self,
        service: &str,
        env: &str,
        now: impl FnOnce() -> Ticks,
    ) -> Option<Rate> {
        let entries = self.0.load();
        let entry = search(&entries, &[service, ENV, env]).or_else(|| search(&entries, &[ENV]))?;
        Some(if entry.is_rising() { entry.rate(now()) } else { entry.used })
    }
}

impl Entry {
    fn is_rising(&self) -> bool {
        self.used < self.target
    }

    /// The rate at this moment.
    fn rate(&self, now: Ticks) -> Rate {
        ramp(self.used, self.target, self.age_ns(now))
    }

    fn age_ns(&self, now: Ticks) -> i64 {
        now.0.saturating_sub(self.rose_at.0).max(0)
    }

    /// Goes on with another target: down at once, up by one doubling if the last is a whole step ago.
    fn retarget(mut self, target: Rate, now: Ticks) -> Self {
        if self.is_rising() {
            self.used = self.rate(now);
            self.rose_at = Ticks(now.0.saturating_sub(self.age_ns(now) % STEP_NS));
        }
        self.target = target;
        if !self.is_rising() {
            self.used = target;
        } else if self.age_ns(now) >= STEP_NS {
            self.used = ramp(self.used, target, STEP_NS);
            self.rose_at = now;
        }
        self
    }
}

/// What a rate has risen to: doubled with every step, up to the target.
///
/// So that a service that had been sampled down, and whose rate the agent lifts, does not flood it between
/// two of its answers. From zero there is nothing to double: the first step leads to the target.
fn ramp(from: Rate, target: Rate, elapsed_ns: i64) -> Rate {
    let steps = i32::try_from(elapsed_ns / STEP_NS).unwrap_or(i32::MAX);
    if from >= target || (from == Rate::NONE && steps > 0) {
        return target;
    }
    let risen = from.get() * 2f64.powi(steps);
    Rate::new(risen.min(target.get())).unwrap_or(target)
}

/// The entry whose key is the text that the parts make up, which is never put together.
fn search<'a>(entries: &'a [Entry], parts: &[&str]) -> Option<&'a Entry> {
    let place = entries.binary_search_by(|entry| order(&entry.key, parts)).ok()?;
    entries.get(place)
}

/// How a key compares to the text that the parts make up.
fn order(key: &str, parts: &[&str]) -> Ordering {
    let mut rest = key.as_bytes();
    for part in parts {
        let (head, tail) = rest.split_at_checked(part.len()).unwrap_or((rest, &[]));
        match head.cmp(part.as_bytes()) {
            Ordering::Equal => rest = tail,
            unequal => return unequal,
        }
    }
    if rest.is_empty() { Ordering::Equal } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = STEP_NS;

    fn at(ns: i64) -> impl Fn() -> Ticks {
        move || Ticks(ns)
    }

    fn rates(rates: &[(&str, f64)], now: i64) -> AgentRates {
        let table = AgentRates::default();
        table.replace(rates.iter().copied(), Ticks(now));
        table
    }

    fn find(table: &AgentRates, service: &str, env: &str) -> Option<f64> {
        table.find(service, env, at(0)).map(Rate::get)
    }

    #[test]
    fn the_exact_key_wins_over_the_default_one() {
        let table = rates(
            &[
                ("service:,env:", 0.1),
                ("service:web,env:prod", 0.5),
                ("service:web,env:", 0.25),
                ("service:a,env:b,env:c", 0.75),
            ],
            0,
        );
        assert_eq!(find(&table, "web", "prod"), Some(0.5));
        assert_eq!(find(&table, "web", ""), Some(0.25));
        assert_eq!(find(&table, "a,env:b", "c"), Some(0.75));
        assert_eq!(find(&table, "a", "b,env:c"), Some(0.75));
        for (service, env) in [("web", "pro"), ("web", "prods"), ("we", "prod"), ("Web", "prod")] {
            assert_eq!(find(&table, service, env), Some(0.1));
        }
        assert_eq!(find(&rates(&[("service:web,env:prod", 0.5)], 0), "db", "prod"), None);
    }

    #[test]
    fn the_table_is_replaced_whole_and_without_what_is_no_rate() {
        let table = rates(&[("service:web,env:", 0.5), ("service:db,env:", 0.5)], 0);
        let next = [("service:web,env:", 0.4), ("service:db,env:", 1.5), ("web", 0.3)];
        table.replace(next.into_iter(), Ticks(0));
        assert_eq!(find(&table, "web", ""), Some(0.4));
        assert_eq!(find(&table, "db", ""), None);
    }

    /// What is used after each of these rates came in, at these seconds.
    fn story(steps: &[(f64, f64)]) -> Vec<f64> {
        let table = AgentRates::default();
        let mut used = Vec::new();
        for (second, rate) in steps {
            let now = (second * SECOND as f64) as i64;
            table.replace([("service:,env:", *rate)].into_iter(), Ticks(now));
            used.extend(table.find("any", "any", at(now)).map(Rate::get));
        }
        used
    }

    #[test]
    fn a_rate_falls_at_once_and_doubles_once_per_step() {
        let lifted = [(0.0, 0.1), (5.0, 1.0), (5.5, 1.0), (6.0, 1.0), (7.0, 1.0), (8.0, 1.0)];
        assert_eq!(story(&lifted), [0.1, 0.2, 0.2, 0.4, 0.8, 1.0]);
        assert_eq!(story(&[(0.0, 0.8), (0.1, 0.1), (0.2, 0.05)]), [0.8, 0.1, 0.05]);
        // A lift that is taken back half way, and comes again.
        let wavering = [(0.0, 0.1), (5.0, 0.8), (5.5, 0.1), (5.6, 0.8), (6.0, 0.8)];
        assert_eq!(story(&wavering), [0.1, 0.2, 0.1, 0.1, 0.2]);
        assert_eq!(story(&[(0.0, 0.0), (5.0, 0.5)]), [0.0, 0.5]);
    }

    #[test]
    fn a_rate_rises_without_another_answer() {
        // An agent that was told which rates are known leaves them out.
        let table = rates(&[("service:,env:", 0.1)], 0);
        table.replace([("service:,env:", 1.0)].into_iter(), Ticks(5 * SECOND));
        let used = |second: i64| table.find("", "", at(second * SECOND)).map(Rate::get);
        assert_eq!([used(5), used(6), used(8), used(1 << 33)], [0.2, 0.4, 1.0, 1.0].map(Some));
    }

    #[test]
    fn a_settled_rate_needs_no_clock() {
        let table = rates(&[("service:,env:", 0.1)], 0);
        assert!(table.find("", "", || panic!("the clock was read")).is_some());
    }

    fn keys() -> impl Strategy<Value = Vec<(String, f64)>> {
        prop::collection::vec(("[a-c,:]{0,3}(,env:[a-c]{0,2})?", 0.0..=1.0), 0..12)
    }

    proptest! {
        #[test]
        fn every_key_is_found_by_its_text(keys in keys(), service in "[a-c]{0,3}", env in "[a-c]{0,2}") {
            let all: std::collections::BTreeMap<String, f64> =
                keys.into_iter().map(|(key, rate)| (format!("service:{key}"), rate)).collect();
            let table = AgentRates::default();
            table.replace(all.iter().map(|(key, rate)| (key.as_str(), *rate)), Ticks(0));
            let expected = all
                .get(&format!("service:{service},env:{env}"))
                .or_else(|| all.get("service:,env:"));
            prop_assert_eq!(find(&table, &service, &env), expected.copied());
        }

        #[test]
        fn it_never_doubles_twice_within_a_step(
            answers in prop::collection::vec((0i64..3000, 0.01..=1.0), 1..40),
        ) {
            let table = AgentRates::default();
            let (mut now, mut history) = (0, Vec::<(i64, f64)>::new());
            for (wait_ms, rate) in answers {
                now += wait_ms * 1_000_000;
                table.replace([("service:,env:", rate)].into_iter(), Ticks(now));
                let used = table.find("", "", at(now)).unwrap().get();
                prop_assert!(used <= rate);
                for (then, before) in &history {
                    let doublings = i32::try_from((now - then) / SECOND).unwrap() + 1;
                    prop_assert!(used <= before * 2f64.powi(doublings), "{history:?} {used}");
                }
                history.push((now, used));
            }
        }
    }
}
