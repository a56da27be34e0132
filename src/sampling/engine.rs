//! The sampler that every Datadog tracer has: rules, then the agent's rates, then everything.

use std::collections::HashMap;

use super::builder::DatadogSamplerBuilder;
use super::criteria::Subject;
use super::hash;
use super::limiter::Limiter;
use super::rate::Rate;
use super::rates::AgentRates;
use super::rule::SamplingRule;
use super::sampler::Sampler;
use crate::clock::{self, Ticks};
use crate::trace::{Decision, Mechanism, Priority, SpanView};

/// Decides as every Datadog tracer does, by the first of these that applies:
///
/// 1. the first rule that matches the local root, rules from remote configuration before others;
/// 2. the global rate (`DD_TRACE_SAMPLE_RATE`), for all that no rule matches;
/// 3. the rate that the agent gave for the root's service and environment, else its rate for all others;
/// 4. everything is kept, and the agent decides.
///
/// What 1 and 2 keep, a rate limit of 100 traces per second can still drop. The share is taken by the trace
/// id, so all services of a trace with the same rate come to the same decision.
///
/// ```
/// use tracehound::{DatadogSampler, SamplingRule};
///
/// let sampler = DatadogSampler::builder()
///     .rule(SamplingRule::new(0.01)?.service("web-*").resource("GET /ping"))
///     .default_rate(0.5)
///     .rate_limit(200)
///     .build()?;
/// # let _ = sampler;
/// # Ok::<(), tracehound::InvalidRate>(())
/// ```
#[derive(Debug)]
pub struct DatadogSampler {
    /// In the order in which they are tried, the one of the global rate last.
    rules: Vec<SamplingRule>,
    agent_rates: AgentRates,
    limiter: Limiter,
    runs_user_code: bool,
}

/// Rules, and the rate for what none of them matches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) rules: Vec<SamplingRule>,
    pub(crate) rate: Option<Rate>,
}

impl Rules {
    /// As one list, in the order in which they are tried.
    fn in_order(mut self) -> Vec<SamplingRule> {
        // Stable: of the same provenance, the first in the list comes first.
        self.rules.sort_by_key(|rule| rule.provenance);
        self.rules.extend(self.rate.map(SamplingRule::with_rate));
        self.rules
    }
}

impl DatadogSampler {
    /// A sampler without rules.
    pub fn builder() -> DatadogSamplerBuilder {
        DatadogSamplerBuilder::default()
    }

    pub(super) fn new(own: Rules, limiter: Limiter) -> Self {
        DatadogSampler {
            runs_user_code: own.rules.iter().any(SamplingRule::runs_user_code),
            rules: own.in_order(),
            agent_rates: AgentRates::default(),
            limiter,
        }
    }

    fn decide(&self, root: &SpanView<'_>, now: impl Fn() -> Ticks) -> Decision {
        let subject = Subject::new(root);
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches_subject(&subject)) {
            return self.by_rule(rule, root, now);
        }
        let env = root.tag("env").unwrap_or_default();
        match self.agent_rates.find(root.service(), &env, now) {
            Some(rate) => {
                let keep = hash::keeps(root.trace_id().low(), rate);
                let priority = if keep { Priority::AUTO_KEEP } else { Priority::AUTO_REJECT };
                let decision = Decision::new(priority, Mechanism::AGENT_RATE);
                Decision { rate: Some(rate.get()), ..decision }
            }
            None => Decision::new(Priority::AUTO_KEEP, Mechanism::DEFAULT),
        }
    }

    fn by_rule(
        &self,
        rule: &SamplingRule,
        root: &SpanView<'_>,
        now: impl Fn() -> Ticks,
    ) -> Decision {
        // Only what the rule keeps is counted against the limit.
        let verdict = rule.sample(root).then(|| self.limiter.ask(now()));
        let keep = verdict.is_some_and(|verdict| verdict.allowed);
        let priority = if keep { Priority::USER_KEEP } else { Priority::USER_REJECT };
        Decision {
            rate: Some(rule.rate.get()),
            limit_rate: verdict.map(|verdict| verdict.effective_rate),
            ..Decision::new(priority, rule.mechanism())
        }
    }
}

impl Sampler for DatadogSampler {
    fn sample(&self, root: &SpanView<'_>) -> Decision {
        self.decide(root, clock::now)
    }

    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        let rates = rates.iter().map(|(key, rate)| (key.as_str(), *rate));
        self.agent_rates.replace(rates, clock::now());
    }

    /// Only if a rule has a function of the user ([`SamplingRule::when`]).
    fn runs_user_code(&self) -> bool {
        self.runs_user_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::trace::testkit::Bench;
    use crate::trace::{Span, SpanContext};

    fn rule(rate: f64) -> SamplingRule {
        SamplingRule::new(rate).unwrap()
    }

    fn decide(sampler: &DatadogSampler, span: &Span) -> Decision {
        span.read(|span| sampler.decide(span, || Ticks(0))).unwrap()
    }

    fn number(decision: Decision) -> (i32, u8, Option<f64>) {
        (decision.priority.get(), decision.mechanism.unwrap().get(), decision.rate)
    }

    #[test]
    fn rules_come_before_the_global_rate_and_both_before_the_agent() {
        let bench = Bench::new();
        let (web, db) = (bench.span("web").start(), bench.span("db").start());
        let agent = HashMap::from([("service:,env:".to_owned(), 1.0)]);

        let none = DatadogSampler::builder().build().unwrap();
        assert_eq!(number(decide(&none, &web)), (1, 0, None));
        none.set_agent_rates(&agent);
        assert_eq!(number(decide(&none, &web)), (1, 1, Some(1.0)));

        let some = DatadogSampler::builder().rule(rule(0.0).name("web")).build().unwrap();
        some.set_agent_rates(&agent);
        assert_eq!(number(decide(&some, &web)), (-1, 3, Some(0.0)));
        assert_eq!(number(decide(&some, &db)), (1, 1, Some(1.0)));

        let all = DatadogSampler::builder().rule(rule(0.0).name("web")).default_rate(1.0);
        let all = all.build().unwrap();
        all.set_agent_rates(&agent);
        assert_eq!(number(decide(&all, &web)), (-1, 3, Some(0.0)));
        assert_eq!(number(decide(&all, &db)), (2, 3, Some(1.0)));
    }

    #[test]
    fn the_limit_counts_only_what_a_rule_keeps() {
        let bench = Bench::new();
        let (kept, dropped) = (bench.span("kept").start(), bench.span("dropped").start());
        let sampler = DatadogSampler::builder()
            .rules([rule(1.0).name("kept"), rule(0.0).name("dropped")])
            .rate_limit(1)
            .build()
            .unwrap();
        assert_eq!(decide(&sampler, &dropped).limit_rate, None);
        let first = decide(&sampler, &kept);
        assert_eq!((number(first), first.limit_rate), ((2, 3, Some(1.0)), Some(1.0)));
        let second = decide(&sampler, &kept);
        assert_eq!((number(second), second.limit_rate), ((-1, 3, Some(1.0)), Some(0.5)));
    }

    #[test]
    fn services_that_share_a_trace_and_a_rate_agree() {
        let sampler = DatadogSampler::builder().default_rate(0.5).build().unwrap();
        for id in 1..100 {
            let upstream = SpanContext::new(TraceId::new(id << 64 | (id * 7919)).unwrap(), None);
            let span =
                |name: &'static str| Bench::new().span(name).child_of(upstream.clone()).start();
            let (one, other) = (decide(&sampler, &span("a")), decide(&sampler, &span("b")));
            assert_eq!(one.priority, other.priority);
        }
    }

    #[test]
    fn only_a_function_of_the_user_is_user_code() {
        let sampler = |rule| DatadogSampler::builder().rule(rule).build().unwrap();
        assert!(!sampler(rule(1.0).service("*")).runs_user_code());
        assert!(sampler(rule(1.0).when(|_| true)).runs_user_code());
    }
}
