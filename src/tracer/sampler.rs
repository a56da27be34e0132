//! The samplers of a tracer, from its settings and from what was given in code.

use std::path::Path;
use std::sync::Arc;

use super::sampling_choice::SamplingChoice;
use crate::config::Config;
use crate::diag::Diag;
use crate::sampling::{
    DatadogSampler, Heartbeat, Parsed, Sampler, SamplingRule, SpanSampler, SpanSamplingRule,
    given_or_read, span_rules, trace_rules,
};

impl SamplingChoice {
    /// The sampler of traces, and the one of single spans.
    pub(super) fn samplers(self, config: &Config, diag: &Diag) -> (Arc<dyn Sampler>, SpanSampler) {
        let SamplingChoice { sampler, rules, span_rules } = self;
        let traces = sampler.unwrap_or_else(|| trace_sampler(rules, config, diag));
        (traces, span_sampler(span_rules, config, diag))
    }
}

fn trace_sampler(rules: Vec<SamplingRule>, config: &Config, diag: &Diag) -> Arc<dyn Sampler> {
    if !config.apm_tracing() {
        return Arc::new(Heartbeat::new());
    }
    let settings = (config.sampling_rules(), config.sampling_rules_file());
    let rules = or_read(rules, "DD_TRACE_SAMPLING_RULES", settings, trace_rules, diag);
    let builder = DatadogSampler::builder().rules(rules).rate_limit(config.rate_limit());
    let with_rate = match config.sample_rate() {
        Some(rate) => builder.clone().default_rate(rate),
        None => builder.clone(),
    };
    // The configuration has checked the rate: without one, nothing can be wrong.
    match with_rate.build().or_else(|_| builder.build()) {
        Ok(sampler) => Arc::new(sampler),
        Err(_) => Arc::new(Heartbeat::new()),
    }
}

fn span_sampler(rules: Vec<SpanSamplingRule>, config: &Config, diag: &Diag) -> SpanSampler {
    let settings = (config.span_sampling_rules(), config.span_sampling_rules_file());
    SpanSampler::new(or_read(rules, "DD_SPAN_SAMPLING_RULES", settings, span_rules, diag))
}

/// The rules given in code, else those of the setting or of the file it names.
fn or_read<T>(
    rules: Vec<T>,
    name: &str,
    (text, file): (Option<&str>, Option<&str>),
    parse: impl Fn(&str) -> Parsed<T>,
    diag: &Diag,
) -> Vec<T> {
    if !rules.is_empty() {
        return rules;
    }
    let text = given_or_read(text, file.map(Path::new)).unwrap_or_else(|problem| {
        diag.warn(&format!("{name}_FILE: {problem}; no rules apply"));
        None
    });
    let Some(text) = text else { return Vec::new() };
    let Parsed { rules, problems } = parse(&text);
    for problem in problems {
        diag.warn(&format!("{name}: {problem}"));
    }
    rules
}
