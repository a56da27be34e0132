//! Single spans that are kept though their trace is dropped (sampling §11).

use super::criteria::{Criteria, Subject};
use super::glob::Glob;
use super::hash;
use super::limiter::Limiter;
use super::rate::{InvalidRate, Rate};
use crate::clock::{self, Ticks};
use crate::trace::SpanView;

/// A share of the spans that match, kept although their trace is dropped.
///
/// Criteria are patterns as those of [`SamplingRule`](crate::SamplingRule), matched with the span itself.
///
/// ```
/// use tracehound::SpanSamplingRule;
///
/// let rule = SpanSamplingRule::new(1.0)?.name("payment.charge").max_per_second(50.0);
/// # let _ = rule;
/// # Ok::<(), tracehound::InvalidRate>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpanSamplingRule {
    pub(super) criteria: Criteria,
    rate: Rate,
    max_per_second: Option<f64>,
}

impl SpanSamplingRule {
    /// A rule that keeps this share of the spans it matches: 0.0 none, 1.0 all.
    ///
    /// # Errors
    ///
    /// The rate is not a number between 0 and 1.
    pub fn new(rate: f64) -> Result<Self, InvalidRate> {
        Ok(SpanSamplingRule {
            criteria: Criteria::default(),
            rate: Rate::new(rate)?,
            max_per_second: None,
        })
    }

    /// Only where the service matches.
    #[must_use]
    pub fn service(mut self, glob: impl AsRef<str>) -> Self {
        self.criteria.service = Some(Glob::new(glob.as_ref()));
        self
    }

    /// Only where the operation name matches.
    #[must_use]
    pub fn name(mut self, glob: impl AsRef<str>) -> Self {
        self.criteria.name = Some(Glob::new(glob.as_ref()));
        self
    }

    /// Only where the resource matches.
    #[must_use]
    pub fn resource(mut self, glob: impl AsRef<str>) -> Self {
        self.criteria.resource = Some(Glob::new(glob.as_ref()));
        self
    }

    /// Only where the tag is set and matches.
    #[must_use]
    pub fn tag(mut self, key: impl AsRef<str>, glob: impl AsRef<str>) -> Self {
        self.criteria.match_tag(key.as_ref(), glob.as_ref());
        self
    }

    /// How many spans the rule keeps per second; unlimited unless set, and by a negative number.
    #[must_use]
    pub fn max_per_second(mut self, spans: f64) -> Self {
        self.max_per_second = Some(spans).filter(|spans| spans.is_finite() && *spans >= 0.0);
        self
    }
}

/// A span that is kept, and by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SpanDecision {
    pub(crate) rule_rate: f64,
    /// Where the rule has one.
    pub(crate) max_per_second: Option<f64>,
}

/// Finds the spans to keep of a trace that is dropped.
#[derive(Debug, Default)]
pub(crate) struct SpanSampler {
    /// Each rule with a limiter of its own.
    rules: Vec<(SpanSamplingRule, Limiter)>,
}

impl SpanSampler {
    pub(crate) fn new(rules: impl IntoIterator<Item = SpanSamplingRule>) -> Self {
        let limited = |rule: SpanSamplingRule| {
            // Negative: unlimited.
            let limiter = Limiter::per_second(rule.max_per_second.unwrap_or(-1.0));
            (rule, limiter)
        };
        SpanSampler { rules: rules.into_iter().map(limited).collect() }
    }

    /// Whether to keep a span. The first rule that matches decides, also against the span.
    pub(crate) fn sample(&self, span: &SpanView<'_>) -> Option<SpanDecision> {
        self.decide(span, clock::now)
    }

    fn decide(&self, span: &SpanView<'_>, now: impl FnOnce() -> Ticks) -> Option<SpanDecision> {
        let subject = Subject::new(span);
        let (rule, limiter) =
            self.rules.iter().find(|(rule, _)| rule.criteria.matches(&subject))?;
        let keep = hash::keeps(span.span_id()?.get(), rule.rate) && limiter.ask(now()).allowed;
        keep.then_some(SpanDecision {
            rule_rate: rule.rate.get(),
            max_per_second: rule.max_per_second,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Span;
    use crate::trace::testkit::Bench;

    fn rule(rate: f64) -> SpanSamplingRule {
        SpanSamplingRule::new(rate).unwrap()
    }

    fn decide(sampler: &SpanSampler, span: &Span) -> Option<SpanDecision> {
        span.read(|span| sampler.decide(span, || Ticks(0))).unwrap()
    }

    #[test]
    fn the_first_rule_that_matches_decides_even_against_the_span() {
        let bench = Bench::new();
        let root = bench.span("root").start();
        let child = bench.span("child").tag("k", 1).child_of(&root).start();
        let sampler = SpanSampler::new([rule(0.0).name("child").tag("k", "1"), rule(1.0)]);
        assert_eq!(decide(&sampler, &child), None);
        let all = SpanDecision { rule_rate: 1.0, max_per_second: None };
        assert_eq!(decide(&sampler, &root), Some(all));
        assert_eq!(decide(&SpanSampler::default(), &root), None);
        assert_eq!(decide(&SpanSampler::new([rule(1.0).service("other")]), &root), None);
    }

    #[test]
    fn the_share_is_that_of_the_span_id() {
        let bench = Bench::new();
        let sampler = SpanSampler::new([rule(0.5)]);
        for _ in 0..100 {
            let span = bench.span("root").start();
            let id = span.span_id().unwrap().get();
            let expected = hash::keeps(id, Rate::new(0.5).unwrap());
            assert_eq!(decide(&sampler, &span).is_some(), expected);
        }
    }

    #[test]
    fn each_rule_has_a_limit_of_its_own() {
        let bench = Bench::new();
        let (a, b) = (bench.span("a").start(), bench.span("b").start());
        let limited = |name| rule(1.0).name(name).max_per_second(2.0);
        let sampler = SpanSampler::new([limited("a"), limited("b")]);
        let kept = |span: &Span| (0..5).filter(|_| decide(&sampler, span).is_some()).count();
        assert_eq!((kept(&a), kept(&b)), (2, 2));
        let told = decide(&SpanSampler::new([limited("a")]), &a).unwrap();
        assert_eq!(told.max_per_second, Some(2.0));
    }

    #[test]
    fn no_limit_is_none() {
        let bench = Bench::new();
        let span = bench.span("root").start();
        for unlimited in [-1.0, f64::NAN, f64::INFINITY] {
            let sampler = SpanSampler::new([rule(1.0).max_per_second(unlimited)]);
            assert_eq!(decide(&sampler, &span).unwrap().max_per_second, None);
        }
        let none = SpanSampler::new([rule(1.0).max_per_second(0.0)]);
        assert_eq!(decide(&none, &span), None);
    }
}
