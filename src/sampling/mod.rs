//! Which traces are kept, and which single spans of the other traces (Datadog trace sampling).
//!
//! | file | what is there |
//! | --- | --- |
//! | `sampler` | the trait for samplers of traces, and how one is asked |
//! | `datadog_sampler` | the sampler by default: rules, then the agent's rates, and a limit |
//! | `heartbeat` | the sampler where traces are not kept for their own sake |
//! | `single_spans` | spans that are kept though their trace is dropped |
//! | `rule`, `criteria`, `glob` | a rule for traces, its conditions, and the patterns in them |
//! | `rules_json`, `rules_file` | rules in a setting, and in a file |
//! | `rate`, `agent_rates`, `limiter` | a share of all ids; the agent's shares; how many per second |
//! | `decision_tags`, `stack_text` | the tags that tell the backend about a decision, and short texts for them |
//!
//! Every Datadog tracer must decide alike, down to the last trace id: the tables in `tests/vectors` say how. A new
//! condition of rules goes into `criteria`, any other property of a rule into `rule`, and its field into `rules_json`.
//!
//! Who asks for a decision: a trace that is still open ([`Sink`](crate::trace::Sink)), where only a
//! [`sampler::BuiltInSampler`] runs under the lock of the trace, and the worker (`pipeline`). `encode` writes the tags of a
//! decision, and `tracer/sampler.rs` makes the samplers from the settings.

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
pub(crate) use decision_tags::{
    DECISION_MAKER, HASH_RATE, PRIORITY, Tag, chunk_tags, root_tags, span_tags,
};
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
