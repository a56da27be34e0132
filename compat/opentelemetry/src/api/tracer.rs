//! OpenTelemetry's tracer on the core.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{self as otel, Event, Link, SpanBuilder, TraceContextExt};
use opentelemetry::{Context as OtelContext, InstrumentationScope, KeyValue};
use tracehound::bridge::ContextExt as _;
use tracehound::bridge::NewSpan;
use tracehound::bridge::TracerExt as _;
use tracehound::{ActiveContext, SpanKind, SpanRef};

use super::state::State;
use crate::context::active::active;
use crate::context::{baggage, forbid_attach};
use crate::convert::attributes::set_all;
use crate::convert::naming::{kind, names};
use crate::convert::scope::Scope;
use crate::span::registry::Metadata;
use crate::span::{Limits, Span, add_event, add_link};

/// Starts spans of the core through OpenTelemetry's API.
///
/// Made by [`TracerProvider`](crate::TracerProvider), or by `opentelemetry::global::tracer`. A span that is
/// not recorded, because no tracer is installed, telemetry is suppressed or the provider was shut down,
/// carries its parent's span context: the trace goes on below it.
#[derive(Clone, Debug)]
pub struct Tracer {
    provider: Arc<State>,
    scope: Scope,
}

impl Tracer {
    pub(super) fn new(provider: Arc<State>, scope: &InstrumentationScope) -> Self {
        Tracer { provider, scope: Scope::new(scope) }
    }

    /// Starts a span below a context; `fill` gives it what it has from the start.
    #[inline]
    fn begin(
        &self,
        name: Cow<'static, str>,
        kind: SpanKind,
        start: Option<SystemTime>,
        parent: &OtelContext,
        fill: impl FnOnce(&SpanRef, &mut Limits),
    ) -> Span {
        // OpenTelemetry may hold its context borrowed while this runs.
        let _no_attach = forbid_attach();
        if parent.is_telemetry_suppressed() || self.provider.is_shut_down() {
            return Span::unrecorded(parent);
        }
        let (mut native, Metadata { mut base_baggage, scope }) = active(parent);
        if native.is_empty() {
            native = self.own(parent).unwrap_or(native);
        }
        baggage::merge_into(&mut native, parent, &mut base_baggage);
        if !self.provider.is_parent_based {
            native = native.without_remote_decision();
        }
        let metadata = Metadata { base_baggage, scope: self.scope.id() };
        let mut limits = Limits::new(self.provider.limits());
        let draft = NewSpan {
            resource: name.into(),
            kind,
            naming: names,
            start,
            tags: self.scope.tags(scope),
        };
        let started = self.provider.tracer().start_new(draft, native);
        if started.is_none() {
            return Span::unrecorded(parent);
        }
        self.scope.set_special(&started, scope);
        fill(&started, &mut limits);
        let above = parent.span();
        Span::owned(started, above.span_context().trace_state(), metadata, limits, start.is_some())
    }

    /// What is active in a store that the program has given to the native tracer, which may know what OpenTelemetry's
    /// context does not; `None` where that is the store as well, and where the program has named another context.
    fn own(&self, parent: &OtelContext) -> Option<ActiveContext> {
        let own = self.provider.tracer().own_context()?;
        // One that is named is another value, or a copy of this one.
        OtelContext::map_current(|current| std::ptr::eq(current, parent)).then_some(own)
    }

    /// Starts a span of which only the name is known.
    #[inline]
    fn begin_named(&self, name: Cow<'static, str>, parent: &OtelContext) -> Span {
        self.begin(name, SpanKind::Internal, None, parent, |_, _| {})
    }
}

impl otel::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &OtelContext) -> Span {
        let SpanBuilder { span_kind, name, start_time, attributes, events, links, .. } = builder;
        self.begin(name, kind(span_kind.as_ref()), start_time, parent, |started, limits| {
            if let Some(attributes) = attributes {
                set_admitted(started, limits, attributes);
            }
            if links.is_some() || events.is_some() {
                add_entries(started, limits, links, events);
            }
        })
    }

    // What the trait does by itself, without a builder that is filled, moved and taken apart again.

    fn start_with_context<T: Into<Cow<'static, str>>>(
        &self,
        name: T,
        parent: &OtelContext,
    ) -> Span {
        self.begin_named(name.into(), parent)
    }

    fn in_span<T, F, N>(&self, name: N, work: F) -> T
    where
        F: FnOnce(OtelContext) -> T,
        N: Into<Cow<'static, str>>,
    {
        let name = name.into();
        let active =
            OtelContext::map_current(|parent| parent.with_span(self.begin_named(name, parent)));
        let _guard = active.clone().attach();
        work(active)
    }
}

#[inline(never)]
fn set_admitted(span: &SpanRef, limits: &mut Limits, mut attributes: Vec<KeyValue>) {
    if limits.are_custom() {
        attributes.retain_mut(|attribute| limits.admits(span, attribute));
    }
    if !attributes.is_empty() {
        set_all(span, attributes);
    }
}

#[cold]
fn add_entries(
    span: &SpanRef,
    limits: &Limits,
    links: Option<Vec<Link>>,
    events: Option<Vec<Event>>,
) {
    links.into_iter().flatten().for_each(|link| add_link(span, limits, link));
    events.into_iter().flatten().for_each(|event| add_event(span, limits, event));
}
