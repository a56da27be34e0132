//! OpenTelemetry's tracer on the core.

use std::sync::Arc;

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::{self as otel, SpanBuilder, TraceContextExt};
use tracehound::{Context, SpanKind, Text};

use crate::attributes::{Attribute, attribute};
use crate::naming::names;
use crate::span::{self, Span};
use crate::{context_store, live, remote};

/// Starts spans of the core through OpenTelemetry's API.
///
/// Made by [`TracerProvider`](crate::TracerProvider), or by `opentelemetry::global::tracer`.
#[derive(Clone, Debug)]
pub struct Tracer {
    tracer: Arc<tracehound::Tracer>,
}

impl Tracer {
    pub(crate) fn new(tracer: Arc<tracehound::Tracer>) -> Self {
        Tracer { tracer }
    }
}

impl otel::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &OtelContext) -> Span {
        // OpenTelemetry may hold its context borrowed while this runs: nothing may be attached.
        let _inside = context_store::enter();
        if parent.is_telemetry_suppressed() {
            return Span::default();
        }
        let SpanBuilder { span_kind, name, start_time, attributes, events, links, .. } = builder;
        let mut draft = self
            .tracer
            .span(Text::EMPTY)
            .resource(name)
            .kind(kind(span_kind))
            .naming(names)
            .child_of(parent_of(parent));
        if let Some(start) = start_time {
            draft = draft.start_time(start);
        }
        for pair in attributes.into_iter().flatten() {
            if let Attribute::Tag(key, value) = attribute(pair) {
                draft = draft.tag(key, value);
            }
        }
        let started = draft.start();
        for link in links.into_iter().flatten() {
            if let Some(link) = span::link(&link.span_context, link.attributes) {
                started.add_link(link);
            }
        }
        live::remember(&started);
        let mut span = Span::owned(started);
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

/// The parent that a context names, in the core's terms.
fn parent_of(parent: &OtelContext) -> Context {
    if let Some(span) = live::span_of(parent) {
        return span.into();
    }
    if let Some(remote) = context_store::remote_of(parent) {
        return remote.into();
    }
    if parent.has_active_span() {
        return remote::from_otel(parent.span().span_context()).into();
    }
    Context::empty()
}

fn kind(kind: Option<otel::SpanKind>) -> SpanKind {
    match kind {
        Some(otel::SpanKind::Client) => SpanKind::Client,
        Some(otel::SpanKind::Server) => SpanKind::Server,
        Some(otel::SpanKind::Producer) => SpanKind::Producer,
        Some(otel::SpanKind::Consumer) => SpanKind::Consumer,
        Some(otel::SpanKind::Internal) | None => SpanKind::Internal,
    }
}
