//! What bridges use whose spans another library records: a chunk to fill in, a decision for what has only
//! begun, and the tracer's own words for what was lost.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::handle::{Parts, Tracer};
use super::propagation::Explained;
use crate::diag::LossReason;
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::{ChunkBuilder, Decision, Shared, SharedLanes, SpanContext};

/// Whose spans they are: what is absent is as it is with the tracer it is taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The service of spans that name none.
    pub service: Option<Text>,
    /// The environment.
    pub env: Option<Text>,
    /// The version of the service.
    pub version: Option<Text>,
    /// Tags of every span, over tags of the tracer of the same names.
    pub tags: Vec<(Text, Text)>,
}

impl Tracer {
    /// Begins a chunk of finished spans that another library has recorded, in the trace of `context`; its
    /// decision, origin and propagated tags count as if they had come in with headers.
    ///
    /// `None` where the context names no trace, and where this tracer does nothing.
    #[must_use]
    pub fn chunk(&self, context: SpanContext) -> Option<ChunkBuilder> {
        ChunkBuilder::new(self.shared()?, context)
    }

    /// Takes the sampling decision on a trace that begins with the first span of a chunk as it is, unless the
    /// chunk has one; beside it, what another process is to know of the trace.
    ///
    /// For a library that must decide when a trace begins: the chunk is for the decision alone, and its spans
    /// are not sent.
    #[must_use]
    pub fn sample(&self, mut chunk: ChunkBuilder) -> (Decision, SpanContext) {
        let decision = chunk.decide();
        let probability = Explained::of(chunk.segment(), &decision).map(Explained::into_text);
        let context = SpanContext {
            priority: Some(decision.priority),
            mechanism: decision.mechanism,
            probability,
            ..chunk.into_context()
        };
        (decision, context)
    }

    /// A tracer with another identity on the same pipeline: what they send, lose and decide is one.
    ///
    /// For a library that names the service itself, in a resource that is known later than the settings.
    #[must_use]
    pub fn with_identity(&self, identity: Identity) -> Tracer {
        let Some(Parts { shared, exporter, config, propagator, propagators }) = self.parts() else {
            return Tracer::none();
        };
        let Identity { service, env, version, tags: own } = identity;
        let mut tags = shared.tags.load().to_vec();
        tags.retain(|(key, _)| !own.iter().any(|(other, _)| other == key));
        tags.extend(own);
        let shared = SharedLanes::new(Shared {
            service: service.unwrap_or_else(|| shared.service.clone()),
            span_service: Text::EMPTY,
            env: env.or_else(|| shared.env.clone()),
            version: version.or_else(|| shared.version.clone()),
            tags: Snapshot::new(tags),
            service_mapping: shared.service_mapping.clone(),
            apm_tracing: shared.apm_tracing,
            wide_trace_ids: shared.wide_trace_ids,
            partial_flush: shared.partial_flush,
            max_trace_bytes: shared.max_trace_bytes,
            stack_limit: shared.stack_limit,
            enabled: AtomicBool::new(shared.is_enabled()),
            has_ended: Arc::clone(&shared.has_ended),
            context_store: shared.context_store.clone(),
            sink: Arc::clone(&shared.sink),
            diag: Arc::clone(&shared.diag),
        });
        Tracer::of(Parts {
            shared,
            exporter: exporter.clone(),
            config: config.clone(),
            propagator: Arc::clone(propagator),
            propagators: Arc::clone(propagators),
        })
    }

    /// Counts spans that were lost on their way into this tracer, and says so the first time for each reason.
    pub fn count_lost(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        if let Some(shared) = self.shared() {
            shared.diag.lose(reason, spans, detail);
        }
    }

    /// Says once which name spans get where nothing names the service, and how to name it; nothing where something
    /// does. For a bridge that has asked for [`TracerBuilder::service_named_later`](crate::TracerBuilder::service_named_later).
    pub fn warn_of_default_service(&self) {
        let Some(Parts { shared, config, .. }) = self.parts() else { return };
        if config.service_is_default() && config.enabled() {
            shared.diag.warn_once("service.default", || {
                format!(
                    "nothing names the service, and spans get the name {:?}; set DD_SERVICE, or call \
                     `service` of the builder",
                    shared.service
                )
            });
        }
    }

    /// A warning of a bridge, where the tracer's own go; given once for its `topic`.
    pub fn warn_once(&self, topic: &'static str, line: impl FnOnce() -> String) {
        if let Some(shared) = self.shared() {
            shared.diag.warn_once(topic, line);
        }
    }
}
