//! The span context that OpenTelemetry sees of a span, before and after the sampling decision.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use tracehound::SpanRef;
use tracehound::bridge::DecisionMark;
use tracehound::bridge::{SpanExt as _, TracestateExt as _};
use tracehound_fork::WriteOnce;

use super::registry;
use crate::convert::span_context::{to_otel, to_otel_now};

/// A list of span contexts: one for each sampling decision under which it was asked for.
///
/// OpenTelemetry takes the span context by reference, so none may change: a newer one is appended. There are few,
/// because a decision is taken once and changes only where the user says so (`manual.keep`, `manual.drop`).
#[derive(Debug)]
pub(crate) struct Versions {
    context: SpanContext,
    /// The decision in it, if there was one.
    decision: Option<DecisionMark>,
    newer: WriteOnce<Versions>,
}

/// The member of a trace state that is made from the span itself, and not inherited.
const DATADOG: &str = "dd";

impl Versions {
    fn first(context: SpanContext, decision: Option<DecisionMark>) -> Self {
        Versions { context, decision, newer: WriteOnce::new() }
    }

    /// Of a span that starts below one without a trace state.
    #[inline(always)]
    pub(crate) fn new(span: &SpanRef) -> Self {
        if span.has_tracestate() {
            return Self::of_now(span);
        }
        let context = to_otel(span, None, TraceState::NONE);
        Versions { context, decision: None, newer: WriteOnce::new() }
    }

    /// With the decision as it is, in flags and trace state: what headers written now would say.
    #[cold]
    fn of_now(span: &SpanRef) -> Self {
        let (context, decision) = to_otel_now(span);
        Self::first(context, decision)
    }

    /// Of a span that starts below one with this trace state, which goes on as long as nothing is decided.
    pub(crate) fn below(span: &SpanRef, state: &TraceState) -> Self {
        if *state == TraceState::NONE || span.decision_mark().is_some() {
            return Self::new(span);
        }
        let state = match state.get(DATADOG) {
            None => state.clone(),
            Some(_) => state.delete(DATADOG).unwrap_or_default(),
        };
        Self::first(to_otel(span, None, state), None)
    }

    /// Of a span that does not exist.
    pub(crate) fn unrecorded(context: SpanContext) -> Self {
        Self::first(context, None)
    }

    /// The one that is true now. Takes no decision, and allocates only the first time after one was taken.
    #[inline]
    pub(crate) fn current(&self, span: &SpanRef) -> &SpanContext {
        match self.find(span.decision_mark()) {
            Ok(version) => &version.context,
            Err(_) => self.append(span),
        }
    }

    /// Appends what the decision is as it is read for this: it may be another one than a moment before, and there
    /// already. Where other threads do the same, theirs is as true.
    #[cold]
    fn append(&self, span: &SpanRef) -> &SpanContext {
        let made = Self::of_now(span);
        match self.find(made.decision) {
            Ok(version) => &version.context,
            Err(last) => &last.newer.get_or_make(|| made).context,
        }
    }

    /// The one of a decision; else the last there is.
    #[inline]
    fn find(&self, decision: Option<DecisionMark>) -> Result<&Versions, &Versions> {
        let mut version = self;
        while version.decision != decision {
            version = version.newer.get().ok_or(version)?;
        }
        Ok(version)
    }
}

/// The span context of what is active in a context, as headers written now would say it: with the sampling
/// decision in its flags, and in its trace state the member `dd`.
///
/// Takes the decision if nobody has yet. [`Context::span`](TraceContextExt::span) has a copy instead that was
/// made when the span was made active, and so says "sampled" where nothing had been decided by then.
///
/// ```
/// use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider as _};
/// use tracehound_opentelemetry::{TracerProvider, decided_span_context};
///
/// let (tracer, _) = tracehound::testing::tracer();
/// let otel = TracerProvider::new(tracer).tracer("doc");
/// otel.in_span("unwanted", |cx| {
///     cx.span().set_attribute(opentelemetry::KeyValue::new("manual.drop", true));
///     let context = decided_span_context(&cx);
///     assert!(!context.is_sampled());
///     assert!(context.trace_state().get("dd").unwrap().contains("s:-1"));
/// });
/// ```
#[must_use]
pub fn decided_span_context(context: &Context) -> SpanContext {
    let copy = context.span().span_context().clone();
    let Some((span, _)) = registry::find(&copy) else { return copy };
    // Takes the decision.
    let _ = span.propagation_context();
    to_otel_now(&span).0
}
