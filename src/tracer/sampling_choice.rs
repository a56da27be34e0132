//! What is said about sampling in code.

use std::sync::Arc;

use crate::config::Config;
use crate::sampling::{Sampler, SamplingRule, SpanSamplingRule};

/// What a program says about sampling in code.
#[derive(Clone, Default)]
pub(super) struct SamplingChoice {
    /// In the place of the rules and rates.
    pub(super) sampler: Option<Arc<dyn Sampler>>,
    /// In the place of `DD_TRACE_SAMPLING_RULES`.
    pub(super) rules: Vec<SamplingRule>,
    /// In the place of `DD_SPAN_SAMPLING_RULES`.
    pub(super) span_rules: Vec<SpanSamplingRule>,
}

impl SamplingChoice {
    /// What is chosen here, and what another has chosen where this has not: what decides on traces, and on single
    /// spans.
    pub(super) fn or(self, other: SamplingChoice) -> Self {
        let decides_on_traces = self.sampler.is_some() || !self.rules.is_empty();
        let (sampler, rules) = match decides_on_traces {
            true => (self.sampler, self.rules),
            false => (other.sampler, other.rules),
        };
        let of_spans = if self.span_rules.is_empty() { other.span_rules } else { self.span_rules };
        SamplingChoice { sampler, rules, span_rules: of_spans }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sampler.is_none() && self.rules.is_empty() && self.span_rules.is_empty()
    }

    /// Tells the report of settings what stands in the place of variables.
    pub(super) fn report(&self, config: &mut Config) {
        let counts = [
            ("DD_TRACE_SAMPLING_RULES", self.rules.len()),
            ("DD_SPAN_SAMPLING_RULES", self.span_rules.len()),
        ];
        for (name, count) in counts {
            if count > 0 {
                config.report_code(name, format!("{count} given in code"));
            }
        }
        if self.sampler.is_some() {
            for name in ["DD_TRACE_SAMPLE_RATE", "DD_TRACE_SAMPLING_RULES"] {
                config.report_code(name, "a sampler given in code".to_owned());
            }
        }
    }
}
