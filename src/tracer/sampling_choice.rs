//! What is said about sampling in code.

use std::sync::Arc;

use crate::sampling::{Sampler, SamplingRule, SpanSamplingRule};

/// What a program says about sampling in code.
#[derive(Default)]
pub(super) struct SamplingChoice {
    /// In the place of the rules and rates.
    pub(super) sampler: Option<Arc<dyn Sampler>>,
    /// In the place of `DD_TRACE_SAMPLING_RULES`.
    pub(super) rules: Vec<SamplingRule>,
    /// In the place of `DD_SPAN_SAMPLING_RULES`.
    pub(super) span_rules: Vec<SpanSamplingRule>,
}
