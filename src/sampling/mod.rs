//! Which traces, and which single spans of other traces, are kept (Datadog trace sampling).
//!
//! | file | what is there |
//! | --- | --- |
//! | `sampler` | the trait for whoever decides on traces, and how it is asked |
//! | `datadog_sampler` | the sampler by default: rules, the agent's rates, a limit |
//! | `heartbeat` | the sampler where traces are not kept for their own sake |
//! | `single_spans` | spans that are kept though their trace is dropped |
//! | `rule`, `criteria`, `glob` | a rule for traces, what it asks of a span, and the patterns for that |
//! | `rules_json`, `rules_file` | rules in a setting, and in a file |
//! | `rate`, `agent_rates`, `limiter` | a share of all ids; the agent's; how many a second |
//! | `decision_tags`, `stack_text` | what the backend is told of a decision |
//!
//! Whatever decides here must agree with every other Datadog tracer, down to the last trace id: the tables in
//! `tests/vectors` say how. A new rule for traces goes into `rule` or `criteria`, and its field into `rules_json`.
//! Decisions are asked for by a trace that is still open ([`Sink`](crate::trace::Sink)), where only [`sampler::BuiltInSampler`]
//! runs under the lock, and by the worker (`pipeline`); their tags are written by `encode`; settings become a sampler in
//! `tracer/sampler.rs`.

mod agent_rates;
#[cfg(test)]
mod allocations;
mod criteria;
mod datadog_sampler;
mod decision_tags;
mod glob;
mod heartbeat;
mod limiter;
mod rate;
mod rule;
#[cfg(feature = "agent")]
mod rules_file;
#[cfg(feature = "agent")]
mod rules_json;
mod sampler;
mod single_spans;
mod stack_text;
#[cfg(test)]
#[cfg(feature = "agent")]
mod vectors;

pub use datadog_sampler::{DatadogSampler, DatadogSamplerBuilder};
pub(crate) use decision_tags::{HASH_RATE, Tag, chunk_tags, root_tags, span_tags};
pub(crate) use heartbeat::Heartbeat;
pub use rate::InvalidRate;
pub use rule::SamplingRule;
#[cfg(feature = "agent")]
pub(crate) use rules_file::read_rules_file;
#[cfg(feature = "agent")]
pub(crate) use rules_json::{Parsed, span_rules, trace_rules};
pub use sampler::Sampler;
pub(crate) use sampler::ask;
pub(crate) use single_spans::SpanSampler;
pub use single_spans::SpanSamplingRule;
