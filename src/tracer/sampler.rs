//! The samplers of a tracer, from its settings and from what was given in code.

use std::path::Path;
use std::sync::Arc;

use super::sampling_choice::SamplingChoice;
use crate::config::{Config, Origin, ReportRow};
use crate::diag::Diag;
use crate::sampling::{
    DatadogSampler, Heartbeat, Parsed, Sampler, SamplingRule, SpanSampler, SpanSamplingRule,
    read_rules_file, span_rules, trace_rules,
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
    let mut builder = DatadogSampler::builder().rules(rules).rate_limit(config.rate_limit());
    if let Some(rate) = config.sample_rate() {
        builder = builder.default_rate(rate);
    }
    // The configuration has checked the rate: nothing can be wrong.
    match builder.build() {
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
///
/// That a file is not used where the setting has rules says the configuration.
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
    let given = text.value.filter(|text| !text.trim().is_empty());
    let (source, read) = match (given, file.value) {
        (Some(given), _) => (&text, Ok(given.to_owned())),
        (None, Some(path)) => (&file, read_rules_file(Path::new(path))),
        (None, None) => return rules,
    };
    let Parsed { rules, problems } = match read {
        Ok(read) => parse(&read),
        Err(problem) => Parsed { rules, problems: vec![format!("{problem}; no rules apply")] },
    };
    for problem in problems {
        source.warn(&problem, diag);
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_wins_over_the_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let (file, missing) = (folder.path().join("rules"), folder.path().join("none"));
        std::fs::write(&file, r#"[{"sample_rate": 1}]"#).unwrap();
        let [file, missing] = [file.to_str(), missing.to_str()];
        let two = Some(r#"[{"sample_rate": 0}, {"sample_rate": 1}]"#);
        let source = |value| Source { value, name: "x", origin: Origin::Code };
        for (given, path, expected) in [
            (two, None, 2),
            (two, missing, 2),
            (None, file, 1),
            (Some(" "), file, 1),
            (Some(""), None, 0),
            (None, None, 0),
            (None, missing, 0),
        ] {
            let diag = Diag::new(false, None);
            let rules = or_read(Vec::new(), source(given), source(path), trace_rules, &diag);
            assert_eq!(rules.len(), expected, "{given:?} {path:?}");
        }
    }
}
