//! OpenTelemetry's tracer on the core.

use std::sync::Arc;

use opentelemetry::trace::{self as otel, SpanBuilder, TraceContextExt};
use opentelemetry::{Context as OtelContext, InstrumentationScope};
use tracehound::{LateNamed, SpanKind};

use crate::attributes::set_all;
use crate::context_store::{self, Above};
use crate::limits::Limits;
use crate::live::Memory;
use crate::naming::names;
use crate::provider::Shared;
use crate::scope::Scope;
use crate::span::Span;

/// Starts spans of the core through OpenTelemetry's API.
///
/// Made by [`TracerProvider`](crate::TracerProvider), or by `opentelemetry::global::tracer`. A span that is
/// not recorded, because no tracer is installed, telemetry is suppressed or the provider was shut down,
/// carries its parent's span context: the trace goes on below it.
#[derive(Clone, Debug)]
pub struct Tracer {
    provider: Arc<Shared>,
    scope: Scope,
}

impl Tracer {
    pub(crate) fn new(provider: Arc<Shared>, scope: &InstrumentationScope) -> Self {
        Tracer { provider, scope: Scope::new(scope) }
    }
}

impl otel::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &OtelContext) -> Span {
        // OpenTelemetry may hold its context borrowed while this runs: nothing may be attached.
        let _inside = context_store::enter();
        if parent.is_telemetry_suppressed() || self.provider.is_shut_down() {
            return Span::unrecorded(parent);
        }
        let SpanBuilder { span_kind, name, start_time, attributes, events, links, .. } = builder;
        let Above { native, scope, shown } = Above::of(parent);
        let memory = Memory { shown, scope: self.scope.id() };
        let mut limits = Limits::new(self.provider.limits());
        let draft = LateNamed {
            resource: name.into(),
            kind: kind(span_kind),
            naming: names,
            start: start_time,
        };
        let started = self.provider.tracer().start_late_named(draft, native);
        if started.is_none() {
            return Span::unrecorded(parent);
        }
        self.scope.tag(&started, scope);
        if let Some(mut attributes) = attributes.filter(|attributes| !attributes.is_empty()) {
            if limits.are_custom() {
                attributes.retain_mut(|attribute| limits.admits(attribute));
            }
            set_all(&started, attributes);
        }
        limits.settle(&started);
        let state = parent.span().span_context().trace_state().clone();
        let mut span = Span::owned(started, state, memory, limits, start_time.is_some());
        for link in links.into_iter().flatten() {
            otel::Span::add_link(&mut span, link.span_context, link.attributes);
        }
        for event in events.into_iter().flatten() {
            otel::Span::add_event_with_timestamp(
                &mut span,
                event.name,
                event.timestamp,
                event.attributes,
            );
        }
        span
    }
}

pub(crate) fn kind(kind: Option<otel::SpanKind>) -> SpanKind {
    match kind {
        Some(otel::SpanKind::Client) => SpanKind::Client,
        Some(otel::SpanKind::Server) => SpanKind::Server,
        Some(otel::SpanKind::Producer) => SpanKind::Producer,
        Some(otel::SpanKind::Consumer) => SpanKind::Consumer,
        Some(otel::SpanKind::Internal) | None => SpanKind::Internal,
    }
}
