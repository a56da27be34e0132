//! How a sampler is put together.

use super::engine::{DatadogSampler, Rules};
use super::limiter::Limiter;
use super::rate::{InvalidRate, Rate};
use super::rule::SamplingRule;

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
        let rate = self.default_rate.map(Rate::new).transpose()?;
        // A negative number is no limit.
        let limit = self.rate_limit.map_or(-1.0, |limit| limit as f64);
        let rules = Rules { rules: self.rules, rate };
        Ok(DatadogSampler::new(rules, Limiter::per_second(limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_rate_that_is_none_is_refused() {
        assert!(DatadogSampler::builder().default_rate(f64::NAN).build().is_err());
        assert!(DatadogSampler::builder().default_rate(1.0).build().is_ok());
    }
}
