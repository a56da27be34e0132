#![doc = include_str!("../docs/guide.md")]
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test may fail loudly"))]
#![cfg_attr(
    not(feature = "client-stats"),
    allow(
        dead_code,
        unused_imports,
        reason = "what only the pipeline and its statistics use is built all the same"
    )
)]

#[cfg(feature = "agent")]
mod agent;
pub mod bridge;
mod captured;
mod catch;
mod clock;
pub mod config;
mod diag;
#[cfg(feature = "agent")]
mod encode;
mod error;
mod filter;
mod frames;
#[cfg(feature = "http-tags")]
pub mod http;
mod id;
pub mod integration;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod macro_support;
pub mod naming;
mod panics;
mod peer_service;
#[cfg(feature = "agent")]
mod pipeline;
mod primitives;
mod propagation;
pub mod quantize;
mod replaceable;
mod sampling;
mod shard;
#[cfg(feature = "client-stats")]
mod stats;
mod suppression;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod trace;
mod tracer;
mod user_code;

pub use captured::{Captured, CapturedSpan};
pub use diag::{Answers, DroppedByFilter, Filtered, LogLevel, LossReason, Losses, Statistics};
pub use error::FlushError;
pub use filter::{DropResources, KeepErrors, KeepOneIn, KeepSlow, TraceFilter, Verdict};
#[cfg(feature = "regex")]
pub use filter::{FilterRequestsOnUrl, InvalidPattern};
pub use id::{ParseIdError, SpanId, TraceId};
pub use integration::integrations;
pub use peer_service::PeerService;
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
    FinishedSpan, FinishedTrace, FutureExt, HookGuard, HookHandle, InContext, InSpan,
    SamplingDecision, SamplingMechanism, SamplingPriority, ScopeToken, Span, SpanBuilder,
    SpanContext, SpanEvent, SpanKind, SpanLink, SpanRef, SpanView, TagValue,
};
#[cfg(feature = "macros")]
pub use tracehound_macros::{main, wrap};
#[cfg(all(unix, feature = "signals"))]
pub use tracer::on_signals;
#[cfg(feature = "agent")]
pub use tracer::{OtlpWriter, TraceWriter, before_exit};
pub use tracer::{
    ReconfigureError, Tracer, TracerBuilder, TracerGuard, WrapCall, WrapExecutor, activate,
    active_ids, current_root_span, current_span, extract, flush, flush_async, in_span, init,
    inject, propagation_context, shutdown, shutdown_async, span, start_span, statistics, trace,
    tracer, wrap_fn,
};
