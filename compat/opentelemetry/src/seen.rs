//! What OpenTelemetry sees of a span, before and after its trace is decided.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use tracehound::{DecisionMark, SpanRef};
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
        Seen {
            // First: a decision that is taken in between makes another one.
            when: span.decision_mark(),
            context: remote::to_otel(span, TraceState::NONE),
            later: WriteOnce::new(),
        }
    }

    /// At the start of a span below one with this trace state.
    ///
    /// A member `dd` takes some allocations, and so it is there only where the parent has it: where contexts
    /// are read or written by something else than [`Propagator`](crate::Propagator).
    pub(crate) fn first_below(span: &SpanRef, state: &TraceState) -> Self {
        let when = span.decision_mark();
        let context = match (state.get(DATADOG), when) {
            (None, _) => remote::to_otel(span, state.clone()),
            (Some(_), None) => remote::to_otel(span, state.delete(DATADOG).unwrap_or_default()),
            (Some(_), Some(_)) => remote::to_otel_decided(span),
        };
        Seen { context, when, later: WriteOnce::new() }
    }

    /// Of a span that does not exist.
    pub(crate) fn nothing(context: SpanContext) -> Self {
        Seen { context, when: None, later: WriteOnce::new() }
    }

    /// As it is now. Takes no decision, and allocates only the first time after one was taken.
    pub(crate) fn now(&self, span: &SpanRef) -> &SpanContext {
        let now = span.decision_mark();
        let mut seen = self;
        while seen.when != now {
            seen = seen.later.get_or_make(|| Seen {
                context: remote::to_otel_decided(span),
                when: now,
                later: WriteOnce::new(),
            });
        }
        &seen.context
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
    // Takes the decision, which the flags then follow.
    remote::to_otel_decided(&span)
}
