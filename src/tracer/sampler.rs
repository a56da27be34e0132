//! The samplers of a tracer, from its settings and from what was given in code.

use std::path::Path;
use std::sync::Arc;

use super::sampling_choice::SamplingChoice;
use crate::config::{Config, Origin, ReportRow};
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
    let text = Source::of(config, "DD_TRACE_SAMPLING_RULES", "sampling_rules");
    let file = Source::of(config, "DD_TRACE_SAMPLING_RULES_FILE", "sampling_rules_file");
    let rules = or_read(rules, text, file, trace_rules, diag);
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
    let text = Source::of(config, "DD_SPAN_SAMPLING_RULES", "span_sampling_rules");
    let file = Source::of(config, "DD_SPAN_SAMPLING_RULES_FILE", "span_sampling_rules_file");
    SpanSampler::new(or_read(rules, text, file, span_rules, diag))
}

/// A setting, and who gave it.
struct Source<'a> {
    value: Option<&'a str>,
    /// The variable or the setter.
    name: &'static str,
    origin: Origin,
}

impl<'a> Source<'a> {
    fn of(config: &'a Config, variable: &'static str, setter: &'static str) -> Self {
        let row = config.report().get(variable);
        let origin = row.map_or(Origin::Default, ReportRow::origin);
        let name = if origin == Origin::Code { setter } else { variable };
        Source { value: row.and_then(ReportRow::value), name, origin }
    }

    fn warn(&self, problem: &str, diag: &Diag) {
        diag.warn(&format!("{} ({}): {problem}", self.name, self.origin));
    }
}

/// The rules given in code, else those of the setting or of the file it names.
fn or_read<T>(
    rules: Vec<T>,
    text: Source<'_>,
    file: Source<'_>,
    parse: impl Fn(&str) -> Parsed<T>,
    diag: &Diag,
) -> Vec<T> {
    if !rules.is_empty() {
        return rules;
    }
    let source = if text.value.is_some() { &text } else { &file };
    let read = given_or_read(text.value, file.value.map(Path::new)).unwrap_or_else(|problem| {
        source.warn(&format!("{problem}; no rules apply"), diag);
        None
    });
    let Some(read) = read else { return Vec::new() };
    let Parsed { rules, problems } = parse(&read);
    for problem in problems {
        source.warn(&problem, diag);
    }
    rules
}
