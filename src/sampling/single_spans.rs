//! Single spans that are kept though their trace is dropped (sampling §11).

use std::sync::Arc;

use super::criteria::{Criteria, criteria_methods, tag_key};
use super::glob::Glob;
use super::limiter::Limiter;
use super::rate::{InvalidRate, Rate};
use crate::clock::{self, Ticks};
use crate::trace::{Chunk, SpanView};

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
    pub(super) rate: Rate,
    pub(super) max_per_second: Option<f64>,
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

    criteria_methods!();

    /// How many spans the rule keeps per second; unlimited unless set, and by a negative number.
    #[must_use]
    pub fn max_per_second(mut self, spans: f64) -> Self {
        self.max_per_second = Some(spans).filter(|spans| spans.is_finite() && *spans >= 0.0);
        self
    }
}

/// Finds the spans to keep of a trace that is dropped.
#[derive(Debug, Default)]
pub(crate) struct SpanSampler {
    /// Each rule with a limiter of its own.
    rules: Vec<(Limiter, SpanSamplingRule)>,
}

impl SpanSampler {
    pub(crate) fn new(rules: impl IntoIterator<Item = SpanSamplingRule>) -> Self {
        let with_limiter =
            |rule: SpanSamplingRule| (Limiter::per_second(rule.max_per_second), rule);
        SpanSampler { rules: rules.into_iter().map(with_limiter).collect() }
    }

    /// The number of the rule that keeps a span, if one does. The first rule that matches decides, also against the span.
    fn sample(&self, span: &SpanView<'_>) -> Option<usize> {
        self.decide(span, clock::now)
    }

    /// The rule that keeps a span, if one does.
    #[cfg(test)]
    pub(super) fn rule_of(&self, span: &SpanView<'_>) -> Option<&SpanSamplingRule> {
        self.sample(span).and_then(|number| self.rules.get(number)).map(|(_, rule)| rule)
    }

    fn decide(&self, span: &SpanView<'_>, now: fn() -> Ticks) -> Option<usize> {
        let number = self.rules.iter().position(|(_, rule)| rule.criteria.matches(span))?;
        let (limiter, rule) = self.rules.get(number)?;
        let keep = rule.rate.keeps(span.span_id()?.get()) && limiter.ask(now()).allowed;
        keep.then_some(number)
    }
}

/// The spans of the chunk that is being sent which rules keep though their trace is dropped.
///
/// A rule may be limited, so each span is asked for once, and the answers are kept here until the chunk is encoded: in
/// one payload, in several, or again where it did not fit.
#[derive(Debug)]
pub(crate) struct KeptSpans {
    sampler: Arc<SpanSampler>,
    /// Where the spans are in memory, which tells spans with one id apart, and the numbers of their rules. In the order
    /// of the chunk, and so of the places.
    kept: Vec<(usize, usize)>,
}

impl KeptSpans {
    pub(crate) fn new(sampler: Arc<SpanSampler>) -> Self {
        KeptSpans { sampler, kept: Vec::new() }
    }

    /// Asks the rules for each span of the next chunk, where that `is_dropped`.
    pub(crate) fn decide(&mut self, chunk: &Chunk, is_dropped: bool) {
        self.kept.clear();
        if !is_dropped || self.sampler.rules.is_empty() {
            return;
        }
        for span in chunk.spans() {
            let rule = self.sampler.sample(&span);
            self.kept.extend(rule.map(|rule| (place(&span), rule)));
        }
    }

    /// The rule that keeps a span of that chunk, if one does.
    pub(crate) fn sample(&self, span: &SpanView<'_>) -> Option<&SpanSamplingRule> {
        let place = place(span);
        let found = self.kept.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        let (_, rule) = self.kept.get(found)?;
        self.sampler.rules.get(*rule).map(|(_, rule)| rule)
    }
}

fn place(span: &SpanView<'_>) -> usize {
    std::ptr::from_ref(span.record).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Span;
    use crate::trace::testkit::Bench;

    fn rule(rate: f64) -> SpanSamplingRule {
        SpanSamplingRule::new(rate).unwrap()
    }

    /// Rate and limit of the rule that keeps a span.
    fn decide(sampler: &SpanSampler, span: &Span) -> Option<(f64, Option<f64>)> {
        let number = span.read(|span| sampler.decide(span, || Ticks(0))).unwrap()?;
        let (_, rule) = &sampler.rules[number];
        Some((rule.rate.get(), rule.max_per_second))
    }

    #[test]
    fn the_first_rule_that_matches_decides_even_against_the_span() {
        let bench = Bench::new();
        let root = bench.span("root").start();
        let child = bench.span("child").tag("k", 1).child_of(&root).start();
        let sampler = SpanSampler::new([rule(0.0).name("child").tag("k", "1"), rule(1.0)]);
        assert_eq!(decide(&sampler, &child), None);
        assert_eq!(decide(&sampler, &root), Some((1.0, None)));
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
            let expected = Rate::new(0.5).unwrap().keeps(id);
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
        for (limit, told) in [
            (2.0, Some(Some(2.0))),
            (0.0, None),
            (-1.0, Some(None)),
            (f64::NAN, Some(None)),
            (f64::INFINITY, Some(None)),
        ] {
            let sampler = SpanSampler::new([rule(1.0).max_per_second(limit)]);
            assert_eq!(decide(&sampler, &a), told.map(|told| (1.0, told)), "{limit}");
        }
    }
}
