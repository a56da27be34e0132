#![doc = include_str!("../docs/guide.md")]
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test may fail loudly"))]
#![cfg_attr(
    not(feature = "agent"),
    allow(dead_code, unused_imports, reason = "what only the pipeline uses is built all the same")
)]

#[cfg(feature = "agent")]
mod agent;
pub mod bridge;
mod catch;
mod clock;
pub mod config;
mod diag;
#[cfg(feature = "agent")]
mod encode;
mod error;
mod frames;
mod id;
mod panics;
#[cfg(feature = "agent")]
mod pipeline;
mod primitives;
mod propagation;
mod sampling;
mod shard;
mod suppression;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod trace;
mod tracer;
mod user_code;

pub use diag::{Answers, LogLevel, LossReason, Losses, Statistics};
pub use error::FlushError;
pub use id::{ParseIdError, SpanId, TraceId};
pub use propagation::{
    EnvExtractor, EnvInjector, Extractor, HeaderBlock, HeaderLookup, HttpPropagator, Injector,
    Propagator, header_value, is_header_name,
};
pub use sampling::{
    DatadogSampler, DatadogSamplerBuilder, InvalidRate, Sampler, SamplingRule, SpanSamplingRule,
};
pub use suppression::{Suppression, suppress};
pub use text::Text;
#[cfg(feature = "stream")]
pub use trace::StreamExt;
#[cfg(feature = "struct-tags")]
pub use trace::StructTagError;
pub use trace::{
    ActiveContext, ActiveIds, ActiveScope, ActiveSpan, Baggage, ContextProvider, EventValue,
    FutureExt, InContext, InSpan, SamplingDecision, SamplingMechanism, SamplingPriority,
    ScopeToken, Span, SpanBuilder, SpanContext, SpanEvent, SpanKind, SpanLink, SpanRef, SpanView,
    TagValue,
};
#[cfg(feature = "agent")]
pub use tracer::before_exit;
#[cfg(all(unix, feature = "signals"))]
pub use tracer::on_signals;
pub use tracer::{
    Tracer, TracerBuilder, TracerGuard, activate, active_ids, current_root_span, current_span,
    extract, flush, flush_async, in_span, init, inject, propagation_context, shutdown,
    shutdown_async, span, start_span, statistics, trace, tracer,
};
