//! A rule for traces: what it asks of the local root, and the share of what it matches that is kept.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::criteria::{Criteria, criteria_methods, tag_key};
use super::glob::Glob;
use super::rate::{InvalidRate, Rate};
use crate::trace::{SamplingMechanism, SpanView};
use crate::user_code::{self, UserCode};

/// A share of the traces whose local root matches.
///
/// A rule without criteria matches every trace; of several criteria all have to match. They are patterns for
/// the whole text, whatever its case: `*` stands for any characters, also none, `?` for exactly one, and
/// everything else for itself.
///
/// ```
/// use tracehound::{DatadogSampler, SamplingRule};
///
/// let sampler = DatadogSampler::builder()
///     .rule(SamplingRule::new(0.0)?.resource("GET /health*"))
///     .rule(SamplingRule::new(1.0)?.service("checkout").tag("customer.plan", "gold"))
///     .default_rate(0.1)
///     .build()?;
/// # let _ = sampler;
/// # Ok::<(), tracehound::InvalidRate>(())
/// ```
#[derive(Clone)]
pub struct SamplingRule {
    pub(super) rate: Rate,
    pub(super) criteria: Criteria,
    pub(super) provenance: Provenance,
    predicates: Vec<Arc<Predicate>>,
}

/// Who made a rule. In this order they are tried, whatever their order in the list (sampling §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Provenance {
    /// A user, through remote configuration.
    Customer,
    /// Datadog, which adapts it through remote configuration.
    Dynamic,
    /// This process: its code or its environment.
    #[default]
    Local,
}

impl SamplingRule {
    /// A rule that keeps this share of the traces it matches: 0.0 none, 1.0 all.
    ///
    /// # Errors
    ///
    /// The rate is not a number between 0 and 1.
    pub fn new(rate: f64) -> Result<Self, InvalidRate> {
        Ok(SamplingRule {
            rate: Rate::new(rate)?,
            criteria: Criteria::default(),
            provenance: Provenance::Local,
            predicates: Vec::new(),
        })
    }

    criteria_methods!();

    /// Only where a function of yours says so. It is asked after the patterns; of several, all are.
    ///
    /// It runs where the decision is taken: on a thread of the application when the trace leaves the process
    /// (headers are injected), else on the tracer's. So it should be quick. A function that panics does not
    /// match, and after the third panic it is not asked any more.
    #[must_use]
    pub fn when(
        mut self,
        predicate: impl Fn(&SpanView<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicates
            .push(Arc::new(Predicate { test: Box::new(predicate), panics: AtomicU8::new(0) }));
        self
    }

    /// Whether the span is one that the rule is for.
    #[must_use]
    pub fn matches(&self, span: &SpanView<'_>) -> bool {
        self.criteria.matches(span) && self.predicates.iter().all(|predicate| predicate.holds(span))
    }

    /// Whether the span's trace is in the share that is kept, matched or not. The same in every service that
    /// sees the trace.
    #[must_use]
    pub fn sample(&self, span: &SpanView<'_>) -> bool {
        self.rate.keeps(span.trace_id().low())
    }

    pub(super) fn runs_user_code(&self) -> bool {
        !self.predicates.is_empty()
    }

    pub(super) fn mechanism(&self) -> SamplingMechanism {
        match self.provenance {
            Provenance::Customer => SamplingMechanism::REMOTE_USER_RULE,
            Provenance::Dynamic => SamplingMechanism::REMOTE_DYNAMIC_RULE,
            Provenance::Local => SamplingMechanism::RULE,
        }
    }
}

impl fmt::Debug for SamplingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamplingRule")
            .field("rate", &self.rate.get())
            .field("criteria", &self.criteria)
            .field("provenance", &self.provenance)
            .field("predicates", &self.predicates.len())
            .finish()
    }
}

struct Predicate {
    test: Box<dyn Fn(&SpanView<'_>) -> bool + Send + Sync>,
    panics: AtomicU8,
}

/// Then a function that panics is left alone: every panic writes to the standard error stream.
const MAX_PANICS: u8 = 3;

impl Predicate {
    fn holds(&self, span: &SpanView<'_>) -> bool {
        if self.panics.load(Ordering::Relaxed) >= MAX_PANICS {
            return false;
        }
        let diag = &span.segment.shared.diag;
        user_code::call(UserCode::SamplingRule, diag, || (self.test)(span)).unwrap_or_else(|| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn every_criterion_has_to_match() {
        let bench = Bench::new();
        let span = bench.span("web.request").resource("/bar").tag("k", "v").start();
        let matches = |rule: SamplingRule| span.read(|span| rule.matches(span)).unwrap();
        let rule = || SamplingRule::new(0.5).unwrap();
        assert!(matches(rule()));
        let all = rule().service("W*").name("web.*").resource("/B?r").tag("k", "v");
        assert!(matches(all.clone()));
        assert!(matches(all.clone().when(|span| span.name() == "web.request")));
        assert!(!matches(all.clone().when(|_| true).when(|_| false)));
        for other in [
            all.clone().service("x"),
            all.clone().name("x"),
            all.clone().resource("x"),
            all.clone().tag("k", "x"),
            all.tag("missing", "*"),
        ] {
            assert!(!matches(other.clone()), "{other:?}");
        }
    }

    #[test]
    fn the_share_is_that_of_the_trace() {
        let bench = Bench::new();
        let span = bench.span("root").start();
        for (rate, kept) in [(0.0, false), (1.0, true)] {
            let rule = SamplingRule::new(rate).unwrap().service("no match");
            assert_eq!(span.read(|span| rule.sample(span)), Some(kept));
        }
        assert!(SamplingRule::new(1.5).is_err());
    }

    #[test]
    fn a_function_that_panics_does_not_match_and_is_given_up() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let rule = SamplingRule::new(1.0).unwrap().when(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            panic!("as the test wants");
        });
        let bench = Bench::new();
        let span = bench.span("root").start();
        for _ in 0..10 {
            assert_eq!(span.read(|span| rule.matches(span)), Some(false));
        }
        assert_eq!(asked.load(Ordering::Relaxed), usize::from(MAX_PANICS));
    }
}
