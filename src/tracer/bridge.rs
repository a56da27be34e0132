//! What bridges ask of a tracer: to start a span in other terms, a chunk of spans that another library has recorded, a
//! decision for what has only begun, and the tracer's own words for what was lost.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::builder::TracerBuilder;
use super::handle::{Parts, Tracer};
use crate::diag::LossReason;
use crate::propagation::OtMember;
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::{
    ActiveContext, ChunkBuilder, NewSpan, SamplingDecision, Shared, SharedShards, Span,
    SpanContext, begin_new,
};

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

/// What bridges ask of a [`Tracer`].
pub trait TracerExt {
    /// Starts a span below a parent, or a new trace below an empty [`ActiveContext`]. For bridges; the same can be said
    /// to [`Tracer::span`]. It is not made active.
    ///
    /// ```
    /// use tracehound::bridge::{NewSpan, DerivedNames, TracerExt};
    /// use tracehound::{ActiveContext, SpanKind};
    ///
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// let span = NewSpan {
    ///     resource: "GET /cart".into(),
    ///     kind: SpanKind::Server,
    ///     naming: |_| DerivedNames { name: "server.request".into(), span_type: Some("web".into()) },
    ///     start: None,
    ///     tags: &[],
    /// };
    /// drop(tracer.start_new(span, ActiveContext::empty()));
    /// assert_eq!(captured.span("server.request").resource, "GET /cart");
    /// ```
    fn start_new(&self, span: NewSpan<'_>, parent: ActiveContext) -> Span;

    /// What is active in a store that the program has given to this tracer; `None` where it has none of its own.
    ///
    /// For a bridge to an API with a store of its own, where that says nothing.
    #[must_use]
    fn own_context(&self) -> Option<ActiveContext>;

    /// Begins a chunk of finished spans that another library has recorded, in the trace of `context`; its
    /// decision, origin and propagated tags count as if they had come in with headers.
    ///
    /// `None` where the context names no trace, and where this tracer does nothing.
    #[must_use]
    fn chunk(&self, context: SpanContext) -> Option<ChunkBuilder>;

    /// Takes the sampling decision on a trace that begins with the first span of a chunk as it is, unless the
    /// chunk has one; beside it, what another process is to know of the trace.
    ///
    /// For a library that must decide when a trace begins: the chunk is for the decision alone, and its spans
    /// are not sent.
    #[must_use]
    fn sample(&self, chunk: ChunkBuilder) -> (SamplingDecision, SpanContext);

    /// A tracer with another identity on the same pipeline: what they send, lose and decide is one.
    ///
    /// For a library that names the service itself, in a resource that is known later than the settings.
    #[must_use]
    fn with_identity(&self, identity: Identity) -> Tracer;

    /// Counts spans that were lost on their way into this tracer, and says so the first time for each reason.
    fn count_lost(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String);

    /// Says once which name spans get where nothing names the service, and how to name it; nothing where something
    /// does. For a bridge that has asked for [`TracerBuilder::service_named_later`](crate::bridge::TracerBuilderExt::service_named_later).
    fn warn_of_default_service(&self);

    /// A warning of a bridge, where the tracer's own go; given once for its `topic`.
    fn warn_once(&self, topic: &'static str, line: impl FnOnce() -> String);
}

impl TracerExt for Tracer {
    fn start_new(&self, span: NewSpan<'_>, parent: ActiveContext) -> Span {
        self.shared().map_or_else(Span::none, |shared| begin_new(shared, span, parent))
    }

    #[inline]
    fn own_context(&self) -> Option<ActiveContext> {
        let store = self.shared()?.context_stores.now();
        store.is_own().then(|| store.current())
    }

    fn chunk(&self, context: SpanContext) -> Option<ChunkBuilder> {
        ChunkBuilder::new(self.shared()?, context)
    }

    fn sample(&self, mut chunk: ChunkBuilder) -> (SamplingDecision, SpanContext) {
        let decision = chunk.decide();
        let probability = OtMember::of(chunk.segment(), &decision).and_then(OtMember::text);
        let context = SpanContext {
            priority: Some(decision.priority),
            mechanism: decision.mechanism,
            probability,
            ..chunk.into_context()
        };
        (decision, context)
    }

    fn with_identity(&self, identity: Identity) -> Tracer {
        let Some(Parts { shared, setup, propagator, propagators, wrap_executor }) = self.parts()
        else {
            return Tracer::none();
        };
        let Identity { service, env, version, tags: own } = identity;
        let mut tags = shared.tags.load().to_vec();
        tags.retain(|(key, _)| !own.iter().any(|(other, _)| other == key));
        tags.extend(own);
        let shared = SharedShards::new(Shared {
            service: service.unwrap_or_else(|| shared.service.clone()),
            span_service: Text::EMPTY,
            env: env.or_else(|| shared.env.clone()),
            version: version.or_else(|| shared.version.clone()),
            tags: Snapshot::new(tags),
            service_mapping: shared.service_mapping.clone(),
            apm_tracing: shared.apm_tracing,
            wide_trace_ids: shared.wide_trace_ids,
            partial_flush: shared.partial_flush().unwrap_or_default().into(),
            max_trace_bytes: shared.max_trace_bytes,
            stack_limit: shared.stack_limit,
            enabled: AtomicBool::new(shared.is_enabled()),
            has_ended: Arc::clone(&shared.has_ended),
            hooks: Arc::clone(&shared.hooks),
            context_stores: shared.context_stores.newest().cloned().into(),
            sink: Arc::clone(&shared.sink),
            diag: Arc::clone(&shared.diag),
        });
        Tracer::of(Parts {
            shared,
            setup: Arc::clone(setup),
            propagator: Arc::clone(propagator),
            propagators: Arc::clone(propagators),
            wrap_executor: wrap_executor.clone(),
        })
    }

    fn count_lost(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        if let Some(shared) = self.shared() {
            shared.diag.lose(reason, spans, detail);
        }
    }

    fn warn_of_default_service(&self) {
        let Some(Parts { shared, setup, .. }) = self.parts() else { return };
        let config = &setup.era().config;
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

    fn warn_once(&self, topic: &'static str, line: impl FnOnce() -> String) {
        if let Some(shared) = self.shared() {
            shared.diag.warn_once(topic, line);
        }
    }
}

/// What bridges say to a [`TracerBuilder`].
pub trait TracerBuilderExt: Sized {
    /// For bridges that learn the service only after the tracer is built: they say themselves, by
    /// [`Tracer::warn_of_default_service`], that it has no name.
    fn service_named_later(self) -> Self;
}

impl TracerBuilderExt for TracerBuilder {
    fn service_named_later(mut self) -> Self {
        self.is_named_later = true;
        self
    }
}
