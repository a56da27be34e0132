//! The sampler that every Datadog tracer has: rules, then the agent's rates, then everything.

use std::collections::HashMap;

use super::agent_rates::AgentRates;
use super::criteria::Criteria;
use super::glob::Glob;
use super::limiter::{Limiter, Verdict};
use super::rate::InvalidRate;
use super::rule::SamplingRule;
use super::sampler::{BuiltInSampler, Sampler};
use crate::clock::{self, Ticks};
use crate::text::Text;
use crate::trace::{SamplingDecision, SamplingMechanism, SamplingPriority, SpanView, TagRef};

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
    /// The tags that rules and rates look at; `None` where a rule has a function of the user, which may look at any.
    needed_tags: Option<Vec<Text>>,
    /// Whether a rule looks at the name, which stands for a resource that is not there.
    needs_names: bool,
    /// Of all patterns together.
    pattern_bytes: usize,
    agent_rates: AgentRates,
    limiter: Limiter,
}

/// Builds a [`DatadogSampler`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sampled until `build` is called"]
pub struct DatadogSamplerBuilder {
    rules: Vec<SamplingRule>,
    default_rate: Option<f64>,
    rate_limit: Option<u64>,
}

/// `DD_TRACE_RATE_LIMIT` where nothing is set, in traces per second.
const DEFAULT_RATE_LIMIT: u64 = 100;

impl Default for DatadogSamplerBuilder {
    fn default() -> Self {
        let rate_limit = Some(DEFAULT_RATE_LIMIT);
        DatadogSamplerBuilder { rules: Vec::new(), default_rate: None, rate_limit }
    }
}

/// The tag that chooses among the agent's rates.
const ENV: &str = "env";

impl DatadogSamplerBuilder {
    /// Adds a rule after the others. The first that matches decides.
    pub fn rule(mut self, rule: SamplingRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds rules after the others.
    pub fn rules(mut self, rules: impl IntoIterator<Item = SamplingRule>) -> Self {
        self.rules.extend(rules);
        self
    }

    /// The share of traces to keep where no rule matches: 0.0 none, 1.0 all. Unset, the agent's rates apply.
    pub fn default_rate(mut self, rate: f64) -> Self {
        self.default_rate = Some(rate);
        self
    }

    /// How many of the traces that rules and the default rate keep are let through per second, or `None` for no
    /// limit; 100 unless set. Zero drops all of them.
    pub fn rate_limit(mut self, traces_per_second: impl Into<Option<u64>>) -> Self {
        self.rate_limit = traces_per_second.into();
        self
    }

    /// The sampler.
    ///
    /// # Errors
    ///
    /// The default rate is not a number between 0 and 1.
    pub fn build(self) -> Result<DatadogSampler, InvalidRate> {
        let default = self.default_rate.map(SamplingRule::new).transpose()?;
        Ok(self.rules(default).finish())
    }

    /// The sampler by the rules alone; the last one is for all that no other matches, if it has no criteria.
    pub(crate) fn finish(self) -> DatadogSampler {
        let mut rules = self.rules;
        // Stable: of the same provenance, the first in the list comes first.
        rules.sort_by_key(|rule| rule.provenance);
        let criteria = || rules.iter().map(|rule| &rule.criteria);
        let mut tags = vec![Text::literal(ENV)];
        tags.extend(criteria().flat_map(|criteria| &criteria.tags).map(|(key, _)| key.clone()));
        tags.sort_unstable();
        tags.dedup();
        DatadogSampler {
            needed_tags: (!rules.iter().any(SamplingRule::runs_user_code)).then_some(tags),
            needs_names: criteria().any(|it| it.name.is_some() || it.resource.is_some()),
            pattern_bytes: criteria().flat_map(Criteria::globs).map(Glob::len).sum(),
            rules,
            agent_rates: AgentRates::default(),
            limiter: Limiter::per_second(self.rate_limit.map(|limit| limit as f64)),
        }
    }
}

impl DatadogSampler {
    /// A sampler without rules.
    pub fn builder() -> DatadogSamplerBuilder {
        DatadogSamplerBuilder::default()
    }

    fn decide(&self, root: &SpanView<'_>, now: fn() -> Ticks) -> SamplingDecision {
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(root)) {
            // Only what the rule keeps is counted against the limit.
            return by_rule(rule, rule.sample(root).then(|| self.limiter.ask(now())));
        }
        let env = root.tag(ENV).unwrap_or_default();
        match self.agent_rates.find(root.service(), &env, now) {
            Some(rate) => {
                let keep = rate.keeps(root.trace_id().low());
                let priority =
                    if keep { SamplingPriority::AUTO_KEEP } else { SamplingPriority::AUTO_REJECT };
                let decision = SamplingDecision::new(priority, SamplingMechanism::AGENT_RATE);
                SamplingDecision { rate: Some(rate.get()), ..decision }
            }
            None => SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT),
        }
    }
}

fn by_rule(rule: &SamplingRule, verdict: Option<Verdict>) -> SamplingDecision {
    let keep = verdict.is_some_and(|verdict| verdict.allowed);
    let priority = if keep { SamplingPriority::USER_KEEP } else { SamplingPriority::USER_REJECT };
    SamplingDecision {
        rate: Some(rule.rate.get()),
        limit_rate: verdict.map(|verdict| verdict.effective_rate),
        ..SamplingDecision::new(priority, rule.mechanism())
    }
}

impl Sampler for DatadogSampler {
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
        self.decide(root, clock::now)
    }

    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        let rates = rates.iter().map(|(key, rate)| (key.as_str(), *rate));
        self.agent_rates.replace(rates, clock::now());
    }

    fn built_in(&self) -> Option<&dyn BuiltInSampler> {
        Some(self)
    }
}

/// Bytes of texts times bytes of patterns that are compared under the lock of a trace at the most. The worst of
/// patterns takes that many steps, some ten microseconds.
const MAX_STEPS_IN_PLACE: usize = 16_384;

impl BuiltInSampler for DatadogSampler {
    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        let tags = self.needed_tags.as_ref()?;
        if self.pattern_bytes > 0 {
            let is_named_by_function = self.needs_names && root.record.naming.is_some();
            let names = [
                root.service(),
                &root.record.name,
                root.record.resource.as_deref().unwrap_or_default(),
            ];
            let texts = tags.iter().map(|key| text_bytes(root, key));
            let longest = texts.chain(names.map(str::len)).max();
            let steps = self.pattern_bytes.saturating_mul(longest?);
            if is_named_by_function || steps > MAX_STEPS_IN_PLACE {
                return None;
            }
        }
        Some(self.sample(root))
    }

    fn needed_tags(&self) -> Option<&[Text]> {
        self.needed_tags.as_deref()
    }
}

/// How long the text of a tag is.
fn text_bytes(root: &SpanView<'_>, key: &str) -> usize {
    match root.tags.get(&root.record.tags, key) {
        Some(TagRef::Text(text)) => text.len(),
        // It is yet to be written, which takes milliseconds.
        Some(TagRef::Stack(_)) => usize::MAX,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::trace::SpanBuilderExt as _;
    use crate::trace::testkit::Bench;
    use crate::trace::{DerivedNames, Span, SpanContext};

    fn rule(rate: f64) -> SamplingRule {
        SamplingRule::new(rate).unwrap()
    }

    fn built(builder: DatadogSamplerBuilder) -> DatadogSampler {
        builder.build().unwrap()
    }

    fn decide(sampler: &DatadogSampler, span: &Span) -> SamplingDecision {
        span.read(|span| sampler.decide(span, || Ticks(0))).unwrap()
    }

    fn number(decision: SamplingDecision) -> (i32, u8, Option<f64>) {
        (decision.priority.get(), decision.mechanism.unwrap().get(), decision.rate)
    }

    #[test]
    fn rules_come_before_the_global_rate_and_both_before_the_agent() {
        let bench = Bench::new();
        let (web, db) = (bench.span("web").start(), bench.span("db").start());
        let agent = HashMap::from([("service:,env:".to_owned(), 1.0)]);
        let none = DatadogSampler::builder();
        let some = none.clone().rule(rule(0.0).name("web"));
        let all = some.clone().default_rate(1.0);
        let (default, by_agent) = ((1, 0, None), (1, 1, Some(1.0)));
        let (dropped, kept) = ((-1, 3, Some(0.0)), (2, 3, Some(1.0)));
        for (sampler, before, after) in [
            (none, [default, default], [by_agent, by_agent]),
            (some, [dropped, default], [dropped, by_agent]),
            (all, [dropped, kept], [dropped, kept]),
        ] {
            let sampler = built(sampler);
            let both = || [&web, &db].map(|span| number(decide(&sampler, span)));
            assert_eq!(both(), before);
            sampler.set_agent_rates(&agent);
            assert_eq!(both(), after);
        }
    }

    #[test]
    fn the_limit_counts_only_what_a_rule_keeps() {
        let bench = Bench::new();
        let (kept, dropped) = (bench.span("kept").start(), bench.span("dropped").start());
        let rules = [rule(1.0).name("kept"), rule(0.0).name("dropped")];
        let sampler = built(DatadogSampler::builder().rules(rules).rate_limit(1));
        for (span, expected, limit_rate) in [
            (&dropped, (-1, 3, Some(0.0)), None),
            (&kept, (2, 3, Some(1.0)), Some(1.0)),
            (&kept, (-1, 3, Some(1.0)), Some(0.5)),
        ] {
            let decision = decide(&sampler, span);
            assert_eq!((number(decision), decision.limit_rate), (expected, limit_rate));
        }
    }

    #[test]
    fn services_that_share_a_trace_and_a_rate_agree() {
        let sampler = built(DatadogSampler::builder().default_rate(0.5));
        for id in 1..100 {
            let upstream = SpanContext::new(TraceId::new(id << 64 | (id * 7919)).unwrap(), None);
            let span =
                |name: &'static str| Bench::new().span(name).child_of(upstream.clone()).start();
            let (one, other) = (decide(&sampler, &span("a")), decide(&sampler, &span("b")));
            assert_eq!(one.priority, other.priority);
        }
    }

    #[test]
    fn only_what_is_short_and_of_the_library_is_decided_in_place() {
        fn naming(_: &SpanView<'_>) -> DerivedNames {
            DerivedNames { name: "named".into(), span_type: None }
        }
        let bench = Bench::new();
        let long = "x".repeat(MAX_STEPS_IN_PLACE);
        let short = bench.span("web").tag("plan", "gold").tag("items", 3).start();
        let long = bench.span("web").tag("plan", &long).tag("other", &long).start();
        let named = bench.span("").naming(naming).start();
        let failed = bench.span("web").start();
        failed.set_traceback(Some(1));
        let none = DatadogSampler::builder().default_rate(1.0);
        let with = |rule: SamplingRule| none.clone().rule(rule);
        for (sampler, in_place, needed) in [
            (none.clone(), [true; 4], Some(&["env"][..])),
            (with(rule(1.0).tag("items", "3")), [true; 4], Some(&["env", "items"])),
            (with(rule(1.0).tag("plan", "g*")), [true, false, true, true], Some(&["env", "plan"])),
            (
                with(rule(1.0).tag("error.stack", "*")),
                [true, true, true, false],
                Some(&["env", "error.stack"]),
            ),
            (with(rule(1.0).name("w*")), [true, true, false, true], Some(&["env"])),
            (with(rule(1.0).resource("w*")), [true, true, false, true], Some(&["env"])),
            (with(rule(1.0).when(|_| true)), [false; 4], None),
        ] {
            let sampler = built(sampler);
            let found = [&short, &long, &named, &failed]
                .map(|span| span.read(|root| sampler.decide_in_place(root).is_some()).unwrap());
            assert_eq!(found, in_place, "{sampler:?}");
            let tags = sampler.needed_tags();
            let tags = tags.map(|tags| tags.iter().map(Text::as_str).collect::<Vec<_>>());
            assert_eq!(tags.as_deref(), needed);
        }
    }

    #[test]
    fn a_default_rate_that_is_none_is_refused() {
        assert!(DatadogSampler::builder().default_rate(f64::NAN).build().is_err());
        assert!(DatadogSampler::builder().default_rate(1.0).build().is_ok());
    }
}
