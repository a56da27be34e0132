//! Which traces, and which single spans of other traces, are kept (Datadog trace sampling).

mod annotate;
mod apm_off;
mod builder;
#[cfg(test)]
mod cost;
mod criteria;
mod engine;
mod glob;
mod hash;
mod ksr;
mod limiter;
#[cfg(feature = "agent")]
mod parse;
mod rate;
mod rates;
mod rule;
mod rules_file;
mod sampler;
mod short;
mod spans;
#[cfg(test)]
#[cfg(feature = "agent")]
mod vectors;

pub(crate) use annotate::{HASH_RATE, Tag, chunk_tags, root_tags, span_tags};
pub(crate) use apm_off::Heartbeat;
pub use builder::DatadogSamplerBuilder;
pub use engine::DatadogSampler;
#[cfg(feature = "agent")]
pub(crate) use parse::{Parsed, span_rules, trace_rules};
pub use rate::InvalidRate;
pub use rule::SamplingRule;
pub(crate) use rules_file::given_or_read;
pub use sampler::Sampler;
pub(crate) use sampler::ask;
pub(crate) use spans::SpanSampler;
pub use spans::SpanSamplingRule;
