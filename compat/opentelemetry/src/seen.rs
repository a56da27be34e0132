//! What OpenTelemetry sees of a span, before and after its trace is decided.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use tracehound::SpanRef;
use tracehound::bridge::DecisionMark;
use tracehound::bridge::SpanExt as _;
use tracehound_fork::WriteOnce;

use crate::{live, remote};

/// A span context for each decision on the trace that somebody has asked under.
///
/// They are given out by reference, and so none may change: a later one is put behind the earlier ones. There
/// are few, because a decision is taken once and changes only by the user's own word.
#[derive(Debug)]
pub(crate) struct Seen {
    context: SpanContext,
    /// What had been decided, if anything.
    when: Option<DecisionMark>,
    later: WriteOnce<Seen>,
}

/// The member of trace state that is made from the span itself.
const DATADOG: &str = "dd";

impl Seen {
    /// At the start of a span below one without a trace state.
    #[inline(always)]
    pub(crate) fn first(span: &SpanRef) -> Self {
        if span.has_tracestate() {
            return Self::of_now(span);
        }
        let context = remote::to_otel(span, None, TraceState::NONE);
        Seen { context, when: None, later: WriteOnce::new() }
    }

    /// With the decision as it is in both, flags and trace state: what headers written now would say.
    #[cold]
    fn of_now(span: &SpanRef) -> Self {
        let (context, when) = remote::to_otel_now(span);
        Seen { context, when, later: WriteOnce::new() }
    }

    /// At the start of a span below one with this trace state, which goes on as long as nothing is decided.
    pub(crate) fn first_below(span: &SpanRef, state: &TraceState) -> Self {
        if *state == TraceState::NONE || span.decision_mark().is_some() {
            return Self::first(span);
        }
        let state = match state.get(DATADOG) {
            None => state.clone(),
            Some(_) => state.delete(DATADOG).unwrap_or_default(),
        };
        let context = remote::to_otel(span, None, state);
        Seen { context, when: None, later: WriteOnce::new() }
    }

    /// Of a span that does not exist.
    pub(crate) fn nothing(context: SpanContext) -> Self {
        Seen { context, when: None, later: WriteOnce::new() }
    }

    /// As it is now. Takes no decision, and allocates only the first time after one was taken.
    #[inline]
    pub(crate) fn now(&self, span: &SpanRef) -> &SpanContext {
        match self.find(span.decision_mark()) {
            Ok(seen) => &seen.context,
            Err(_) => self.add(span),
        }
    }

    /// Adds what is true of the decision as it is read for this: it may be another one than a moment before, and
    /// there already. Where other threads are at the same, theirs is as true.
    #[cold]
    fn add(&self, span: &SpanRef) -> &SpanContext {
        let made = Self::of_now(span);
        match self.find(made.when) {
            Ok(seen) => &seen.context,
            Err(last) => &last.later.get_or_make(|| made).context,
        }
    }

    /// The one of a decision; else the last there is.
    #[inline]
    fn find(&self, when: Option<DecisionMark>) -> Result<&Seen, &Seen> {
        let mut seen = self;
        while seen.when != when {
            seen = seen.later.get().ok_or(seen)?;
        }
        Ok(seen)
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
    let Some((span, _)) = live::find(&copy) else { return copy };
    // Takes the decision.
    let _ = span.propagation_context();
    remote::to_otel_now(&span).0
}
